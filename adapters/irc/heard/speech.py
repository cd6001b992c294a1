"""What is said: messages, reactions and their taking back."""

from collections import OrderedDict

from adapters.irc.formatting import text_of
from adapters.irc.heard.scene import Heard, Scene, keep, native, reason_of, replied
from bridge.model.events import Event, Mention, Message, Reactions, Redaction, Ref, Style, Text
from bridge.model.ids import EventKey
from bridge.text.escape import strip_controls
from bridge.text.plain import cut


class Speech:
    """`to_ranks`: messages to a channel's operators (`@#channel`) are passed on, with that mark before them."""

    def __init__(self, scene: Scene, *, to_ranks: bool) -> None:
        self._scene = scene
        self._to_ranks = to_ranks
        self._reactions: OrderedDict[tuple[str, str], tuple[str, ...]] = OrderedDict()

    def message(self, heard: Heard) -> tuple[Event, ...]:
        """PRIVMSG and NOTICE to channels, CTCP ACTION among them; all other CTCP and private messages are not events."""
        line = heard.line
        raw, style = line.param(1), Style.NOTICE if line.command == "NOTICE" else Style.SAY
        if raw.startswith("\x01"):
            word, _, raw = raw[1:].rstrip("\x01").partition(" ")
            if word.upper() != "ACTION" or style is Style.NOTICE:
                return ()
            style = Style.EMOTE
        targets = line.param(0).split(",")
        if not any(self._scene.isupport.is_channel(self._scene.isupport.strip_status(target)) for target in targets):
            return ()
        text = text_of(raw)
        if not text.plain.strip():
            self._scene.dropped("empty")
            return ()
        author, reply = self._scene.author(line), self._scene.ref(replied(line))
        events = []
        for target in targets:
            name = self._scene.isupport.strip_status(target)
            if not self._scene.isupport.is_channel(name):
                continue
            said = text if name == target else self._ranked(target[: -len(name)], text)
            if said is None:
                self._scene.dropped("to ranks only")
                continue
            body = Message(text=said, style=style, reply_to=reply, mentions=self._addressed(name, text.plain))
            channel = self._scene.channel(name)
            events.append(self._scene.event(heard, channel, author, body, channel.id if len(targets) > 1 else ""))
        return tuple(events)

    def _ranked(self, mark: str, text: Text) -> Text | None:
        if not self._to_ranks:
            return None
        return Text(plain=f"[{mark}] {text.plain}", html=None if text.html is None else f"[{mark}] {text.html}")

    def _addressed(self, channel: str, text: str) -> tuple[Mention, ...]:
        """`nick: …` and `nick, …`, where the nick is in the channel: how people are called on IRC."""
        word = text.partition(" ")[0]
        nick = word[:-1]
        if not nick or word[-1] not in ":," or not self._scene.roster.is_member(channel, nick):
            return ()
        return (Mention(who=self._scene.roster.identity(nick), text=nick),)

    def reaction(self, heard: Heard) -> tuple[Event, ...]:
        """`+draft/react` adds one to the author's set, `+draft/unreact` takes one away."""
        line = heard.line
        added, removed = line.tags.get("+draft/react"), line.tags.get("+draft/unreact")
        target, name = replied(line), self._scene.isupport.strip_status(line.param(0))
        key = cut(strip_controls(added or removed or "").strip(), 8)
        if not key or target is None or not self._scene.isupport.is_channel(name):
            return ()
        author = self._scene.author(line)
        before = self._reactions.get((author.id.id, target), ())
        keys = tuple(one for one in before if one != key) + ((key,) if added else ())
        keep(self._reactions, (author.id.id, target), keys)
        body = Reactions(target=Ref(key=EventKey(self._scene.network, target)), keys=keys)
        return (self._scene.event(heard, self._scene.channel(name), author, body),)

    def redact(self, heard: Heard) -> tuple[Event, ...]:
        line = heard.line
        target, name = native(line.param(1)), line.param(0)
        if target is None or not self._scene.isupport.is_channel(name):
            return ()
        body = Redaction(target=Ref(key=EventKey(self._scene.network, target)), reason=reason_of(line.param(2)))
        return (self._scene.event(heard, self._scene.channel(name), self._scene.author(line), body),)
