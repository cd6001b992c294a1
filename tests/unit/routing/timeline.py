"""A timeline room: Alice has two accounts, Bob one, a feed comes in, and a chat is linked where a test wants one."""

import itertools
from collections.abc import Sequence

from msgspec.structs import replace

from bridge.contract.features import Features
from bridge.contract.plan import Planned
from bridge.model.events import Body, Edit, Event, Message, Reactions, Redaction, Ref
from bridge.model.ids import ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.portals import Link, Portal, PortalKind, TimelineOptions
from bridge.routing.accounts import Account, Accounts
from bridge.routing.admit import Policy
from bridge.routing.plan import Place
from tests.unit.routing.scene import RICH, World, happened, link, post, said

SOCIAL = NetworkName("rich")
ALICE, BOB = "matrix/@alice:hs", "matrix/@bob:hs"
ROOM = "matrix/!room"
HOME, OTHER, BOBS = "rich/home@me", "rich/home@work", "rich/home@bob"
FEED = "plain/feed"
LINKS = (link(1, HOME, direction="in", relay=False), link(2, OTHER, direction="in", relay=False), link(3, FEED, direction="in"))


def account(name: str, owner: str = "@alice:hs", network: NetworkName = SOCIAL) -> Account:
    who = IdentityId(network, f"{name}@site")
    return Account(network=network, name=name, owner=owner, identity=who, posts_to=ChannelId(network, f"home@{name}"))


def login_of(channel: ChannelId) -> str | None:
    return channel.id.rpartition("@")[2] if "@" in channel.id else None


ACCOUNTS = Accounts((account("me"), account("work"), account("bob", "@bob:hs")), login_of)


class Timeline(World):
    def __init__(
        self,
        *links: Link,
        post_to: Sequence[str] = ("rich@me",),
        accounts: Accounts = ACCOUNTS,
        features: Features = RICH,
        kind: PortalKind = PortalKind.TIMELINE,
        **options: object,
    ) -> None:
        timeline = TimelineOptions(**options)  # type: ignore[arg-type]
        portal = Portal(id=1, room="!room", kind=kind, post_to=tuple(post_to), timeline=timeline)
        super().__init__(*(links or LINKS), portals=[portal], accounts=accounts, policy=Policy(mark="me"))
        self.places[SOCIAL] = Place(features=lambda channel: features)
        self._numbers = itertools.count(1)

    def written(self, body: Body | str, author: str = ALICE, **more: object) -> tuple[Event, Planned]:
        event = happened(f"${next(self._numbers)}", ROOM, author, body, **more)
        return event, self.plan(event)

    def says(self, text: str | Message, author: str = ALICE) -> Planned:
        return self.written(text, author)[1]

    def came(self, text: str = "hello", channel: str = HOME, author: str = "rich/carol@site", **more: object) -> Event:
        """A post of somebody else, or one from elsewhere."""
        event = happened(f"post{next(self._numbers)}", channel, author, post(text), **more)
        self.plan(event)
        return event

    def replies(self, to: Event | EventKey, text: str = "yes", author: str = ALICE) -> Planned:
        return self.says(said(text, reply_to=ref_to(to)), author)

    def reacts(self, to: Event | EventKey, *keys: str, author: str = ALICE) -> Planned:
        return self.written(Reactions(target=ref_to(to), keys=keys), author)[1]

    def redacts(self, what: Event | EventKey, author: str = ALICE) -> Planned:
        return self.written(Redaction(target=ref_to(what)), author)[1]

    def edits(self, what: Event | EventKey, text: str, author: str = ALICE) -> Planned:
        return self.written(Edit(target=ref_to(what), message=said(text)), author)[1]


def ref_to(what: Event | EventKey) -> Ref:
    return Ref(key=what.key if isinstance(what, Event) else what)


def went(planned: Planned) -> list[str]:
    return [str(draft.delivery.channel) for draft in planned.drafts]


def texts(planned: Planned) -> list[str]:
    bodies = [draft.delivery.body for draft in planned.drafts]
    return [body.text.plain for body in bodies if isinstance(body, Message)]


def short(limit: int) -> Features:
    """The same network with posts of at most so many characters."""
    return replace(RICH, limits=replace(RICH.limits, text=limit))
