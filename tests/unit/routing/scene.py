"""A small world to plan in: one bridge, a ledger that remembers what it was planned, names spelled short."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from bridge.config.settings import VoiceSettings
from bridge.contract.delivery import Delivery
from bridge.contract.features import Feature, Features, Level, Limits, Unit, VoiceKind
from bridge.contract.plan import Mark, Planned, Seat
from bridge.model.events import Attachment, Body, Boost, Event, Message, Origin, PostFacts, Ref, Style, Text, Visibility
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.model.portals import Direction, Link, Portal, PortalKind
from bridge.routing.accounts import NO_ACCOUNTS, Accounts
from bridge.routing.admit import Policy
from bridge.routing.hub import HUB_FEATURES
from bridge.routing.plan import Place, Planner
from bridge.routing.rules import Rules
from bridge.routing.topology import Leg, Topology
from bridge.routing.voice import plain_name

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
RENDERED = dict.fromkeys(Feature, Level.RENDERED) | {Feature.TEXT: Level.NATIVE}
PLAIN = Features(levels=RENDERED, limits=Limits(text=400, unit=Unit.BYTES, lines=1, parts=5))
RICH = Features(levels=dict.fromkeys(Feature, Level.NATIVE), voice=VoiceKind.PUPPET)


def place(name: str) -> ChannelId:
    return ChannelId.parse(name)


def who(name: str, shown: str | None = None) -> Identity:
    network, _, id = name.partition("/")
    return Identity(id=IdentityId(NetworkName(network), id), profile=Profile(name=shown or id))


def said(text: str, **more: object) -> Message:
    return Message(text=Text(plain=text), **more)  # type: ignore[arg-type]


def happened(id: str, channel: str, author: str | Identity, body: Body | str, **more: object) -> Event:
    identity = who(author) if isinstance(author, str) else author
    at = place(channel)
    return Event(
        key=EventKey(at.network, id),
        channel=at,
        author=identity,
        body=said(body) if isinstance(body, str) else body,
        **({"happened_at": NOW} | more),  # type: ignore[arg-type]
    )


class Memory:
    """The ledger as a plan sees it: what was planned is as good as there."""

    def __init__(self) -> None:
        self.events: dict[EventKey, Event] = {}
        self.copies: set[tuple[EventKey, ChannelId]] = set()
        self.aliases: dict[EventKey, EventKey] = {}
        self.written: dict[str, Delivery] = {}
        """What this bridge delivers, by delivery id."""
        self.came: dict[tuple[EventKey, ChannelId], datetime] = {}
        self.waiting: set[str] = set()
        """Those that have not left; `leave` lets them."""
        self.marks: dict[str, list[EventKey]] = {}
        self.mergers: dict[EventKey, Event] = {}
        self.apart: list[set[EventKey]] = []
        self.persons: dict[IdentityId, IdentityId] = {}
        self.threads: dict[tuple[EventKey, ChannelId], EventKey] = {}

    def root(self, key: EventKey) -> EventKey | None:
        return key if key in self.events else self.aliases.get(key)

    def event(self, key: EventKey) -> Event | None:
        return self.events.get(key)

    def has_copy(self, event: EventKey, channel: ChannelId) -> bool:
        return (event, channel) in self.copies

    def marked(self, mark: Mark) -> tuple[EventKey, ...]:
        return tuple(self.marks.get(mark.value, ()))

    def merged(self, key: EventKey) -> Event | None:
        return self.mergers.get(key)

    def parted(self, one: EventKey, other: EventKey) -> bool:
        return {one, other} in self.apart

    def person(self, who: IdentityId) -> IdentityId | None:
        return self.persons.get(who)

    def thread(self, event: EventKey, channel: ChannelId) -> EventKey | None:
        return self.threads.get((event, channel))

    def since(self, event: EventKey, channel: ChannelId) -> datetime | None:
        """In this world everything comes when it happens."""
        return self.came.get((event, channel), NOW) if (event, channel) in self.copies else None

    def seats(self, event: EventKey) -> tuple[Seat, ...]:
        return tuple(self._seat(event, channel) for key, channel in sorted(self.copies) if key == event)

    def _seat(self, event: EventKey, channel: ChannelId) -> Seat:
        here = [delivery for delivery in self.written.values() if (delivery.event, delivery.channel) == (event, channel)]
        return Seat(
            channel=channel,
            ours=bool(here),
            parts=max((delivery.part + 1 for delivery in here), default=1),
            waiting=tuple(sorted((delivery.part, delivery.id) for delivery in here if delivery.id in self.waiting)),
        )

    def remember(self, event: Event, planned: Planned) -> None:
        same = planned.same
        first = event.key if same is None else same.event
        for mark in planned.marks:
            self.marks.setdefault(mark.value, []).append(first)
        for mark in planned.own_marks:
            self.marks.setdefault(mark.value, []).append(event.key)
        if same is not None and isinstance(event.body, Message):
            self.mergers[event.key] = event
            self._name(first, event.channel, event.key.id, *event.aliases)
        else:
            self.events[event.key] = event
            self._name(event.key, event.channel, event.key.id)
            self._name(first, event.channel, *event.aliases)
        self._draft(planned)

    def _name(self, root: EventKey, channel: ChannelId, *names: str) -> None:
        self.copies.add((root, channel))
        for key in (EventKey(channel.network, name) for name in names):
            self.aliases.setdefault(key, root)

    def see(self, root: EventKey, event: Event, planned: Planned) -> None:
        """It came again, by another way."""
        if event.key != root:
            self.mergers[event.key] = event
        self._name(root, event.channel, event.key.id, *event.aliases)
        self._draft(planned)

    def _draft(self, planned: Planned) -> None:
        for id in planned.withdrawn:
            gone = self.written.pop(id)
            self.waiting.discard(id)
            self.copies.discard((gone.event, gone.channel))
        for draft in planned.drafts:
            delivery = draft.delivery
            self.written[delivery.id] = delivery
            self.copies.add((delivery.event, delivery.channel))
            self.came[delivery.event, delivery.channel] = delivery.happened_at
            if delivery.thread is not None and delivery.channel.network == HUB:
                self.threads[delivery.event, delivery.channel] = delivery.thread.event
            if draft.not_before is not None:
                self.waiting.add(delivery.id)

    def sight(self, event: EventKey, channel: str) -> None:
        """The same was seen there, too."""
        self.copies.add((event, place(channel)))

    def leave(self) -> None:
        """What waited has left."""
        self.waiting.clear()


class World:
    def __init__(
        self,
        *links: Link,
        portals: Iterable[Portal] = (),
        policy: Policy | None = None,
        accounts: Accounts = NO_ACCOUNTS,
    ) -> None:
        self.topology = Topology(portals or [Portal(id=1, room="!room")], links)
        self.places = {
            HUB: Place(features=lambda channel: HUB_FEATURES),
            NetworkName("plain"): Place(features=lambda channel: PLAIN),
            NetworkName("other"): Place(features=lambda channel: PLAIN),
            NetworkName("rich"): Place(features=lambda channel: RICH),
            NetworkName("social"): Place(features=lambda channel: RICH),
            NetworkName("feeds"): Place(features=lambda channel: PLAIN),
        }
        self.memory = Memory()
        self.page: str | None = "https://page"
        self.now = NOW
        self.rules: dict[int, Rules] = {}
        """By portal."""
        self.planner = Planner(
            lambda: self.topology,
            self.places.get,
            policy or Policy(mark="me"),
            self,
            lambda: self.now,
            lambda: accounts,
            self.rules_of,
        )

    def rules_of(self, portal: Portal) -> Rules | None:
        return self.rules.get(portal.id)

    def link_for(self, attachment: Attachment, event: Event) -> str | None:
        return f"https://files/{attachment.name}"

    def page_for(self, event: Event) -> str | None:
        return self.page

    def name_of(self, identity: Identity, leg: Leg) -> str:
        return plain_name(identity, leg)

    def comes(self, event: Event) -> Planned:
        """As the ledger does: what is known is planned once more where it comes by a new way, and not at all where it doesn't."""
        root = self.memory.root(event.key)
        first = None if root is None else self.memory.events[root]
        if root is None or first is None:
            return self.plan(event)
        original = event.key != root and isinstance(first.body, Boost) and isinstance(event.body, Message)
        if event.key in self.memory.mergers if original else self.memory.has_copy(root, event.channel):
            return Planned()
        planned = self.planner.plan(replace(event, key=root), self.memory)
        self.memory.see(root, event, planned)
        return planned

    def plan(self, event: Event) -> Planned:
        planned = self.planner.plan(event, self.memory)
        self.memory.remember(event, planned)
        return planned

    def lines(self, event: Event, channel: str) -> list[str]:
        """What is to be read there, prefix and all."""
        return [
            draft.delivery.voice.prefix + draft.delivery.body.text.plain
            for draft in self.plan(event).drafts
            if draft.delivery.channel == place(channel) and isinstance(draft.delivery.body, Message)
        ]

    def reached(self, event: Event) -> list[str]:
        return [str(draft.delivery.channel) for draft in self.plan(event).drafts]


def link(id: int, channel: str, *, portal: int = 1, direction: str = "both", relay: bool = True) -> Link:
    return Link(id=id, portal=portal, channel=place(channel), direction=Direction(direction), relay=relay)


def post(text: str, visibility: Visibility = Visibility.PUBLIC, **facts: object) -> Message:
    return said(text, post=PostFacts(visibility=visibility, **facts))  # type: ignore[arg-type]


def ref(id: str, network: str, author: str | None = None, excerpt: str | None = None) -> Ref:
    return Ref(key=EventKey(NetworkName(network), id), author=who(author) if author else None, excerpt=excerpt)


__all__ = ["HUB", "NOW", "Memory", "Origin", "PortalKind", "Style", "VoiceSettings", "World", "timedelta"]
