"""What a feed's entries mean: one document in, the events that are new in it out. Pure.

Posts become messages, shares boosts with the original in full, favourites ⭐ reactions, deletions redactions; who follows or
joins whom is a notice, left out unless asked for. What changed becomes an edit. `adapters.feeds.known` says which entry is which,
`adapters.feeds.trust` how much of what a feed claims is believed.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from adapters.common.activity import Verb
from adapters.feeds.known import Known, Matcher, Seen, is_due, is_mass, is_worth_telling
from adapters.feeds.parse.entries import ParsedEntry, ParsedFeed
from adapters.feeds.parse.marking import POST, id_mark, role
from adapters.feeds.posts import Posts
from adapters.feeds.trust import Trust
from bridge.model.events import Body, Boost, Edit, Event, Message, Origin, Reactions, Redaction, Ref, Style
from bridge.model.ids import ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.text.plain import excerpt

FIRST = 3
"""Of a feed that is read for the first time, and of old entries that turn up later, so many are shown."""
STAR = "⭐"
_HASH = "hash:"
_BACKDATED = timedelta(days=2)
"""What claims to be older than this when the feed was first read was there before, or pretends to."""
_POSTS = frozenset({Verb.POST, Verb.UPDATE, Verb.SHARE})
_MARKS = frozenset({Verb.FAVORITE, Verb.UNFAVORITE})


def events(
    network: NetworkName,
    channel: ChannelId,
    feed: ParsedFeed,
    known: Known,
    now: datetime,
    *,
    first: bool,
    activities: bool = False,
) -> tuple[tuple[Event, ...], Known]:
    """What is new in the document, oldest first, and what to remember of it: to be committed together.

    `first`: only the newest 3 are shown, as history. `activities`: who follows or joins whom is told too. Where the returned
    `Known.pending` is set, a change was held back (not more often than now and then per entry): the document is worth reading
    again though it stays the same.
    """
    present = _each_once(feed.entries)
    reading = _Reading(network, channel, feed, known, now, activities)
    return reading.run(present, first or not known.since)


def _each_once(entries: tuple[ParsedEntry, ...]) -> tuple[ParsedEntry, ...]:
    """Of two entries with one id, or with the same link and words, the first counts."""
    ids: set[int] = set()
    copies: set[tuple[int, int]] = set()
    found = []
    for entry in entries:
        mark = entry.marks
        copy = (mark.alike, mark.said)
        if mark.id not in ids and not (mark.alike and copy in copies):
            found.append(entry)
        ids.add(mark.id)
        copies.add(copy)
    return tuple(found)


class _New(Struct, frozen=True):
    entry: ParsedEntry
    at: datetime
    old: bool
    place: int
    event: Event


class _Reading:
    """One document being compared with what is known."""

    def __init__(
        self, network: NetworkName, channel: ChannelId, feed: ParsedFeed, known: Known, now: datetime, activities: bool
    ) -> None:
        self._network, self._channel, self._feed, self._known, self._now = network, channel, feed, known, now
        self._activities = activities
        self._trust = Trust.of(channel, feed)
        self._seconds = int(now.timestamp())
        self._owner = self._trust.owner(feed)
        self._posts = Posts(network, feed, self._trust, now)
        self._keys: dict[str, str] = {}
        self._by_mark = {one.id: one for one in known.seen}
        self._by_key = {self._key(one.key): one for one in known.seen}
        self._pending = False

    def run(self, present: tuple[ParsedEntry, ...], first: bool) -> tuple[tuple[Event, ...], Known]:
        matcher = Matcher(self._known, tuple(entry.marks for entry in present))
        found = [(entry, matcher.find(entry.marks)) for entry in present]
        for entry, seen in found:
            if role(entry) == POST:
                self._keys[entry.ids[0]] = self._key(seen.key) if seen is not None else self._trust.key(entry.ids[0])
        changed = sum(1 for entry, seen in found if seen is not None and seen.said != entry.marks.said)
        told = not is_mass(changed, len(found))
        remembered: list[Seen] = []
        new: list[_New] = []
        edits: list[Event] = []
        for place, (entry, seen) in enumerate(found):
            if seen is None:
                one = self._new(entry, place)
                new += one
                remembered.append(self._remember(entry, shown=bool(one)))
            else:
                kept, edit = self._compared(entry, seen, told)
                remembered.append(kept)
                edits += edit
        shown = self._chosen(new, first)
        ids = {one.event.key.id for one in shown}
        hidden = {one.event.key.id for one in new} - ids
        rows = tuple(replace(one, shown=False) if self._key(one.key) in hidden else one for one in remembered)
        ordered = [one.event for one in self._ordered(shown)]
        return (*ordered, *edits), self._known.after(self._seconds, rows, pending=self._pending)

    def _chosen(self, new: list[_New], first: bool) -> list[_New]:
        """Everything, but of what was there before we came only the newest, as history."""
        old = [one for one in new if (first or one.old) and one.entry.verb in _POSTS]
        latest = self._ordered(old)[-FIRST:]
        fresh = [] if first else [one for one in new if not one.old]
        return [*fresh, *(_as_history(one) for one in latest)]

    def _ordered(self, new: list[_New]) -> list[_New]:
        """By time. Of equal times: documents begin with their newest entry, unless the dates say otherwise."""
        dated = [one.at for one in sorted(new, key=lambda one: one.place) if one.entry.published or one.entry.updated]
        falls = len(dated) < 2 or dated[0] >= dated[-1]
        return sorted(new, key=lambda one: (one.at, -one.place if falls else one.place))

    def _remember(self, entry: ParsedEntry, *, shown: bool) -> Seen:
        key, mark = self._event_id(entry), entry.marks
        author = self._trust.author(entry.author, self._feed).id.id
        return Seen(
            id=mark.id,
            alike=mark.alike,
            titled=mark.titled,
            said=mark.said,
            key=key.removeprefix(self._channel.id) if key.startswith(f"{self._channel.id}#") else key,
            first=self._seconds,
            author="" if author == self._owner.id.id else author,
            shown=shown,
        )

    def _key(self, kept: str) -> str:
        return f"{self._channel.id}{kept}" if kept.startswith("#") else kept

    def _event_id(self, entry: ParsedEntry) -> str:
        key = self._trust.key(entry.ids[0])
        return key if entry.verb in _POSTS else f"{key}#{role(entry)}"

    # what was known

    def _compared(self, entry: ParsedEntry, seen: Seen, told: bool) -> tuple[Seen, tuple[Event, ...]]:
        """What to keep of an entry that is still there, and its edit, if it changed and that is to be told now."""
        mark = entry.marks
        kept = replace(seen, alike=mark.alike, titled=mark.titled, said=mark.said)
        same = seen.said == mark.said or role(entry) != POST or entry.verb is Verb.SHARE
        if same or not told or not is_worth_telling(seen, self._seconds):
            return kept, ()
        if not is_due(seen, self._seconds):
            self._pending = True
            return seen, ()
        revision, key = seen.revision + 1, self._key(seen.key)
        target = Ref(key=EventKey(self._network, key))
        event = Event(
            key=EventKey(self._network, f"{key}#edit{revision}"),
            channel=self._channel,
            author=self._writer(seen, self._trust.author(entry.author, self._feed)),
            happened_at=self._posts.changed_at(entry),
            body=Edit(target=target, message=self._message(entry, key), revision=revision),
        )
        return replace(kept, revision=revision, edited=self._seconds), (event,)

    def _writer(self, seen: Seen, named: Identity) -> Identity:
        """Who wrote it stays who wrote it, whatever the feed calls him later."""
        id = seen.author or self._owner.id.id
        known = next((one for one in (named, self._owner) if one.id.id == id), None)
        return known or Identity(id=IdentityId(self._network, id))

    # what is new

    def _new(self, entry: ParsedEntry, place: int) -> list[_New]:
        at, claimed = self._posts.time_of(entry)
        body = self._body(entry)
        if body is None:
            return []
        since = datetime.fromtimestamp(self._known.since, UTC)
        event = Event(
            key=EventKey(self._network, self._event_id(entry)),
            channel=self._channel,
            author=self._redactor(entry) if isinstance(body, Redaction) else self._trust.author(entry.author, self._feed),
            happened_at=at,
            body=body,
            aliases=tuple(self._aliases(entry)),
        )
        old = bool(self._known.since) and claimed is None and at < since - _BACKDATED and entry.verb in _POSTS
        return [_New(entry, at, old, place, event)]

    def _body(self, entry: ParsedEntry) -> Body | None:
        about = entry.object
        if entry.verb in (Verb.POST, Verb.UPDATE):
            return self._message(entry, self._trust.key(entry.ids[0]))
        if entry.verb is Verb.SHARE:
            return self._boost(entry, about) if about is not None else self._message(entry, self._trust.key(entry.ids[0]))
        if entry.verb in _MARKS:
            target = about.ids[0] if about is not None and not _is_hash(about) else entry.reply_to
            keys = (STAR,) if entry.verb is Verb.FAVORITE else ()
            return Reactions(target=self._ref(target, about), keys=keys) if target else None
        if entry.verb in (Verb.DELETE, Verb.UNSHARE):
            return self._redaction(about or entry)
        if not self._activities or not entry.text.plain:
            return None
        return Message(text=entry.text, style=Style.NOTICE, post=self._posts.facts(entry, uri=None))

    def _message(self, entry: ParsedEntry, key: str) -> Message:
        uri = entry.ids[0] if key == entry.ids[0] else None
        reply = self._ref(entry.reply_to, None) if entry.reply_to else None
        return self._posts.message(entry, uri=uri, reply_to=reply)

    def _boost(self, entry: ParsedEntry, about: ParsedEntry) -> Boost:
        id = about.ids[0]
        original = self._posts.message(about, uri=None if _is_hash(about) else id, reply_to=None)
        return Boost(target=self._ref(id, about), original=original)

    def _redaction(self, about: ParsedEntry) -> Redaction | None:
        """Only of what this feed brought, or what is its own to take back: a feed deletes nothing of others."""
        seen = self._held(about.ids[0])
        if seen is None and not self._trust.is_global(about.ids[0]):
            return None
        if seen is not None and not seen.shown:
            return None
        return Redaction(target=Ref(key=EventKey(self._network, self._key(seen.key) if seen is not None else about.ids[0])))

    def _redactor(self, entry: ParsedEntry) -> Identity:
        """A bare tombstone (RFC 6721) names nobody: the post's author takes it back."""
        seen = self._held((entry.object or entry).ids[0])
        if entry.author is None and seen is not None:
            return self._writer(seen, self._owner)
        return self._trust.author(entry.author, self._feed)

    def _held(self, id: str) -> Seen | None:
        return self._by_mark.get(id_mark(id, POST)) or self._by_key.get(self._trust.key(id))

    def _ref(self, id: str, about: ParsedEntry | None) -> Ref:
        """As the feed names it, but for what is in the feed itself, which goes by its event's name."""
        seen = self._held(id)
        named = self._trust.key(id) if id.startswith(_HASH) else id
        key = self._keys.get(id) or (self._key(seen.key) if seen is not None else named)
        if about is None:
            return Ref(key=EventKey(self._network, key))
        author = self._trust.author(about.author, self._feed) if about.author is not None else None
        return Ref(key=EventKey(self._network, key), author=author, excerpt=excerpt(about.text.plain, 80) or None)

    def _aliases(self, entry: ParsedEntry) -> Iterator[str]:
        """The page of a social post. A boost answers to its original's names too: when that comes, it is known."""
        about = entry.object if entry.verb is Verb.SHARE else entry if entry.verb in _POSTS and entry.kind else None
        if about is None or _is_hash(about):
            return
        if about is not entry:
            yield self._ref(about.ids[0], None).key.id
        link = about.link
        if link is not None and link not in (about.ids[0], self._feed.page) and self._trust.is_global(link):
            yield link


def _as_history(one: _New) -> _New:
    return replace(one, event=replace(one.event, origin=Origin.HISTORY))


def _is_hash(entry: ParsedEntry) -> bool:
    """Whether it has no name but what it says."""
    return entry.ids[0].startswith(_HASH)
