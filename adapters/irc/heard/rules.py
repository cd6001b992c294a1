"""What is ruled in a channel: bans and the topic. Other modes have no form in the model."""

from collections import OrderedDict
from datetime import UTC, datetime
from hashlib import blake2b

from adapters.irc.formatting import text_of
from adapters.irc.heard.scene import Heard, Scene, keep
from adapters.irc.ids import matches
from bridge.model.events import ChannelChange, Event, Membership, Move
from bridge.model.people import Identity

_WIDE = 20
"""A mask that means more people than this is no ban of persons and makes no events: a slip of an operator must not ban a room."""


class Rules:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._banned: OrderedDict[tuple[str, str], tuple[Identity, ...]] = OrderedDict()
        self._topics: OrderedDict[str, str] = OrderedDict()
        self._shown: OrderedDict[str, str] = OrderedDict()

    def mode(self, heard: Heard) -> tuple[Event, ...]:
        """Each +b and -b, for each person it means. One line is capped by the server's MODES, so the events are too."""
        line = heard.line
        name = line.param(0)
        if not self._scene.isupport.is_channel(name):
            return ()
        channel = self._scene.channel(name)
        changes = [(adding, mask) for adding, letter, mask in self._changes(line.params) if letter == "b" and mask]
        by = self._scene.author(line) if changes else None
        events = []
        for adding, mask in changes:
            meant = self._banned_by(channel.id, mask, adding)
            if not meant:
                self._scene.dropped("ban of nobody known")
            for who in meant if by is not None else ():
                body = Membership(who=who, move=Move.BAN if adding else Move.UNBAN, by=by)
                apart = f"{'+' if adding else '-'}{mask}/{who.id.id}" if len(changes) > 1 or len(meant) > 1 else ""
                events.append(self._scene.event(heard, channel, by or who, body, apart))
        return tuple(events)

    def _changes(self, params: tuple[str, ...]) -> list[tuple[bool, str, str]]:
        """(adding, letter, argument) by ISUPPORT CHANMODES and PREFIX."""
        lists, always, when_set, _ = self._scene.isupport.chanmodes
        taking = lists + always + "".join(self._scene.isupport.prefix.values())
        arguments = iter(params[2:])
        adding, changes = True, []
        for letter in params[1] if len(params) > 1 else "":
            if letter in "+-":
                adding = letter == "+"
            else:
                takes = letter in taking or (adding and letter in when_set)
                changes.append((adding, letter, next(arguments, "") if takes else ""))
        return changes

    def _banned_by(self, channel: str, mask: str, adding: bool) -> tuple[Identity, ...]:
        """Who is here and matches; for a mask of one nick alone that nick, here or not; on taking back, who was meant then."""
        if not adding and (channel, mask) in self._banned:
            return self._banned.pop((channel, mask))
        mapping = self._scene.isupport.casemapping
        nicks = tuple(
            session.nick
            for session in self._scene.roster.sessions(channel)
            if matches(mask, f"{session.nick}!{session.user or '*'}@{session.host or '*'}", mapping)
        )
        if len(nicks) > _WIDE:
            return ()
        nick = mask.partition("!")[0]
        if not nicks and nick and not any(char in nick for char in "*?@:$~"):
            nicks = (nick,)
        meant = tuple(self._scene.roster.identity(nick) for nick in nicks if not self._scene.is_me(nick))
        if adding and meant:
            keep(self._banned, (channel, mask), meant)
        return meant

    def topic(self, heard: Heard) -> tuple[Event, ...]:
        line = heard.line
        if not self._scene.isupport.is_channel(line.param(0)):
            return ()
        channel, topic = self._scene.channel(line.param(0)), text_of(line.param(1)).plain
        keep(self._topics, channel.id, topic)
        return (self._scene.event(heard, channel, self._scene.author(line), ChannelChange(topic=topic)),)

    def topic_shown(self, heard: Heard) -> tuple[Event, ...]:
        """332 on joining says what, 333 by whom and when; a server without 333 has said all by the end of the names (366)."""
        line = heard.line
        if not self._scene.isupport.is_channel(line.param(1)):
            return ()
        channel = self._scene.channel(line.param(1))
        if line.command == "332":
            keep(self._shown, channel.id, text_of(line.param(2)).plain)
            return ()
        topic = self._shown.pop(channel.id, None)
        if topic is None or self._topics.get(channel.id) == topic:
            return ()
        keep(self._topics, channel.id, topic)
        setter, at = self._scene.server(line.nick), heard.at
        if line.command == "333":
            nick = line.param(2).partition("!")[0]
            at = _moment(line.param(3), heard.at)
            setter = self._scene.roster.identity(nick) if nick and nick != "*" and "." not in nick else self._scene.server(nick)
        digest = blake2b(topic.encode("utf-8", "replace"), digest_size=6).hexdigest()
        stamp = line.param(3) if line.command == "333" else ""
        known = heard._replace(id=f"topic/{channel.id}/{stamp}/{digest}", at=at)
        return (self._scene.event(known, channel, setter, ChannelChange(topic=topic)),)


def _moment(seconds: str, now: datetime) -> datetime:
    if not (seconds.isdecimal() and seconds.isascii() and len(seconds) < 12):
        return now
    try:
        return min(datetime.fromtimestamp(int(seconds), UTC), now)
    except (ValueError, OverflowError, OSError):
        return now
