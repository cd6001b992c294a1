"""Reading a room's archive (XEP-0313), page by page.

The results come as messages before the answer to the request. Only those with our request's id, from the room itself, to who
asked, count as such; `stanza.wrapped.archived` sees to that.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from xml.etree.ElementTree import Element

from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.wrapped import Archived, archived
from adapters.xmpp.wire.component import Link

PAGE = 100
RSM = "http://jabber.org/protocol/rsm"
FORM = "jabber:x:data"


class Archive:
    """Of one room, asked by one of us (`me`, a full address), over one link."""

    def __init__(self, room: str, me: str) -> None:
        self._room, self._me = room, me
        self._count = 0
        self._pages: dict[str, list[Archived]] = {}

    def take(self, element: Element) -> bool:
        """Whether a message is a result of a request under way."""
        if not self._pages or element.get("to") != self._me:
            return False
        for query, page in self._pages.items():
            if (kept := archived(element, self._room, query)) is not None:
                page.append(kept)
                return True
        return False

    async def read(self, link: Link, *, after: str | None = None, start: datetime | None = None) -> AsyncIterator[list[Archived]]:
        """Pages, oldest first: what came after the id `after`, or since `start`.

        Raises `Refusal` (`item-not-found`: the archive does not have that id any more), `TimeoutError`, `Unavailable`.
        """
        while True:
            self._count += 1
            query = f"q{self._count}"
            self._pages[query] = []
            try:
                answer = await link.ask(self._request(query, after, start))
            finally:
                page = self._pages.pop(query)
            fin = answer.find(ns.qualified(ns.ARCHIVE, "fin"))
            last = None if fin is None else fin.find(f"{ns.qualified(RSM, 'set')}/{ns.qualified(RSM, 'last')}")
            if page:
                yield page
            complete = fin is None or fin.get("complete") in ("true", "1")
            if complete or last is None or not last.text or last.text == after:
                return
            after, start = last.text, None

    def _request(self, query: str, after: str | None, start: datetime | None) -> Element:
        iq = Element(ns.qualified(ns.CLIENT, "iq"), {"type": "set", "from": self._me, "to": self._room})
        asked = ns.add(iq, ns.ARCHIVE, "query", None, queryid=query)
        if start is not None:
            form = ns.add(asked, FORM, "x", None, type="submit")
            for name, value in (("FORM_TYPE", ns.ARCHIVE), ("start", start.strftime("%Y-%m-%dT%H:%M:%SZ"))):
                ns.add(ns.add(form, FORM, "field", None, var=name), FORM, "value", value)
        limits = ns.add(asked, RSM, "set")
        ns.add(limits, RSM, "max", str(PAGE))
        if after is not None:
            ns.add(limits, RSM, "after", after)
        return iq
