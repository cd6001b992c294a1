"""Who moderates a room, both ways: told on as roles change, and asked for those of ours who moderate the Matrix room.

Only roles, which end with a stay (XEP-0045 §5.1): an affiliation is for ever, and belongs to people, not to bridges.
"""

import asyncio
from contextlib import suppress
from xml.etree.ElementTree import Element

from adapters.xmpp.ids import Kind, Place
from adapters.xmpp.rooms.cast import Cast
from adapters.xmpp.rooms.deeds import role_request
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.participant import Participant, State
from adapters.xmpp.rooms.people import People
from adapters.xmpp.wire.verdicts import Refusal
from bridge.contract.errors import DeliveryError
from bridge.model.ids import HUB, ChannelId, IdentityId
from bridge.model.signals import Moderators

_MAY_GRANT = ("owner", "admin")
_BELOW = ("participant", "visitor")


class Ranks:
    """Of one room. `me` listens, and asks."""

    def __init__(self, place: Place, house: House, people: People, cast: Cast, me: Participant) -> None:
        self._place, self._house, self._people, self._cast, self._me = place, house, people, cast, me
        self._told: tuple[IdentityId, ...] | None = None
        self._shows = house.config.show_moderators
        self._grants = house.config.grant_moderators and place.kind is Kind.ROOM
        self._wanted: dict[ChannelId, frozenset[str]] = {}
        """Who of ours moderates each room on Matrix, by their full addresses."""
        self._raised: dict[Participant, str] = {}
        """For whom we asked since they came in, and the role that they had."""
        self._refused = False

    def heard(self, signal: Moderators) -> None:
        """Of Matrix alone: who moderates one channel is nobody's business in another."""
        if self._grants and signal.of.network == HUB:
            self._wanted[signal.of] = frozenset(self._house.voices.jid_of(one) for one in signal.who)

    def tick(self) -> None:
        """While we are in. Where nothing is to be shown, that is said once: what was shown before is taken back."""
        moderators = self._people.moderators() if self._shows else ()
        if moderators != self._told:
            self._told = moderators
            channel = self._place.channel(self._house.network)
            self._house.inlet.signal(Moderators(channel=channel, of=channel, who=moderators))
        if self._wanted or self._raised:
            self._ask()

    def _ask(self) -> None:
        mine = self._people.of(self._me.nick)
        if mine is None or mine.affiliation not in _MAY_GRANT:
            return
        wanted = frozenset[str]().union(*self._wanted.values())
        self._raised = {one: role for one, role in self._raised.items() if one.state is State.IN}
        for one in self._cast:
            person = self._people.of(one.nick) if one.state is State.IN and one is not self._me else None
            if person is None:
                continue
            if one.jid in wanted:
                if one not in self._raised and person.role in _BELOW:
                    self._raised[one] = person.role
                    self._write(role_request(self._place.jid, one.nick, "moderator"))
            elif one in self._raised:
                before = self._raised.pop(one)
                if person.role == "moderator" and person.affiliation not in _MAY_GRANT:
                    self._write(role_request(self._place.jid, one.nick, before))

    def _write(self, iq: Element) -> None:
        """The room's answer is the role they have from then on."""
        iq.set("from", self._me.jid)
        with suppress(DeliveryError):
            self._house.linked().ask(iq).add_done_callback(self._answered)

    def _answered(self, answer: "asyncio.Future[Element]") -> None:
        """A refusal changes nothing, and is said once."""
        error = None if answer.cancelled() else answer.exception()
        if isinstance(error, Refusal) and not self._refused:
            self._refused = True
            self._house.tools.log.info("%s does not let the bridge say who moderates: %s", self._place.jid, error.words)
