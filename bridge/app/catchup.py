"""What somebody missed: `bridge.commands.catchup.Reading` over the ledger and the read marks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from bridge.app.readmarks import ReadMarks
from bridge.commands.catchup import Post, gathered
from bridge.delivery.governor import SCOPE, record_of
from bridge.ledger.ledger import Ledger
from bridge.ledger.missed import Came
from bridge.matrix.ports import Lru
from bridge.model.events import Message
from bridge.model.ids import HUB, EventKey, IdentityId
from bridge.model.portals import Portal
from bridge.routing.accounts import Accounts

_LOOKED_UP = 200
"""Answers whose subject is looked for in the ledger, at most."""


class CatchUp:
    def __init__(self, ledger: Ledger, marks: ReadMarks, accounts: Callable[[], Accounts], *, domain: str) -> None:
        self._ledger = ledger
        self._marks = marks
        self._accounts = accounts
        self._domain = domain
        self._left: Lru[tuple[str, int], Sequence[Post]] = Lru(500)

    async def read_until(self, user: str, portal: Portal) -> datetime | None:
        return await self._marks.until(user, portal.channel)

    async def posts(self, user: str, portal: Portal, since: datetime) -> Sequence[Post]:
        came = await self._ledger.came(portal.channel, since)
        read = self._marks.event(user, portal.channel)
        at = next((place for place, one in enumerate(came) if one.native == read and one.at == since), None)
        came = came if at is None else came[at + 1 :]  # of what came in that very moment, too
        me = IdentityId(HUB, user)
        mine = {me, *(account.identity for account in self._accounts().owned_by(me) if account.identity is not None)}
        numbers = record_of(await self._ledger.fact(SCOPE, portal.channel.id)).numbered()
        return gathered(
            came, mine=mine, answered=await self._answered(came), numbers={id: number for number, id in numbers.items()}
        )

    async def _answered(self, came: Sequence[Came]) -> Mapping[EventKey, IdentityId]:
        """Whose is what answers name without saying so."""
        bodies = [one.event.body for one in reversed(came)]
        refs = [body.reply_to for body in bodies if isinstance(body, Message) and body.reply_to is not None]
        found: dict[EventKey, IdentityId] = {}
        for key in dict.fromkeys([ref.key for ref in refs if ref.author is None][:_LOOKED_UP]):
            root = await self._ledger.root(key)
            event = None if root is None else await self._ledger.event(root)
            if event is not None:
                found[key] = event.author.id
        return found

    def keep(self, user: str, portal: Portal, posts: Sequence[Post]) -> None:
        self._left.put((user, portal.id), posts)

    def kept(self, user: str, portal: Portal) -> Sequence[Post]:
        return self._left.get((user, portal.id)) or ()

    def link(self, portal: Portal, native: str) -> str:
        return (
            f"https://matrix.to/#/{quote(portal.room, safe='!:')}/{quote(native, safe='$:')}?via={quote(self._domain, safe=':')}"
        )
