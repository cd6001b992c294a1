"""The adapter's words: how the feeds are, a look right now, and lists of feeds in and out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from adapters.feeds.feed import Feed
from adapters.feeds.ids import person_of
from adapters.feeds.opml import Outline, write_opml
from adapters.feeds.push.hubs import Hubs, Tally
from adapters.feeds.shelf import Shelf
from bridge.contract.places import Finding
from bridge.contract.toolbox import Toolbox
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import NetworkName
from bridge.model.permissions import Permission

Given = Mapping[str, str | Sequence[str]]
Search = Callable[[str], Awaitable[Sequence[Finding]]]
Refresh = Callable[[Feed], Awaitable[None]]

LIST_CAP = 5000
"""Feeds of one list that are followed."""
_WHICH = Argument(name="feed", summary="a part of its name or address; all unless said", required=False, many=True)


class Words:
    def __init__(
        self, network: NetworkName, tools: Toolbox, *, shelf: Shelf, hubs: Hubs, search: Search, refresh: Refresh
    ) -> None:
        self._network, self._tools = network, tools
        self._shelf, self._hubs = shelf, hubs
        self._search, self._refresh = search, refresh

    def all(self) -> tuple[Word, ...]:
        list_ = Argument(name="list", summary="a file of feeds (OPML), or its address", many=True, file=True)
        return (
            Word(name="health", summary="how each feed does, and each hub", run=self._health, arguments=(_WHICH,)),
            Word(name="refresh", summary="look at feeds right now", run=self._look, arguments=(_WHICH,)),
            Word(name="opml-import", summary="follow every feed of a list (OPML)", run=self._import, arguments=(list_,)),
            Word(name="opml-export", summary="what you follow here, as a list (OPML)", run=self._export),
        )

    async def _mine(self, asker: Asker, given: Given) -> list[Feed]:
        """The feeds that the asker may know of, and meant."""
        if asker.permission >= Permission.ADMIN and asker.room is None:
            feeds = list(self._shelf)
        else:
            followed = await self._tools.linking.followed(asker)
            feeds = [feed for channel in followed if (feed := self._shelf.get(channel)) is not None]
        wanted = _text(given, "feed").casefold()
        if wanted:
            feeds = [one for one in feeds if wanted in one.channel.id.casefold() or wanted in (one.state.title or "").casefold()]
        return sorted(feeds, key=lambda feed: feed.channel)

    # how they do

    async def _health(self, asker: Asker, given: Given) -> Answer:
        feeds = await self._mine(asker, given)
        now, mono = self._tools.clock.now(), self._tools.clock.monotonic()
        rows = tuple(_row(feed, now, mono) for feed in feeds)
        troubled = sum(1 for feed in feeds if feed.state.trouble)
        text = f"{_count(len(feeds), 'feed')}, {troubled or 'none'} in trouble."
        hubs = self._hubs.tallies() if asker.permission >= Permission.ADMIN else {}
        if hubs:
            text += "\n" + "\n".join(_hub_line(host, tally) for host, tally in sorted(hubs.items()))
        return Answer(
            text=text,
            columns=("feed", "title", "read", "next", "state", "by"),
            rows=rows,
            data={
                "feeds": [dict(zip(("feed", "title", "read", "next", "state", "by"), row, strict=True)) for row in rows],
                "hubs": {host: _hub_data(tally) for host, tally in hubs.items()},
            },
        )

    async def _look(self, asker: Asker, given: Given) -> Answer:
        feeds = await self._mine(asker, given)
        if not feeds:
            return Answer(text="No feed of that name is followed.", failed=True)
        for feed in feeds:
            await self._refresh(feed)
        return Answer(text=f"{_count(len(feeds), 'feed')} will be looked at as soon as the hosts may be asked.", data=len(feeds))

    # lists

    async def _import(self, asker: Asker, given: Given) -> Answer:
        found = await self._search(_text(given, "list"))
        if not found or not all(finding.of_list for finding in found):
            return Answer(text='That is no list of feeds (OPML). "follow" takes anything else.', failed=True)
        if len(found) > LIST_CAP:
            return Answer(text=f"The list has {len(found)} feeds: at most {LIST_CAP} can be followed at once.", failed=True)
        said = await self._tools.linking.follow(asker, [finding.channel for finding in found])
        return Answer(text=said, data=[finding.channel.id for finding in found])

    async def _export(self, asker: Asker, given: Given) -> Answer:
        feeds = await self._mine(asker, given)
        if not feeds:
            return Answer(text="No feed is followed here.", failed=True)
        written = write_opml(f"Feeds of {self._network}", [_outline(feed) for feed in feeds], self._tools.clock.now())
        return Answer(text=written, data=written)


def _row(feed: Feed, now: datetime, mono: float) -> tuple[str, ...]:
    state = feed.state
    read = _span(now.timestamp() - state.read) + " ago" if state.read else "never"
    due = "never" if state.gone else "now" if feed.busy or feed.due <= mono else "in " + _span(feed.due - mono)
    sub = state.subscription
    by = "polled"
    if sub is not None:
        active = sub.until > now.timestamp() and not sub.denied
        until = f" until {datetime.fromtimestamp(sub.until, UTC):%Y-%m-%d %H:%M}" if active else ""
        by = f"{'pushed' + until if active else 'polled'} ({sub.pushed} pushed, {sub.missed} missed)"
        by += f"; hub: {sub.trouble}" if sub.trouble else ""
    failed = f" ({_count(state.failures, 'time')})" if state.failures > 1 else ""
    return feed.channel.id, state.title or "", read, due, f"{state.trouble}{failed}" if state.trouble else "well", by


def _hub_line(host: str, tally: Tally) -> str:
    trouble = f"; {tally.trouble}" if tally.trouble else ""
    return f"Hub {host}: {tally.active} of {_count(tally.feeds, 'feed')}, {tally.pushed} pushed, {tally.missed} missed{trouble}"


def _hub_data(tally: Tally) -> dict[str, object]:
    return {name: getattr(tally, name) for name in tally.__struct_fields__}


def _outline(feed: Feed) -> Outline:
    id = feed.channel.id
    url = f"acct:{id}" if person_of(id) is not None else id
    return Outline(url=url, title=feed.state.title, page=feed.state.page)


def _span(seconds: float) -> str:
    """For people, in one unit."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(int(seconds), 0)} s"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _text(given: Given, name: str) -> str:
    value = given.get(name, "")
    return value if isinstance(value, str) else " ".join(value)
