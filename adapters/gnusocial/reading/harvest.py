"""What a round over a login's timelines brought, made into events: each thing once a channel, in the order it happened."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from adapters.common.activity import Verb
from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.ids import alias, number
from adapters.gnusocial.inbound import Inbound
from adapters.gnusocial.reading.ancestors import Ancestors
from adapters.gnusocial.reading.faces import Notice, Server, read_page
from adapters.gnusocial.reading.marks import Mark, rank
from adapters.gnusocial.reading.memory import Memory
from adapters.gnusocial.reading.timeline import Catch
from adapters.gnusocial.reading.whole import is_cut, whole
from adapters.gnusocial.wire.account import Account
from adapters.gnusocial.wire.echoes import Verdict
from bridge.contract.errors import Unavailable
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Event, Origin
from bridge.model.ids import ChannelId, IdentityId
from bridge.model.people import Identity

FIRST = 3
"""Of a timeline that is opened for the first time so many are shown, as history."""
WHOLE = 10
"""Long posts that are fetched in full in one round."""
LATE = timedelta(hours=1)
"""What turns up between things that were there before, and is older than this, was not late: its author is followed now."""
HEAVY = 16 * 1024
"""Characters of HTML that are read beside the loop, not in it."""
_POSTS = frozenset({Verb.POST, Verb.SHARE})


class Found(Struct, frozen=True):
    """Events with their place in the server's order; `mark`: what becomes of the timeline's once they are safe."""

    events: tuple[tuple[Event, int], ...]
    mark: Mark


class _Choice(Struct, frozen=True):
    items: list[tuple[Notice, Origin]]
    held: list[str]
    mark: Mark


class Harvest:
    """Of one account. `memory`: what was handed in."""

    def __init__(self, account: Account, config: GnuSocialConfig, memory: Memory, tools: Toolbox) -> None:
        self._account = account
        self._memory = memory
        self._tools = tools
        self._server = server_of(account)
        self._reasons: list[str] = []
        self._inbound = Inbound(self._server, activities=config.activities, known=memory.known, dropped=self._reasons.append)
        self._ancestors = Ancestors(account.client, self._server, memory)
        self._whole = WHOLE
        self._peers: set[IdentityId] = set()

    def begin(self) -> None:
        """A new round: what may be asked for in one is all there again."""
        self._ancestors = Ancestors(self._account.client, self._server, self._memory)
        self._whole = WHOLE

    async def notices(self, catch: Catch, channel: ChannelId) -> Found:
        """Raises `Revoked` alone."""
        every = self._read(catch)
        choice = self._chosen(every, catch)
        coming = {notice.number for notice, _ in choice.items} | set(choice.held)
        around = {number: notice for number, (notice, _) in every.items()}
        events: list[tuple[Event, int]] = []
        for notice, origin in choice.items:
            if catch.mark is not None and notice.verb is Verb.POST:
                for elder in await self._ancestors.of(notice, coming, around):
                    events += await self._event(elder, channel, Origin.HISTORY)
            events += await self._event(await self._in_full(notice), channel, origin)
        self._tell_reasons()
        return Found(tuple(events), choice.mark.after(catch.numbers, held=choice.held, gaps=catch.gaps))

    def _read(self, catch: Catch) -> dict[str, tuple[Notice, bool]]:
        """By number. The two faces of a page may overlap another's: where both are there counts."""
        every: dict[str, tuple[Notice, bool]] = {}
        for sheet in catch.sheets:
            page = read_page(sheet.data, sheet.activities, self._server)
            self._count("bad_items", page.bad)
            self._count("undone_favourites", len(page.undone))
            whole = {_id(status) for status in sheet.data}
            for notice in page.notices:
                if notice.number in whole or notice.number not in every:
                    every[notice.number] = (notice, sheet.old)
        return every

    def _chosen(self, every: Mapping[str, tuple[Notice, bool]], catch: Catch) -> _Choice:
        """What is to be handed in, oldest first; what is held back; and the mark, as it is or as it begins."""
        notices = sorted(every.values(), key=lambda one: rank(one[0].number) or 0)
        if catch.mark is None:
            shown = [notice for notice, _ in notices if notice.verb in _POSTS][-FIRST:]
            before = (place for notice, _ in notices if notice not in shown and (place := rank(notice.number)) is not None)
            return _Choice([(notice, Origin.HISTORY) for notice in shown], [], Mark(first=max(before, default=0)))
        items: list[tuple[Notice, Origin]] = []
        held: list[str] = []
        for notice, old in notices:
            if notice.number not in catch.new:
                self._remember(notice, catch.mark)
            elif (verdict := self._verdict(notice)) is Verdict.WAIT:
                held.append(notice.number)
            elif verdict is Verdict.OURS:
                self._note(notice)
            elif self._came_into_view(notice, catch.mark):
                self._count("older_posts")
            else:
                items.append((notice, Origin.HISTORY if old else Origin.LIVE))
        return _Choice(items, held, catch.mark)

    def _verdict(self, notice: Notice) -> Verdict:
        if notice.author is None or notice.author.id != self._account.me:
            return Verdict.NEWS
        return self._account.echoes.judge(self._inbound.own_names(notice), notice.published)

    def _came_into_view(self, notice: Notice, mark: Mark) -> bool:
        place = rank(notice.number)
        if place is None or place > mark.newest or notice.number in mark.held or notice.published is None:
            return False
        if any(gap.above < place < gap.below for gap in mark.gaps):
            return False
        return notice.published < self._tools.clock.now() - LATE

    def _remember(self, notice: Notice, mark: Mark) -> None:
        """Handed in before: after a start, the pages tell it again."""
        place = rank(notice.number)
        if place is not None and mark.first < place <= mark.newest:
            self._note(notice)

    def _note(self, notice: Notice) -> None:
        if notice.verb not in _POSTS:
            return
        self._memory.note(self._inbound.own_names(notice), self._inbound.known(notice))
        about = notice.about
        if about is not None and (names := [name for name in self._inbound.own_names(about) if self._memory.known(name) is None]):
            self._memory.note(names, self._inbound.known(about))

    async def _in_full(self, notice: Notice) -> Notice:
        cut = notice.about if notice.verb is Verb.SHARE else notice
        if cut is None or not is_cut(cut) or self._whole <= 0:
            return notice
        self._whole -= 1
        found = await whole(cut, self._account.client, self._tools)
        return found if cut is notice else replace(notice, about=found)

    async def _event(self, notice: Notice, channel: ChannelId, origin: Origin) -> list[tuple[Event, int]]:
        """Long ones are read beside the loop; between others it gets its turn."""
        now, inbound = self._tools.clock.now(), self._inbound
        weight = len(notice.html or "") + len((notice.about.html if notice.about is not None else None) or "")
        if weight > HEAVY:
            event = await asyncio.to_thread(inbound.event, notice, channel, now, origin=origin)
        else:
            await asyncio.sleep(0)
            event = inbound.event(notice, channel, now, origin=origin)
        self._note(notice)
        return [] if event is None else [(event, rank(notice.number) or 0)]

    def gone(self, number: str, channel: ChannelId) -> Event | None:
        """The end of a post that was handed in, by its author; None where it isn't known."""
        known = self._memory.known(alias(self._server.host, number))
        if known is None:
            return None
        about = Notice(number=number, uri=known.id)
        return self._inbound.event(
            Notice(number="", uri=known.id, verb=Verb.DELETE, author=known.author, about=about), channel, self._tools.clock.now()
        )

    # direct messages

    async def directs(self, catch: Catch) -> Found:
        """Never raises. Where a peer's room can't be made now, its messages are held back."""
        rows = {id: row for sheet in catch.sheets for row in sheet.data if (id := _id(row)) is not None}
        self._count("bad_items", sum(_id(row) is None for sheet in catch.sheets for row in sheet.data))
        now, account, first = self._tools.clock.now(), self._account, catch.mark is None
        ordered = sorted((id for id in rows if id in catch.new), key=lambda id: rank(id) or 0)
        events: list[tuple[Event, int]] = []
        held: list[str] = []
        for id in ordered[-FIRST:] if first else ordered:
            origin = Origin.HISTORY if first else Origin.LIVE
            found = self._inbound.direct(rows[id], account.me, account.name, now, origin=origin)
            if found is None:
                continue
            peer, event = found
            mine = event.author.id == account.me
            verdict = account.echoes.judge((event.key.id,), event.happened_at) if mine else Verdict.NEWS
            if verdict is Verdict.WAIT or (verdict is Verdict.NEWS and not await self._has_room(event.channel, peer)):
                held.append(id)
            elif verdict is Verdict.NEWS:
                events.append((event, rank(id) or 0))
        self._tell_reasons()
        return Found(tuple(events), (catch.mark or Mark()).after(catch.numbers, held=held, gaps=catch.gaps))

    async def _has_room(self, channel: ChannelId, peer: Identity) -> bool:
        if peer.id in self._peers:
            return True
        try:
            await self._tools.linking.direct(channel, login=self._account.name, peer=peer)
        except Unavailable as error:
            self._tools.log.warning(
                "%s: no room for the direct messages with %s yet: %s", channel.network, peer.id.id, error.reason
            )
            return False
        self._peers.add(peer.id)
        return True

    # counting

    def _count(self, name: str, amount: int = 1) -> None:
        if amount:
            self._tools.metrics.count(f"gnusocial_{name}", amount, network=self._server.network)

    def _tell_reasons(self) -> None:
        for reason in self._reasons:
            self._tools.metrics.count("gnusocial_dropped", network=self._server.network, reason=reason)
        self._reasons.clear()


def server_of(account: Account) -> Server:
    root = account.client.site.root
    return Server(account.me.network, account.host, root.removesuffix("api/") if root.endswith("/api/") else "")


def in_order(found: Sequence[tuple[Event, int]]) -> list[Event]:
    """As it happened; of one second, as it arrived."""
    return [event for event, _ in sorted(found, key=lambda one: (one[0].happened_at, one[1]))]


def _id(row: Any) -> str | None:
    return number(row.get("id")) if isinstance(row, dict) else None
