"""People known to be one by their own pages: each links to the other with rel=me, and the other links back.

Nobody's word counts for more than their own page. A page is an identity's where it is on the identity's own host; a feed's where
the page calls that feed its own. Two pages that link to each other are one human's, and so are two that a third links to and that
link back to it: a homepage between two accounts. A link without a link back is nothing: everybody may link to somebody famous.

Pages are asked for slowly and seldom. What people said by a word counts before all this, either way.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from bridge.app.persons import REL_ME, HumanBook, Joint
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.resting import rest
from bridge.contract.toolbox import Clock, HttpClient, Metrics
from bridge.ledger.ledger import Ledger
from bridge.model.events import Boost, Event
from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Identity
from bridge.text.relme import Claims, claims_of, folded

PACE = 15.0
"""Seconds between two pages that are asked for."""
WEEK = timedelta(days=7).total_seconds()
PATIENCE = timedelta(days=28).total_seconds()
"""A page that can't be had for so long has taken back what it said."""
MOST_PEOPLE = 20_000
MOST_STEPS = 10
"""Links of one page that are followed."""
_PAGE_BYTES = 1024 * 1024
_SECONDS = 15.0
_PAGES = "rel-me-pages"


class Seen(Struct, frozen=True, kw_only=True):
    """A page when it was last asked for. `good_at`: when it last answered; seconds since 1970, both."""

    url: str
    asked_at: int
    good_at: int = 0
    claims: Claims = Claims()


