"""What IRC lines mean: one line in, no event or several out. Pure but for the roster, which every line keeps true.

A key is the line's msgid, else what the caller gives for lines without one. A line that becomes several events (a QUIT in five
channels, two bans in one MODE) gives each a key of its own, made of the line's and what tells them apart, so it is the same when
the line comes again. The topic shown on joining is keyed by when it was set, so a reconnect brings nothing new.
"""

from collections.abc import Callable
from datetime import datetime

from adapters.irc.heard.moves import Moves
from adapters.irc.heard.rules import Rules
from adapters.irc.heard.scene import Heard, Scene, native, time_of
from adapters.irc.heard.speech import Speech
from adapters.irc.ids import Roster
from adapters.irc.wire.isupport import Isupport
from adapters.irc.wire.line import Line
from bridge.model.events import Event, Origin
from bridge.model.ids import NetworkName
from bridge.model.signals import Availability, Presence, Signal, Typing
from bridge.text.escape import strip_controls


class Inbound:
    """One connection's lines, in order, all of them: also those that make no events keep the roster.

    Our own JOIN, PART, KICK and NICK keep the roster and are no events. Our own messages are events like anybody's: whoever calls
    has told echoes apart before.
    """

    def __init__(
        self,
        network: NetworkName,
        roster: Roster,
        isupport: Isupport,
        *,
        show_joins: bool = True,
        to_ranks: bool = False,
        dropped: Callable[[str], None] = lambda why: None,
    ) -> None:
        """`to_ranks`: messages to a channel's operators (`@#channel`) are passed on, with that mark before them.

        `dropped` is told the reason of whatever could have been an event and is none.
        """
        self._scene = scene = Scene(network, roster, isupport, dropped)
        speech, moves, rules = Speech(scene, to_ranks=to_ranks), Moves(scene, show=show_joins), Rules(scene)
        self._readers: dict[str, Callable[[Heard], tuple[Event, ...]]] = {
            "PRIVMSG": speech.message,
            "NOTICE": speech.message,
            "TAGMSG": speech.reaction,
            "REDACT": speech.redact,
            "JOIN": moves.join,
            "PART": moves.part,
            "QUIT": moves.quit,
            "NICK": moves.nick,
            "KICK": moves.kick,
            "INVITE": moves.invite,
            "ACCOUNT": moves.person,
            "CHGHOST": moves.person,
            "353": moves.names,
            "MODE": rules.mode,
            "TOPIC": rules.topic,
            "332": rules.topic_shown,
            "333": rules.topic_shown,
            "366": rules.topic_shown,
        }

    @property
    def me(self) -> str:
        """Our nick now. Set it before the first line; NICK lines keep it."""
        return self._scene.me

    @me.setter
    def me(self, nick: str) -> None:
        self._scene.me = nick

    def events(self, line: Line, now: datetime, fallback_id: str, *, origin: Origin = Origin.LIVE) -> tuple[Event, ...]:
        """Never raises. `now` (aware) stands in for a time that is missing or lies ahead, `fallback_id` for a missing msgid."""
        reader = self._readers.get(line.command)
        if reader is None:
            return ()
        tags = line.tags
        if not tags:
            return reader(Heard(line, fallback_id, now, origin))
        stamp = tags.get("time")
        at = time_of(stamp, now) if stamp else now
        return reader(Heard(line, native(tags.get("msgid")) or fallback_id, at, origin))

    def signals(self, line: Line) -> tuple[Signal, ...]:
        """Typing (the client tag) and away-notify; nothing of our own."""
        scene = self._scene
        if line.command == "TAGMSG":
            state = line.tags.get("+typing") or line.tags.get("+draft/typing")
            target = scene.isupport.strip_status(line.param(0))
            if state and scene.isupport.is_channel(target) and scene.is_person(line):
                return (Typing(channel=scene.channel(target), who=scene.author(line).id, active=state == "active"),)
        elif line.command == "AWAY" and scene.is_person(line):
            status = strip_controls(line.param(0)) or None
            availability = Availability.AWAY if status else Availability.ONLINE
            return (Presence(who=scene.author(line).id, availability=availability, status=status),)
        return ()
