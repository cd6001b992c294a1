"""follow, unfollow, following: what comes into a timeline.

Whoever follows says what they mean in their own words: a page, a feed, user@host, a list of feeds. The networks say what that
is; where it is several things and not all of them are meant, the choice is the asker's.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from bridge.commands.line import Arguments
from bridge.commands.linking import many, one
from bridge.commands.office import Refused
from bridge.commands.render import counted
from bridge.contract.places import Finding
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import ChannelId
from bridge.model.portals import Link, Portal, Source

SHOWN = 10
"""Findings to choose from."""
UNASKED = 100
"""Channels of a list that are linked without --all."""
MOST = 5_000
"""With it."""
_ASIDE = ("comment", "komment", "coment")
"""Pages offer the feed of their comments beside their own: nobody means it who doesn't say so."""


class Followed(Struct, frozen=True, kw_only=True):
    """`known` were linked there before, and stay as they were."""

    portal: Portal
    fresh: tuple[ChannelId, ...]
    known: tuple[ChannelId, ...] = ()


class Follows(Protocol):
    """What these words need of the running bridge."""

    async def search(self, words: str) -> Sequence[Finding]:
        """What can be followed under these words, best first; at least one. Raises `Refused`."""
        ...

    async def follow(self, asker: Asker, channels: Sequence[ChannelId], room: str | None) -> Followed:
        """Links channels to a room; None: where the asker means. Raises `Refused`."""
        ...

    async def timelines(self, asker: Asker, room: str | None) -> Sequence[Portal]:
        """The room named, or the one the word was said in, or all timelines that the asker is in. Raises `Refused`."""
        ...

    def links(self, portals: Sequence[Portal]) -> Sequence[tuple[Portal, Link]]:
        """What comes into these."""
        ...

    def title(self, channel: ChannelId) -> str | None:
        """As its network calls it; None while nobody knows."""
        ...

    def state(self, channel: ChannelId) -> str:
        """ "open", "waiting", or why it is not open."""
        ...

    async def unfollow(self, asker: Asker, links: Sequence[tuple[Portal, Link]]) -> None:
        """Raises `Refused`."""
        ...


def following_words(follows: Follows) -> tuple[Word, ...]:
    return (_follow(follows), _unfollow(follows), _following(follows))


_WHAT = Argument(name="what", summary="an address, user@host, network/channel, a list of feeds (OPML)", many=True, file=True)
_ROOM = Argument(name="room", summary="an alias or a room id; your timeline unless said", required=False)


def _follow(follows: Follows) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        words = " ".join(many(arguments, "what")).strip()
        room = one(arguments, "room") if "room" in arguments else None
        found = await follows.search(words)
        picked = pick(found, arguments)
        if not picked:
            return _choice(found)
        done = await follows.follow(asker, [finding.channel for finding in picked], room)
        titles = {finding.channel: finding.title for finding in picked}
        data = {"room": done.portal.room, "fresh": [*map(str, done.fresh)], "known": [*map(str, done.known)]}
        return Answer(text=told(done, titles), data=data)

    return Word(
        name="follow",
        summary="brings a feed, a person or a list of them into your timeline",
        run=run,
        arguments=(
            _WHAT,
            _ROOM,
            Argument(name="choose", summary="of several that were found, the number of the one that is meant", required=False),
            Argument(name="all", summary='"yes": everything that was found', required=False),
        ),
    )


def pick(found: Sequence[Finding], arguments: Mapping[str, object]) -> Sequence[Finding]:
    """What is meant: of a list all, else the one that is chosen or plainly the best. Empty: the asker must choose. Pure.

    Raises `Refused`.
    """
    if "choose" in arguments:
        number = str(arguments["choose"])
        if not (number.isascii() and number.isdigit() and 0 < int(number[:9]) <= len(found)):
            raise Refused(f"--choose takes a number from 1 to {len(found)}.")
        return (found[int(number[:9]) - 1],)
    everything = str(arguments.get("all", "no")).lower() in ("yes", "true", "on")
    if everything or all(finding.of_list for finding in found):
        if len(found) > (MOST if everything else UNASKED):
            more = f": at most {MOST} can be followed at once" if everything else "; say it again with --all to follow them all"
            raise Refused(f"That is a list of {len(found)}{more}.")
        return found
    meant = [finding for finding in found if not any(word in finding.title.casefold() for word in _ASIDE)] or found
    same = {finding.title.casefold().strip() for finding in meant}
    return meant[:1] if len(same) == 1 else ()


