"""Entries as messages: what a post says and shows, with the facts of its publication. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from adapters.common.media import site_of
from adapters.feeds.parse.entries import ParsedEntry, ParsedFeed
from adapters.feeds.trust import Trust
from bridge.model.events import Location, Mention, Message, PostFacts, Ref, Visibility
from bridge.model.ids import IdentityId, NetworkName
from bridge.model.people import Identity, Profile

_OLDEST = 1990
"""Nothing that is fed today was published before this year: a lower one is a clock that was never set."""
_SKEW = timedelta(minutes=10)
"""A date so little ahead is a clock that runs fast, not a claim worth showing."""


class Posts:
    """Of one feed, read at one time."""

    def __init__(self, network: NetworkName, feed: ParsedFeed, trust: Trust, now: datetime) -> None:
        self._network, self._feed, self._trust, self._now = network, feed, trust, now

    def time_of(self, entry: ParsedEntry) -> tuple[datetime, datetime | None]:
        """When it was published, never later than now; and the date it bears, where that can't be believed."""
        claimed = entry.published or entry.updated
        if claimed is None:
            return self._now, None
        if claimed > self._now:
            return self._now, claimed if claimed > self._now + _SKEW else None
        return (self._now, claimed) if claimed.year < _OLDEST else (claimed, None)

    def changed_at(self, entry: ParsedEntry) -> datetime:
        """When it became what it is now; now, where the feed doesn't tell a time that can be."""
        published, _ = self.time_of(entry)
        updated = entry.updated
        return updated if updated is not None and published < updated <= self._now else self._now

    def facts(self, entry: ParsedEntry, *, uri: str | None) -> PostFacts:
        return PostFacts(
            permalink=entry.link,
            uri=uri,
            claimed_at=self.time_of(entry)[1],
            conversation=entry.conversation,
            title=entry.title,
            visibility=Visibility.UNLISTED if entry.public is False else Visibility.PUBLIC,
            language=entry.language or (self._feed.language if entry.public is None and not entry.kind else None),
            tags=entry.tags,
            via=entry.via,
        )

    def message(self, entry: ParsedEntry, *, uri: str | None, reply_to: Ref | None) -> Message:
        place = Location(latitude=entry.location[0], longitude=entry.location[1]) if entry.location is not None else None
        return Message(
            text=entry.text,
            attachments=entry.attachments,
            reply_to=reply_to,
            mentions=tuple(self._mentions(entry)),
            warning=entry.warning,
            location=place,
            post=self.facts(entry, uri=uri),
        )

    def _mentions(self, entry: ParsedEntry) -> Iterator[Mention]:
        """People who stand in the text. Who it is, their own server says: this is only where the name points."""
        for one in entry.mentions:
            host = site_of(one.uri)
            if one.group or not one.text or not host or one.text not in entry.text.plain:
                continue
            nick = one.text.removeprefix("@").partition("@")[0].strip()
            if nick and not any(char.isspace() or char in "/#:" for char in nick):
                id = IdentityId(self._network, f"{nick.lower()}@{host}" if self._feed.kind != "twtxt" else one.uri)
                yield Mention(who=Identity(id=id, profile=Profile(url=one.uri)), text=one.text)
