"""What a server's notices mean: one notice in, one canonical event or none out. Pure.

Posts are messages with the facts of their publication, repeats boosts with the original in full. The notices that a server
makes of other activities are what they stand for: a favourite is its author's ⭐, a deletion a redaction; who follows whom or
joins a group is a notice, left out unless asked for.

A post's key is its global name, the same on every server. A deletion bears the name of what it deletes, so `#delete` is added.
What a server calls a thing, `host:number`, is always an alias; a repeat answers to its original's names too.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from adapters.common.activity import Verb
from adapters.common.html import Page, read
from adapters.gnusocial.ids import Kind, Place, address, alias, direct_id, event_key, host_of, number
from adapters.gnusocial.reading.faces import TAGS_CAP, Notice, Server
from adapters.gnusocial.reading.values import moment, words
from adapters.gnusocial.wire.statuses import identity_in
from bridge.model.events import Body, Boost, Event, Mention, Message, Origin, PostFacts, Reactions, Redaction, Ref, Style, Text
from bridge.model.events import Visibility as Seen
from bridge.model.ids import ChannelId, IdentityId
from bridge.model.people import Identity, Profile
from bridge.text.escape import strip_controls
from bridge.text.plain import excerpt

STAR = "⭐"
EXCERPT = 80
MENTIONS_CAP = 100
_OLDEST = 1990
"""A lower year is that of a clock that was never set."""
_SKEW = timedelta(minutes=10)
"""A date so little ahead is a clock that runs fast, not a claim worth showing."""
_ACTIVITIES = frozenset({Verb.FOLLOW, Verb.UNFOLLOW, Verb.JOIN, Verb.LEAVE, Verb.TAG, Verb.UPDATE_PROFILE})


class Known(Struct, frozen=True):
    """What is remembered of a post: enough to point at it."""

    id: str
    author: Identity | None = None
    excerpt: str | None = None


def _nothing(name: str) -> Known | None:
    return None


class Inbound:
    """Of one server. `activities`: follows and joins are shown. `known` tells of a post by any of its names.

    `dropped` is told the reason of whatever could have been an event and is none.
    """

    def __init__(
        self,
        server: Server,
        *,
        activities: bool = False,
        known: Callable[[str], Known | None] = _nothing,
        dropped: Callable[[str], None] = lambda why: None,
    ) -> None:
        self.server = server
        """Whose notices they are."""
        self._activities = activities
        self._known = known
        self._dropped = dropped

    def own_names(self, notice: Notice) -> tuple[str, ...]:
        """What the thing itself is called: the id of its event's key first."""
        host, about = self.server.host, notice.about
        key = _own_name(notice, host)
        if notice.verb in (Verb.DELETE, Verb.UNSHARE):
            key = f"{about.uri if about is not None and about.uri else key}#delete"
        return tuple(dict.fromkeys([key, alias(host, notice.number)] if notice.number else [key]))

    def names(self, notice: Notice) -> tuple[str, ...]:
        """All names by which its event may be meant: a repeat answers to its original's, too."""
        own, about = self.own_names(notice), notice.about
        return tuple(dict.fromkeys((*own, *self.own_names(about)))) if notice.verb is Verb.SHARE and about is not None else own

    def known(self, notice: Notice) -> Known:
        """What to remember of a post."""
        return Known(_own_name(notice, self.server.host), notice.author, _excerpt(notice))

    def event(self, notice: Notice, channel: ChannelId, now: datetime, *, origin: Origin = Origin.LIVE) -> Event | None:
        """Never raises. `now` (aware) is when it was first seen: nothing happened later than that."""
        if notice.author is None:
            self._dropped("nobody")
            return None
        body = self._body(notice, now)
        if body is None:
            return None
        key, *aliases = self.names(notice)
        return Event(
            key=event_key(self.server.network, key),
            channel=channel,
            author=notice.author,
            happened_at=time_of(notice.published, now)[0],
            body=body,
            origin=origin,
            aliases=tuple(aliases),
        )

    def _body(self, notice: Notice, now: datetime) -> Body | None:
        match notice.verb:
            case Verb.POST:
                return self._message(notice, now)
            case Verb.SHARE:
                return self._boost(notice, now)
            case Verb.FAVORITE | Verb.UNFAVORITE:
                target = self._target(notice.about)
                return None if target is None else Reactions(target=target, keys=(STAR,) if notice.verb is Verb.FAVORITE else ())
            case Verb.DELETE | Verb.UNSHARE:
                target = self._target(notice.about)
                return None if target is None else Redaction(target=target)
        if notice.verb in _ACTIVITIES and self._activities:
            return self._message(notice, now, style=Style.NOTICE)
        self._dropped("activity" if notice.verb in _ACTIVITIES else "verb")
        return None

    def _message(self, notice: Notice, now: datetime, *, style: Style = Style.SAY) -> Message | None:
        page = self._read(notice)
        shown = {one.source for one in notice.attachments}
        attachments = (*notice.attachments, *(one for one in page.attachments if one.source not in shown))
        if not page.text.plain and not attachments:
            self._dropped("empty")
            return None
        return Message(
            text=page.text,
            style=style,
            attachments=attachments,
            reply_to=self._reply(notice) if style is Style.SAY else None,
            mentions=self._mentions(page),
            location=notice.location,
            post=_facts(notice, page, now),
        )

    def _read(self, notice: Notice) -> Page:
        if notice.html is None:
            return Page(text=Text(plain=strip_controls(notice.plain).strip()))
        shown = frozenset(one.source for one in notice.attachments)
        page = read(notice.html, notice.permalink or self.server.web, shown=shown, take_links=True)
        if page.text.plain or page.attachments:
            return page
        return Page(text=Text(plain=strip_controls(notice.plain).strip()))

    def _boost(self, notice: Notice, now: datetime) -> Boost | None:
        target = self._target(notice.about)
        if target is None or notice.about is None:
            return None
        original = self._message(notice.about, now)
        if original is None:
            return None
        author, said = notice.about.author, excerpt(original.text.plain, EXCERPT) or None
        return Boost(target=Ref(key=target.key, author=author or target.author, excerpt=said), original=original)

    def _target(self, about: Notice | None) -> Ref | None:
        """What is acted on: by its global name, else by its number here."""
        found = self._ref(about.uri, about.number) if about is not None else None
        if found is None:
            self._dropped("no-target")
        return found

    def _reply(self, notice: Notice) -> Ref | None:
        return self._ref(notice.reply_uri, notice.reply_number)

    def _ref(self, uri: str | None, id: str | None) -> Ref | None:
        names = [uri] if uri else []
        names += [alias(self.server.host, id)] if id else []
        if not names:
            return None
        known = next((found for name in names if (found := self._known(name)) is not None), Known(names[0]))
        return Ref(key=event_key(self.server.network, known.id), author=known.author, excerpt=known.excerpt)

    def _mentions(self, page: Page) -> tuple[Mention, ...]:
        """People who are linked by name: where a name leads says on which server it is one."""
        found: dict[str, Mention] = {}
        for url, text in page.named[:MENTIONS_CAP]:
            nick = text.removeprefix("@").partition("@")[0].strip()
            host = host_of(url)
            if (
                text.startswith("@")
                and host
                and text in page.text.plain
                and not any(char.isspace() or char in "/#:" for char in nick)
            ):
                try:
                    id = IdentityId(self.server.network, address(f"{nick}@{host}"))
                except ValueError:
                    continue
                found.setdefault(text, Mention(who=Identity(id=id, profile=Profile(url=url)), text=text))
        return tuple(found.values())

    # direct messages

    def direct(
        self, row: Mapping[str, Any], me: IdentityId, login: str, now: datetime, *, origin: Origin = Origin.LIVE
    ) -> tuple[Identity, Event] | None:
        """A direct message, and with whom it is exchanged. `me`: whose account it came to or left from. Never raises."""
        id, text = number(row.get("id")), words(row.get("text"))
        sender, recipient = (self._party(row, side) for side in ("sender", "recipient"))
        if id is None or text is None or sender is None or recipient is None:
            self._dropped("bad-direct")
            return None
        peer = recipient if sender.id == me else sender
        event = Event(
            key=event_key(self.server.network, direct_id(self.server.host, id)),
            channel=ChannelId(self.server.network, str(Place(Kind.DIRECT, peer.id.id, login))),
            author=sender,
            happened_at=time_of(moment(row.get("created_at")), now)[0],
            body=Message(text=Text(plain=strip_controls(text).strip())),
            origin=origin,
        )
        return peer, event

    def _party(self, row: Mapping[str, Any], side: str) -> Identity | None:
        user = row.get(side) if isinstance(row.get(side), dict) else {"screen_name": row.get(f"{side}_screen_name")}
        return identity_in(self.server.network, user, self.server.host)


