"""Reading an archive (XEP-0313), page by page: a room's, or an account's own.

The results come as messages before the answer to the request. Only those that carry our request's id, from the archive itself, to
who asked, count as such; `stanza.wrapped.archived` sees to that.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol
from xml.etree.ElementTree import Element

from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.wrapped import Archived, archived

PAGE = 100
MOST_PAGES = 1000
"""Of one reading: what goes on for longer is taken for having no end."""
MOST_EMPTY = 20
"""Pages one after the other of which we can read nothing."""
RSM = "http://jabber.org/protocol/rsm"
FORM = "jabber:x:data"
_SET, _LAST = ns.qualified(RSM, "set"), ns.qualified(RSM, "last")


class Asks(Protocol):
    def ask(self, iq: Element) -> "asyncio.Future[Element]": ...


class Archive:
    """`jid`: whose, bare; asked by one of us (`me`, a full address)."""

    def __init__(self, jid: str, me: str) -> None:
        self._jid, self._me = jid, me
        self._count = 0
        self._pages: dict[str, list[Archived]] = {}

    def take(self, element: Element) -> bool:
        """Whether a message is a result of a request under way."""
        if not self._pages or element.get("to") != self._me:
            return False
        for query, page in self._pages.items():
            if (kept := archived(element, self._jid, query)) is not None:
                page.append(kept)
                return True
        return False

    async def read(
        self, link: Asks, *, after: str | None = None, start: datetime | None = None, peer: str | None = None
    ) -> AsyncIterator[list[Archived]]:
        """Pages, oldest first: what came after the id `after`, or since `start`; with `peer`: to and from them alone.

        Ends also where the archive leads in a circle, or on and on (`MOST_PAGES`, `MOST_EMPTY`).
        Raises `Refusal` (`item-not-found`: the archive does not have that id any more), `TimeoutError`, `Unavailable`.
        """
        passed, empty = {after}, 0
        while len(passed) <= MOST_PAGES and empty < MOST_EMPTY:
            self._count += 1
            query = f"q{self._count}"
            self._pages[query] = []
            try:
                answer = await link.ask(self._request(query, after, start, peer))
            finally:
                page = self._pages.pop(query)
            fin = answer.find(ns.qualified(ns.ARCHIVE, "fin"))
            last = None if fin is None else fin.find(f"{_SET}/{_LAST}")
            empty = 0 if page else empty + 1
            if page:
                yield page
            complete = fin is None or fin.get("complete") in ("true", "1")
            if complete or last is None or not last.text or last.text in passed:
                return
            after, start = last.text, None
            passed.add(after)

    def _request(self, query: str, after: str | None, start: datetime | None, peer: str | None) -> Element:
        iq = Element(ns.qualified(ns.CLIENT, "iq"), {"type": "set", "from": self._me, "to": self._jid})
        asked = ns.add(iq, ns.ARCHIVE, "query", None, queryid=query)
        wanted = {"start": start and start.strftime("%Y-%m-%dT%H:%M:%SZ"), "with": peer}
        if any(wanted.values()):
            form = ns.add(asked, FORM, "x", None, type="submit")
            for name, value in (("FORM_TYPE", ns.ARCHIVE), *wanted.items()):
                if value:
                    ns.add(ns.add(form, FORM, "field", None, var=name), FORM, "value", value)
        limits = ns.add(asked, RSM, "set")
        ns.add(limits, RSM, "max", str(PAGE))
        if after is not None:
            ns.add(limits, RSM, "after", after)
        return iq
