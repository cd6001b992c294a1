"""The rooms that an account's owner has bookmarked (XEP-0402; XEP-0048 in private storage where the server has no other)."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from xml.etree.ElementTree import Element

from msgspec import Struct

from adapters.xmpp.accounts.faces import PUBSUB_EVENT
from adapters.xmpp.accounts.services import request
from adapters.xmpp.ids import bare
from adapters.xmpp.stanza import fields, ns
from adapters.xmpp.stanza.clean import xml_text
from adapters.xmpp.wire.archive import FORM, Asks
from adapters.xmpp.wire.verdicts import Refusal
from bridge.contract.errors import Rejected
from bridge.text.plain import one_line

NODE = ns.BOOKMARKS
MOST = 500
"""Bookmarks of one account that we keep."""
PRIVATE, STORAGE = "jabber:iq:private", "storage:bookmarks"
_OPTIONS = {
    "FORM_TYPE": "http://jabber.org/protocol/pubsub#publish-options",
    "pubsub#persist_items": "true",
    "pubsub#max_items": "max",
    "pubsub#send_last_published_item": "never",
    "pubsub#access_model": "whitelist",
}
"""XEP-0402 §3.2: kept, all of them, and nobody else's business."""
_NOT_SO = frozenset({"bad-request", "conflict", "feature-not-implemented", "not-acceptable", "resource-constraint"})
"""The server knows no such conditions (ejabberd 23: no `max_items`); without them it might keep the last bookmark only."""
_NAME, _NICK, _PASSWORD = 200, 200, 1000
"""Characters that we believe."""
_STORAGE, _CONFERENCE = ns.qualified(STORAGE, "storage"), ns.qualified(STORAGE, "conference")


class Bookmark(Struct, frozen=True, kw_only=True):
    """`room`: bare and prepared. `entered`: its owner wants to be in whenever there is a connection."""

    room: str
    name: str = ""
    nick: str = ""
    password: str = ""
    entered: bool = False
    extensions: Element | None = None
    """What other clients keep with it (XEP-0402 §2), written back as it was."""

    def __repr__(self) -> str:
        return f"Bookmark({self.room!r}, entered={self.entered})"


class Bookmarks:
    """As they are on the server, as far as it told."""

    def __init__(self) -> None:
        self._new: dict[str, Bookmark] = {}
        """By XEP-0402."""
        self._old: dict[str, Bookmark] = {}
        """In private storage."""
        self._others: Sequence[Element] = ()
        """What else stands there beside the bookmarks of rooms: it is written with them."""
        self._native = True

    def all(self) -> Sequence[Bookmark]:
        return [*{**self._old, **self._new}.values()]

    def get(self, room: str) -> Bookmark | None:
        return self._new.get(room) or self._old.get(room)

    async def read(self, client: Asks) -> None:
        """All of them. A server that has neither kind has none. Raises `TimeoutError`, `Unavailable`."""
        self._native, self._new, self._old = True, {}, {}
        try:
            self._new = _by_room(_native(await client.ask(_items())))
        except Refusal as refusal:
            self._native = refusal.condition == "item-not-found"
        try:
            storage = (await client.ask(_private_request("get"))).find(f".//{_STORAGE}")
        except Refusal:
            return
        self._old = _by_room(_private(storage))
        self._others = [one for one in storage if one.tag != _CONFERENCE] if storage is not None else ()

    async def put(self, client: Asks, bookmark: Bookmark) -> None:
        """Raises `Refusal`, `Rejected`, `TimeoutError`, `Unavailable`."""
        room = bookmark.room
        if self.get(room) is None and len(self.all()) >= MOST:
            raise Rejected("there are too many bookmarks")
        if self._native:
            try:
                await client.ask(_published(bookmark))
                self._new[room] = bookmark
                return
            except Refusal as refusal:
                if refusal.condition not in _NOT_SO:
                    raise
                self._native = False
        await client.ask(self._stored({**self._old, room: bookmark}))
        self._old[room] = bookmark
        self._new.pop(room, None)

    async def remove(self, client: Asks, room: str) -> None:
        """Raises what `put` does."""
        if room in self._new:
            await client.ask(_retracted(room))
            self._new.pop(room, None)
        if room in self._old:
            await client.ask(self._stored({one: kept for one, kept in self._old.items() if one != room}))
            self._old.pop(room, None)

    def _stored(self, bookmarks: Mapping[str, Bookmark]) -> Element:
        """All at once: that is how private storage is written."""
        iq = _private_request("set")
        storage = iq[0][0]
        for room, bookmark in bookmarks.items():
            _conference(storage, STORAGE, bookmark).set("jid", xml_text(room))
        storage.extend(self._others)
        return iq

    def published(self, element: Element, me: str) -> Sequence[str]:
        """Which rooms' bookmarks are others now: our own account's news of what another client did; anybody else's is nothing."""
        items = fields.child(fields.child(element, PUBSUB_EVENT, "event"), PUBSUB_EVENT, "items")
        if items is None or items.get("node") != NODE or fields.bare_of(element.get("from")) not in (me, ""):
            return ()
        changed = []
        for bookmark in _of_items(items.iter(ns.qualified(PUBSUB_EVENT, "item"))):
            known = self._new.get(bookmark.room)
            if known != bookmark and (known is not None or len(self._new) < MOST):
                self._new[bookmark.room] = bookmark
                self._old.pop(bookmark.room, None)  # servers that have both kinds make one of them
                changed.append(bookmark.room)
        for gone in items.iter(ns.qualified(PUBSUB_EVENT, "retract")):
            room = gone.get("id", "")
            old, new = self._old.pop(room, None), self._new.pop(room, None)
            if (old or new) is not None:
                changed.append(room)
        return changed