def _choice(found: Sequence[Finding]) -> Answer:
    rows = [(str(number), it.title, str(it.channel), it.summary) for number, it in enumerate(found[:SHOWN], 1)]
    more = f" (the first {SHOWN} of {len(found)})" if len(found) > SHOWN else ""
    return Answer(
        text=f"Several were found{more}. Say it again with --choose and a number, or with --all.",
        columns=("no", "title", "channel", "about"),
        rows=tuple(rows),
        data=[{"title": it.title, "channel": str(it.channel), "summary": it.summary} for it in found],
        failed=True,
    )


def told(done: Followed, titles: Mapping[ChannelId, str]) -> str:
    """What was done, where, and how to undo it."""
    where = done.portal.alias or f"your timeline (https://matrix.to/#/{done.portal.room})"
    lines = []
    if done.fresh:
        lines.append(f"Following {_listed(done.fresh, titles)} in {where}.")
    if done.known:
        lines.append(f"{_listed(done.known, titles)} {'was' if len(done.known) == 1 else 'were'} there already.")
    if len(done.fresh) == 1:
        lines.append(f"To undo it: unfollow {done.fresh[0]}")
    elif done.fresh:
        lines.append('To undo one: unfollow it as "following" shows it.')
    return "\n".join(lines)


def _listed(channels: Sequence[ChannelId], titles: Mapping[ChannelId, str]) -> str:
    few = ", ".join(titles.get(channel) or str(channel) for channel in channels[:5])
    return few if len(channels) <= 5 else f"{counted(len(channels), 'channel')}: {few} and {len(channels) - 5} more"


def _unfollow(follows: Follows) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        words = " ".join(many(arguments, "what")).strip()
        room = one(arguments, "room") if "room" in arguments else None
        links = follows.links(await follows.timelines(asker, room))
        meant = named(words, links, follows.title) or await _found_again(follows, words, links)
        if not meant:
            raise Refused(f'Nothing of that name is followed: {words}. "following" lists what is.')
        if len({link.channel for _, link in meant}) > 1:
            raise Refused("Which? " + ", ".join(sorted({str(link.channel) for _, link in meant})[:SHOWN]) + ".")
        if all(link.source is Source.FILE for _, link in meant):
            raise Refused(f"The link to {meant[0][1].channel} stands in the configuration file: take it out there.")
        await follows.unfollow(asker, [(portal, link) for portal, link in meant if link.source is not Source.FILE])
        channel = meant[0][1].channel
        return Answer(text=f"No longer following {follows.title(channel) or channel}. To undo it: follow {channel}")

    return Word(
        name="unfollow",
        summary="takes something out of your timeline again",
        run=run,
        arguments=(Argument(name="what", summary='as "following" shows it, or as it was followed', many=True), _ROOM),
    )


def named(
    words: str, links: Sequence[tuple[Portal, Link]], title: Callable[[ChannelId], str | None]
) -> Sequence[tuple[Portal, Link]]:
    """Of the links, those that the words name: by channel, by its id alone, by title, by a part of either. Pure."""
    wanted = words.casefold()
    called = [(entry, str(entry[1].channel), (title(entry[1].channel) or "").casefold()) for entry in links]
    ways: tuple[Callable[[str, str], bool], ...] = (
        lambda channel, name: channel == words,
        lambda channel, name: channel.partition("/")[2] == words,
        lambda channel, name: wanted in (channel.casefold(), channel.partition("/")[2].casefold(), name),
        lambda channel, name: len(wanted) > 2 and (wanted in channel.casefold() or wanted in name),
    )
    for fits in ways:
        found = [entry for entry, channel, name in called if fits(channel, name)]
        if found:
            return found
    return ()


async def _found_again(follows: Follows, words: str, links: Sequence[tuple[Portal, Link]]) -> Sequence[tuple[Portal, Link]]:
    """As it was followed: by an address that leads to the channel."""
    try:
        channels = {finding.channel for finding in await follows.search(words)}
    except Refused:
        return ()
    return [(portal, link) for portal, link in links if link.channel in channels]


def _following(follows: Follows) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        room = one(arguments, "room") if "room" in arguments else None
        links = follows.links(await follows.timelines(asker, room))
        rows = tuple(
            (
                follows.title(link.channel) or "",
                str(link.channel),
                portal.alias or portal.room,
                follows.state(link.channel),
                link.source.value,
            )
            for portal, link in links
        )
        data = [
            {"title": row[0] or None, "channel": row[1], "room": portal.room, "state": row[3], "source": row[4]}
            for row, (portal, _) in zip(rows, links, strict=True)
        ]
        columns = ("title", "channel", "room", "state", "made by")
        return Answer(text="" if rows else "Nothing is followed yet.", columns=columns, rows=rows, data=data)

    return Word(name="following", summary="what comes into your timeline", run=run, arguments=(_ROOM,))