class LinkedPeople:
    """`met` with what was committed; `run` under a task group."""

    def __init__(
        self, ledger: Ledger, http: HttpClient, clock: Clock, humans: HumanBook, metrics: Metrics, log: logging.Logger
    ) -> None:
        self._ledger = ledger
        self._http = http
        self._clock = clock
        self._humans = humans
        self._metrics = metrics
        self._log = log
        self._pages: dict[str, Seen] = {}
        self._joints: dict[str, Joint] = {}
        self._page_of: OrderedDict[IdentityId, str] = OrderedDict()
        self._at: dict[str, set[IdentityId]] = {}
        self._queue: OrderedDict[IdentityId, None] = OrderedDict()
        self._looked_at: dict[IdentityId, int] = {}
        self._woken = asyncio.Event()

    def met(self, events: Sequence[Event]) -> None:
        """Quick: people whose page is not known yet, or is another one now."""
        for event in events:
            who = [event.author]
            if isinstance(event.body, Boost) and event.body.target.author is not None:
                who.append(event.body.target.author)
            for one in who:
                self._meet(one)

    def _meet(self, who: Identity) -> None:
        url = who.profile.url
        if who.bot or who.id.network == HUB or url is None or self._page_of.get(who.id) == url or folded(url) is None:
            return
        self._forget(who.id)
        while len(self._page_of) >= MOST_PEOPLE:
            self._forget(next(iter(self._page_of)))
        self._page_of[who.id] = url
        self._at.setdefault(folded(url) or "", set()).add(who.id)
        self._queue[who.id] = None
        self._woken.set()

    def _forget(self, id: IdentityId) -> None:
        url = self._page_of.pop(id, None)
        self._queue.pop(id, None)
        if url is not None:
            self._at.get(folded(url) or "", set()).discard(id)

    async def run(self) -> None:
        """Until cancelled."""
        loaded = False
        while True:
            self._woken.clear()
            try:
                if not loaded:
                    await self._load()
                    loaded = True
                while self._queue:
                    id, _ = self._queue.popitem(last=False)
                    await self._look(id)
                self._line_up()
            except LedgerUnavailable:
                self._metrics.count("ledger_unavailable", where="rel-me")
            await rest(self._clock, self._woken, WEEK / 50)

    async def _load(self) -> None:
        now = self._now()
        for name, value in (await self._ledger.facts(_PAGES)).items():
            seen = msgspec.json.decode(value, type=Seen)
            if now - seen.asked_at > 2 * PATIENCE:
                await self._ledger.save_fact(_PAGES, name, None)
            else:
                self._pages[name] = seen
        for name, value in (await self._ledger.facts(REL_ME)).items():
            joint = self._joints[name] = msgspec.json.decode(value, type=Joint)
            for id, page in ((joint.one, joint.pages[0]), (joint.other, joint.pages[-1])):
                if id not in self._page_of and page in self._pages:
                    self._page_of[id] = self._pages[page].url
                    self._at.setdefault(page, set()).add(id)

    def _line_up(self) -> None:
        """Whoever was last looked at a week ago."""
        late = self._now() - WEEK
        self._queue.update(dict.fromkeys(id for id in self._page_of if self._looked_at.get(id, 0) <= late))

    async def _look(self, id: IdentityId) -> None:
        url = self._page_of.get(id)
        own = await self._page(url) if url is not None else None
        self._looked_at[id] = self._now()
        start = folded(url or "") or ""
        found: dict[str, Joint] = {}
        for path in await self._paths(start, own) if own is not None and id in self._owners(start) else ():
            for other in self._owners(path[-1]) - {id}:
                one, two, way = (id, other, path) if id < other else (other, id, path[::-1])
                found.setdefault(f"{one} {two}", Joint(one=one, other=two, pages=way))
        for name, joint in found.items():
            await self._join(name, joint)
        await self._part(id, set(found))

    async def _paths(self, start: str, own: Seen) -> list[tuple[str, ...]]:
        """Ways over links that are linked back, of one step and of two."""
        found: list[tuple[str, ...]] = []
        for name, seen in await self._mutual(start, own):
            found.append((start, name))
            found += [(start, name, far) for far, _ in await self._mutual(name, seen) if far != start]
        return found

    def _owners(self, name: str) -> set[IdentityId]:
        """Whose page it is; nobody's where it is several people's of one network."""
        page = self._pages.get(name)
        found = {id for id in self._at.get(name, set()) if page is not None and owns(id, page.url, page.claims)}
        return found if len({id.network for id in found}) == len(found) else set()

    async def _mutual(self, name: str, seen: Seen) -> list[tuple[str, Seen]]:
        found = []
        for link in seen.claims.me[:MOST_STEPS]:
            there = folded(link)
            other = await self._page(link) if there is not None and there != name else None
            if there is not None and other is not None and other.claims.names_me(name):
                found.append((there, other))
        return found

    async def _page(self, url: str) -> Seen | None:
        """As it was this week, asked for where nobody did; None: it cannot be had."""
        name = folded(url) or ""
        seen, now = self._pages.get(name), self._now()
        if seen is None or now - seen.asked_at >= WEEK:
            await self._clock.sleep(PACE)
            claims = await self._claims(url)
            fresh = Seen(url=url, asked_at=now, good_at=now, claims=claims or Claims())
            if claims is None:
                fresh = Seen(url=url, asked_at=now) if seen is None else msgspec.structs.replace(seen, asked_at=now)
            seen = self._pages[name] = fresh
            await self._ledger.save_fact(_PAGES, name, msgspec.json.encode(seen).decode())
        return seen if seen.good_at and now - seen.good_at < PATIENCE else None

    async def _claims(self, url: str) -> Claims | None:
        try:
            headers = {"Accept": "text/html, application/xhtml+xml;q=0.9"}
            answer = await self._http.request("GET", url, headers=headers, limit=_PAGE_BYTES, timeout=_SECONDS)
        except OSError:
            self._metrics.count("rel_me_pages", outcome="unreachable")
            return None
        if answer.status in (404, 410):
            return Claims()  # it says nothing any more
        if answer.status != 200 or _host(answer.url) != _host(url) or "html" not in answer.headers.get("content-type", ""):
            self._metrics.count("rel_me_pages", outcome="no_page")
            return None
        self._metrics.count("rel_me_pages", outcome="read")
        return await asyncio.to_thread(claims_of, answer.body.decode("utf-8", "replace"), answer.url)

    async def _join(self, name: str, joint: Joint) -> None:
        if self._joints.get(name) == joint:
            return
        if name not in self._joints and not await self._humans.join_by_pages(joint):
            return
        self._joints[name] = joint
        await self._ledger.save_fact(REL_ME, name, msgspec.json.encode(joint).decode())
        self._metrics.count("rel_me_joined")
        self._log.info("%s and %s are one by their pages: %s", joint.one, joint.other, " ↔ ".join(joint.pages))

    async def _part(self, id: IdentityId, kept: set[str]) -> None:
        """What its pages no longer say; what cannot be asked for now stays for a while."""
        for name, joint in list(self._joints.items()):
            if id not in (joint.one, joint.other) or name in kept:
                continue
            await self._humans.part_by_pages(joint)
            del self._joints[name]
            await self._ledger.save_fact(REL_ME, name, None)
            self._log.info("%s and %s are no longer one by their pages", joint.one, joint.other)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def owns(id: IdentityId, url: str, claims: Claims) -> bool:
    """Whether a page is an identity's: on the host of `nick@host`, or calling the feed at that address its own."""
    if "#" in id.id or _host(url) == "":
        return False
    feed = folded(id.id)
    if feed is not None:
        return claims.names_feed(feed) and _host(id.id) == _host(url)
    nick, at, host = id.id.rpartition("@")
    return bool(nick and at) and host.lower().removeprefix("www.") == _host(url)


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
        return f"{(parts.hostname or '').removeprefix('www.')}{port}"
    except ValueError:
        return ""
