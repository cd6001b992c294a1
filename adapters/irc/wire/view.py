"""What a channel of the live connection can do: features for the core, state for the line that is made of a delivery."""

from collections.abc import Sequence

from msgspec import Struct

from adapters.irc.config import Rate
from adapters.irc.manifest import PARTS, PARTS_LIMITED, WINDOW, WINDOW_IN_SMALL_PIECES, levels
from adapters.irc.outbound import RELAY_NICK_BYTES, State
from adapters.irc.split import SAFE_LIMIT
from adapters.irc.wire.channels import Wish
from adapters.irc.wire.listener import Listener
from adapters.irc.wire.session import Session
from bridge.contract.features import Evidence, Features, Limits, Unit, VoiceKind
from bridge.model.ids import ChannelId

USER_BYTES = 11
"""What servers at most show of a user name, with its `~`; counted until ours is known."""
HOST_BYTES = 63
"""The same of a host."""
TOPIC_BYTES = 307


class Link(Struct):
    """A connection that channels can be opened on."""

    session: Session
    listener: Listener

    @property
    def nick(self) -> str:
        return self.session.nick

    def names(self, channel: str) -> Sequence[str] | None:
        wish = self.session.channels.wish(self.session.fold(channel))
        if wish is None or not wish.joined:
            return None
        return [who.name for who in self.listener.roster.members(channel)]

    def say(self, command: str, params: Sequence[str]) -> None:
        self.session.pen.say(command, params)


class View(Struct, frozen=True):
    facts: tuple[object, ...]
    features: Features
    state: State


def view(link: Link, channel: ChannelId, wish: Wish | None, facts: tuple[object, ...], rate: Rate | None) -> View:
    session = link.session
    caps = session.capabilities
    relays = session.registration.caps.offered.get("draft/relaymsg", "") if "draft/relaymsg" in caps else ""
    if wish is not None and not wish.relays:
        relays = ""
    limit = text_limit(session, channel.id, relays=bool(relays))
    features = Features(
        levels=levels(caps),
        limits=_limits(rate, limit, small_pieces=session.small_pieces),
        voice=VoiceKind.NAME if relays else VoiceKind.PREFIX,
        evidence=session.evidence,
    )
    state = State(
        message_tags="message-tags" in caps,
        relaymsg=relays,
        redact="draft/message-redaction" in caps,
        op=wish is not None and wish.op,
        limit=limit,
        topic_limit=min(session.isupport.topiclen or TOPIC_BYTES, session.isupport.linelen - len(channel.id.encode()) - 10),
        nick_of=link.listener.roster.nick_of,
    )
    return View(facts, features, state)


def unconnected(rate: Rate | None) -> Features:
    """Before a connection: the safest guess."""
    return Features(levels=levels(frozenset()), limits=_limits(rate, SAFE_LIMIT), evidence=Evidence.FENCED)


def text_limit(session: Session, channel: str, *, relays: bool) -> int:
    """Bytes of a message's text as others get it: the line less `:nick!user@host PRIVMSG #channel :` and its end."""
    nick = len(session.nick.encode())
    user = USER_BYTES if session.user is None else len(session.user.encode())
    host = HOST_BYTES if session.host is None else len(session.host.encode())
    source = max(nick, RELAY_NICK_BYTES if relays else 0) + user + host + len(":!@ ")
    return session.isupport.linelen - source - len("PRIVMSG  :\r\n") - len(channel.encode())


def _limits(rate: Rate | None, text: int, *, small_pieces: bool = False) -> Limits:
    if rate is None:
        window = WINDOW_IN_SMALL_PIECES if small_pieces else WINDOW
        return Limits(text=text, unit=Unit.BYTES, lines=1, parts=PARTS, in_flight=window)
    return Limits(text=text, unit=Unit.BYTES, lines=1, parts=PARTS_LIMITED, in_flight=max(2, rate.burst))
