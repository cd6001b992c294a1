"""What happens on the demo's site: about twenty posts by several people, one after the other at the pace of people."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.pictures import plain
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import ApiError, Bond, File, Notice

PACE = 20.0
"""Seconds between two happenings, about."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True, frozen=True)
class Person:
    nick: str
    fullname: str
    bio: str
    face: tuple[int, int, int]


@dataclass(slots=True, frozen=True)
class Say:
    """A post; `name` is how later lines refer to it."""

    who: str
    text: str
    name: str = ""
    answers: str = ""
    picture: tuple[int, int, int] | None = None


@dataclass(slots=True, frozen=True)
class Repeat:
    who: str
    what: str


@dataclass(slots=True, frozen=True)
class Favourite:
    who: str
    what: str


@dataclass(slots=True, frozen=True)
class Delete:
    who: str
    what: str


Line = Say | Repeat | Favourite | Delete

PEOPLE = (
    Person("alice", "Alice Example", "Keeps a small server and a large garden.", (98, 160, 110)),
    Person("bob", "Bob Example", "Radio, trains, old computers.", (80, 120, 190)),
    Person("carol", "Carol Example", "Draws bridges.", (200, 120, 90)),
    Person("dave", "Dave Example", "Reads a lot, posts little.", (160, 110, 180)),
    Person("mei", "梅 Mei", "翻译，也做豆腐。", (210, 170, 70)),
)

READER = "demo"
"""Who looks on; the password is the same."""


def accounts() -> dict[str, str]:
    """Who may log in, and with which password."""
    return {READER: READER, **{one.nick: one.nick for one in PEOPLE}}


LINES: tuple[Line, ...] = (
    Say("alice", "Good morning. The tomatoes have survived the night. #garden", "tomatoes"),
    Say("bob", "@alice which ones? Mine did not. #garden", "which", answers="tomatoes"),
    Say("alice", "@bob the small black ones. They stand against the wall, that helps.", "wall", answers="which"),
    Say("carol", "Drawn on the train this morning: the old footbridge", "bridge", picture=(70, 110, 140)),
    Favourite("alice", "bridge"),
    Say("dave", "CW: a book's ending\n\nThe lighthouse keeper was the author all along.", "ending"),
    Say("mei", "今天的豆腐做得很好，朋友们都说好吃。 #豆腐", "tofu"),
    Repeat("bob", "bridge"),
    Say("bob", "Found a 1979 timetable in a second-hand book. Everything was slower, and ran.", "timetable"),
    Say("carol", "@bob scan it please! I would draw every station on it.", "scan", answers="timetable"),
    Say("bob", "@carol on Sunday, when the light is good.", answers="scan"),
    Say("dave", '"A bridge is a place that is nowhere, so that two places can be somewhere." — p. 112 #quotes', "quote"),
    Favourite("carol", "quote"),
    Repeat("alice", "quote"),
    Say("mei", "@alice 你的番茄可以做番茄豆腐汤！", "soup", answers="tomatoes"),
    Say("alice", "@mei recipe, please: my neighbours have tomatoes, too.", answers="soup"),
    Say("bob", "Testing 1 2 3, please ignore", "test"),
    Delete("bob", "test"),
    Say("carol", "Line one of a list:\n- paper\n- ink\n- patience", "list"),
    Say("dave", 'What does everyone read feeds with? https://example.org/feeds?a=1&b=2 <no script> & "quotes"', "feeds"),
    Favourite("mei", "list"),
    Say("alice", "@dave this room.", answers="feeds"),
)


@dataclass(slots=True, eq=False)
class Script:
    """Everybody follows everybody. The same lines in the same order each time."""

    lines: Sequence[Line] = LINES
    pace: float = PACE
    sleep: Sleep = asyncio.sleep
    _said: dict[str, Notice] = field(default_factory=dict)

    def people(self, site: Site) -> None:
        """Makes the accounts, and who follows whom, before anything is said."""
        reader = site.add_user(READER, READER, fullname="Demo Reader")
        everybody = [site.add_user(one.nick, one.nick, fullname=one.fullname, bio=one.bio, face=one.face) for one in PEOPLE]
        for one in everybody:
            for other in (*everybody, reader):
                if one is not other:
                    site.follows[other.id, one.id] = Bond(site.tag("subscription", other.id, "person", one.id), site.now())

    async def run(self, site: Site) -> None:
        """A pause, then the next line, until all are said.

        What can't be said any more is left out: somebody may have logged in as one of them and deleted what it is about.
        """
        for number, line in enumerate(self.lines):
            await self.sleep(self.pace * (0.5 + (number * 7 % 10) / 10))
            with suppress(ApiError):
                self.say(site, line)

    def say(self, site: Site, line: Line) -> None:
        """Raises `ApiError` where the site doesn't let it be said."""
        who = site.user(line.who)
        assert who is not None, line.who
        match line:
            case Say():
                self._said[line.name] = actions.post(
                    site,
                    who,
                    line.text,
                    reply_to=self._named(site, line.answers) if line.answers else None,
                    attached=_pictures(site, line),
                    source="web",
                )
            case Repeat():
                actions.repeat(site, who, self._named(site, line.what))
            case Favourite():
                actions.favourite(site, who, self._named(site, line.what))
            case Delete():
                actions.delete(site, who, self._named(site, line.what))

    def _named(self, site: Site, name: str) -> Notice:
        said = self._said.get(name)
        return site.notice(0 if said is None else said.id)


def _pictures(site: Site, line: Say) -> list[File]:
    return [] if line.picture is None else [actions.upload(site, plain(320, 200, line.picture), "image/png")]
