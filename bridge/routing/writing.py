"""Something written in a room with accounts, what is known around it, and what is to become of it."""

from collections.abc import Mapping

from msgspec import Struct

from bridge.contract.plan import Hint, Lookup, Seat
from bridge.model.events import Event, Message
from bridge.model.ids import ChannelId, EventKey
from bridge.model.portals import Portal
from bridge.routing.accounts import Account, Accounts
from bridge.routing.topology import Leg, Topology, account_leg

CONVERSATION = 64
"""Messages of a thread that are followed."""
_UNSEEN = 2**31


class Job(Struct, frozen=True, kw_only=True):
    """One event on its way to some legs."""

    event: Event
    legs: tuple[Leg, ...]
    waits: bool = False
    """It can be taken back for a while."""
    instead: EventKey | None = None
    """It takes the place of what was withdrawn; by this event."""
    parts: Mapping[ChannelId, tuple[int, tuple[int, ...]]] = {}
    """Of a redaction: how many wire messages its subject is at a channel, and which of them are there to be taken back."""


class Written(Struct, frozen=True, kw_only=True):
    jobs: tuple[Job, ...] = ()
    refused: str | None = None
    hint: Hint | None = None
    dropped: str | None = None
    withdrawn: tuple[str, ...] = ()


class Writing(Struct, frozen=True, kw_only=True):
    """An event of a timeline room, its references led to their roots, and what is known around it.

    `chats`: the legs that get a copy by being linked. `command`: what begins a word to the bot.
    """

    event: Event
    portal: Portal
    chats: tuple[Leg, ...]
    topology: Topology
    accounts: Accounts
    lookup: Lookup
    command: str

    @property
    def mine(self) -> tuple[Account, ...]:
        """The author's accounts."""
        return self.accounts.owned_by(self.event.author.id)

    def leg(self, channel: ChannelId, account: Account) -> Leg:
        return account_leg(self.portal, channel, account)

    def seats(self, key: EventKey) -> list[tuple[Account, Seat]]:
        """Where the author's accounts have an event: that of the oldest link first."""
        owned = [(account, seat) for seat in self.lookup.seats(key) if (account := self._mine(seat.channel)) is not None]
        return sorted(owned, key=lambda one: (self._rank(one[1].channel), one[1].channel))

    def _mine(self, channel: ChannelId) -> Account | None:
        account = self.accounts.of(channel)
        return account if account is not None and account.is_of(self.event.author.id) else None

    def _rank(self, channel: ChannelId) -> int:
        return min((link.id for _, link in self.topology.legs_in(channel)), default=_UNSEEN)

    def by_chat(self, key: EventKey) -> bool:
        """Whether one of the linked chats has it."""
        return any(leg.link is not None and self.lookup.has_copy(key, leg.channel) for leg in self.chats)

    def kept(self, reason: str, hint: Hint | None = None) -> Written:
        """It goes where the room's links carry it, and to no account."""
        if self.chats:
            return Written(jobs=(Job(event=self.event, legs=self.chats),))
        return Written(hint=hint, dropped=reason)

    def is_local(self, event: Event | None) -> bool:
        """Whether something was said in the room only: it begins so, or stands in a thread, or answers something, that does."""
        for _ in range(CONVERSATION):
            if event is None or event.channel != self.portal.channel or not isinstance(event.body, Message):
                return False
            body = event.body
            if self.begins_local(body):
                return True
            above = body.thread or body.reply_to
            root = None if above is None else self.lookup.root(above.key)
            event = None if root is None else self.lookup.event(root)
        return False

    def begins_local(self, message: Message) -> bool:
        mark = self.portal.timeline.local
        return bool(mark) and message.text.plain.lstrip().startswith(mark)