def time_of(published: datetime | None, now: datetime) -> tuple[datetime, datetime | None]:
    """When it happened, never later than now; and the date it bears, where that can't be believed."""
    if published is None:
        return now, None
    if published > now:
        return now, published if published > now + _SKEW else None
    return (now, published) if published.year < _OLDEST else (published, None)


def _own_name(notice: Notice, host: str) -> str:
    return notice.uri or alias(host, notice.number)


def _excerpt(notice: Notice) -> str | None:
    return excerpt(notice.plain, EXCERPT) or None


def _facts(notice: Notice, page: Page, now: datetime) -> PostFacts:
    return PostFacts(
        permalink=notice.permalink,
        uri=notice.uri,
        claimed_at=time_of(notice.published, now)[1],
        conversation=notice.conversation,
        visibility=Seen.PUBLIC if notice.public else Seen.FOLLOWERS,
        language=notice.language,
        tags=_tags(notice, page),
        via=notice.via,
    )


def _tags(notice: Notice, page: Page) -> tuple[str, ...]:
    """As they stand in the text, which keeps their script; else as the server files them."""
    spelt = [text.removeprefix("#").strip() for _, text in page.named if text.startswith("#")]
    unique = {tag.casefold(): tag for tag in reversed(spelt or notice.tags) if tag}
    return tuple(reversed(unique.values()))[:TAGS_CAP]