# reading


def _by_room(bookmarks: Iterable[Bookmark]) -> dict[str, Bookmark]:
    return {one.room: one for one in islice(bookmarks, MOST)}


def _native(answer: Element) -> Iterable[Bookmark]:
    return _of_items(answer.iter(ns.qualified(ns.PUBSUB, "item")))


def _of_items(items: Iterable[Element]) -> Iterable[Bookmark]:
    for item in items:
        conference = item.find(ns.qualified(NODE, "conference"))
        if conference is not None and (found := _bookmark(item.get("id", ""), conference, NODE)) is not None:
            yield found


def _private(storage: Element | None) -> Iterable[Bookmark]:
    for conference in () if storage is None else storage.findall(_CONFERENCE):
        if (found := _bookmark(conference.get("jid", ""), conference, STORAGE)) is not None:
            yield found


def _bookmark(jid: str, conference: Element, space: str) -> Bookmark | None:
    """None for what is no room."""
    try:
        room = bare(jid)
    except ValueError:
        return None
    if "@" not in room:
        return None
    nick, password = (conference.find(ns.qualified(space, name)) for name in ("nick", "password"))
    return Bookmark(
        room=room,
        name=one_line(conference.get("name", ""))[:_NAME],
        nick=one_line(fields.text_of(nick, _NICK)),
        password=fields.text_of(password, _PASSWORD),
        entered=conference.get("autojoin") in ("true", "1"),
        extensions=conference.find(ns.qualified(space, "extensions")),
    )


# writing


def _items() -> Element:
    iq = request("get")
    ns.add(ns.add(iq, ns.PUBSUB, "pubsub"), ns.PUBSUB, "items", None, node=NODE)
    return iq


def _published(bookmark: Bookmark) -> Element:
    iq = request("set")
    pubsub = ns.add(iq, ns.PUBSUB, "pubsub")
    item = ns.add(ns.add(pubsub, ns.PUBSUB, "publish", None, node=NODE), ns.PUBSUB, "item", None, id=xml_text(bookmark.room))
    _conference(item, NODE, bookmark)
    form = ns.add(ns.add(pubsub, ns.PUBSUB, "publish-options"), FORM, "x", None, type="submit")
    for name, value in _OPTIONS.items():
        ns.add(ns.add(form, FORM, "field", None, var=name), FORM, "value", value)
    return iq


def _retracted(room: str) -> Element:
    iq = request("set")
    retract = ns.add(ns.add(iq, ns.PUBSUB, "pubsub"), ns.PUBSUB, "retract", None, node=NODE, notify="true")
    ns.add(retract, ns.PUBSUB, "item", None, id=xml_text(room))
    return iq


def _private_request(kind: str) -> Element:
    iq = request(kind)
    ns.add(ns.add(iq, PRIVATE, "query"), STORAGE, "storage")
    return iq


def _conference(parent: Element, space: str, bookmark: Bookmark) -> Element:
    conference = ns.add(parent, space, "conference", None, autojoin="true" if bookmark.entered else "false")
    if bookmark.name:
        conference.set("name", xml_text(bookmark.name))
    for name, value in (("nick", bookmark.nick), ("password", bookmark.password)):
        if value:
            ns.add(conference, space, name, xml_text(value))
    if bookmark.extensions is not None and space == NODE:
        conference.append(bookmark.extensions)
    return conference
