"""People are one where their own pages link to each other, and nobody becomes somebody famous by a link."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from bridge.app.relme import PACE, WEEK
from bridge.contract.words import Answer
from bridge.model.people import Profile
from tests.doubles.clock import FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.test_doors import tell
from tests.unit.app.test_one_post import FEED, HOME, Street, street
from tests.unit.app.town import settled
from tests.unit.feeds.kit import Site
from tests.unit.routing.scene import happened, post


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site.running() as one:
        yield one


class Web:
    """Pages of one host, and people who are there."""

    def __init__(self, site: Site, clock: FakeClock, town: Street, folder: Path) -> None:
        self.site, self.clock, self.town, self.folder = site, clock, town, folder
        self._posts = len(town.hs.messages(town.room))
        self._asked: dict[str, int] = {}

    def page(self, path: str, *me: str, feeds: Sequence[str] = (), status: int = 200) -> str:
        links = [f'<a rel="me" href="{self.site.url(one)}">' for one in me]
        links += [f'<link rel="alternate" href="{self.site.url(one)}">' for one in feeds]
        return self.site.put_with(path, "".join(links), {"Content-Type": "text/html; charset=utf-8"}, status=status)

    async def says(self, id: str, page: str, by: str = HOME) -> str:
        """Somebody posts; who speaks in the room."""
        self._posts += 1
        text = f"words number {self._posts}, unlike all others"
        network = by.partition("/")[0]
        body = post(text, uri=f"tag:{self._posts}", permalink=f"https://x.example/{self._posts}")
        event = happened(f"tag:{self._posts}", by, f"{network}/{id}", body)
        who = replace(event.author, profile=Profile(name=id.partition("@")[0], url=page))
        await self.town.comes(replace(event, author=who))
        return str(self.town.found(text)["sender"])

    async def pass_by(self, *pages: str) -> None:
        """Until these pages were asked for, and time enough for what follows from them."""
        for _ in range(200):
            if all(self.site.hits(page) > self._asked.get(page, 0) for page in pages):
                break
            await self._a_while()
        self._asked = {page: self.site.hits(page) for page in pages}
        for _ in range(10):
            await self._a_while()

    async def become(self, persons: int) -> None:
        """So many are known to be several in one, in the end."""
        for _ in range(200):
            if len((await self.persons()).rows) == persons:
                return
            await self._a_while()
        raise AssertionError(f"{(await self.persons()).rows} are not {persons}")

    async def _a_while(self) -> None:
        await self.clock.advance(PACE)
        for _ in range(10):
            await settled(self.town.bridge)

    async def persons(self) -> Answer:
        return await tell(self.folder, "persons")


@asynccontextmanager
async def web(folder: Path, hs: FakeHomeserver, site: Site, clock: FakeClock | None = None) -> AsyncIterator[Web]:
    time = clock or FakeClock()
    async with street(folder, hs, time, rel_me=True) as town:
        yield Web(site, time, town, folder)


async def both_say(web: Web) -> tuple[str, str]:
    """Alice, on one network and on another, each under her page there."""
    host = web.site.host
    return (
        await web.says(f"alice@{host}", web.site.url("/gs/alice")),
        await web.says(f"ali@{host}", web.site.url("/blog/ali"), FEED),
    )


async def test_pages_that_link_to_each_other_are_one_human_with_one_face(tmp_path: Path, hs: FakeHomeserver, site: Site) -> None:
    async with web(tmp_path, hs, site) as here:
        here.page("/gs/alice", "/blog/ali")
        here.page("/blog/ali", "/gs/alice")
        one, other = await both_say(here)
        assert one != other
        await here.become(1)
        one, other = await both_say(here)
        assert one == other
        ((_, _, why),) = (await here.persons()).rows
        assert why.startswith("rel=me: ")
        assert f"{site.host}/blog/ali ↔ {site.host}/gs/alice" in why


async def test_a_homepage_between_two_accounts_makes_them_one(tmp_path: Path, hs: FakeHomeserver, site: Site) -> None:
    async with web(tmp_path, hs, site) as here:
        here.page("/gs/alice", "/")
        here.page("/blog/ali", "/")
        here.page("/", "/gs/alice", "/blog/ali")
        await both_say(here)
        await here.become(1)
        one, other = await both_say(here)
        assert one == other


@pytest.mark.parametrize(
    ("alice", "ali", "home"),
    [
        (("/blog/ali",), (), ()),
        ((), ("/gs/alice",), ()),
        (("/",), ("/",), ("/gs/alice",)),
        (("/",), (), ("/gs/alice", "/blog/ali")),
        (("/elsewhere",), ("/elsewhere",), ()),
    ],
)
async def test_a_link_without_a_link_back_is_nothing(
    tmp_path: Path, hs: FakeHomeserver, site: Site, alice: Sequence[str], ali: Sequence[str], home: Sequence[str]
) -> None:
    async with web(tmp_path, hs, site) as here:
        here.page("/gs/alice", *alice)
        here.page("/blog/ali", *ali)
        here.page("/", *home)
        await both_say(here)
        await here.pass_by("/gs/alice", "/blog/ali")
        one, other = await both_say(here)
        assert one != other
        assert (await here.persons()).rows == ()


async def test_who_claims_the_page_of_another_host_is_not_its_owner(tmp_path: Path, hs: FakeHomeserver, site: Site) -> None:
    async with web(tmp_path, hs, site) as here:
        here.page("/gs/star", "/blog/star")
        here.page("/blog/star", "/gs/star")
        await here.says(f"star@{site.host}", site.url("/gs/star"))
        await here.says("mallory@evil.example", site.url("/blog/star"), FEED)
        await here.says("https://evil.example/feed#star", site.url("/blog/star"), FEED)
        await here.pass_by("/gs/star", "/blog/star")
        assert (await here.persons()).rows == ()


async def test_a_page_of_several_authors_is_nobodys_own(tmp_path: Path, hs: FakeHomeserver, site: Site) -> None:
    async with web(tmp_path, hs, site) as here:
        here.page("/gs/alice", "/team")
        here.page("/team", "/gs/alice")
        await here.says(f"alice@{site.host}", site.url("/gs/alice"))
        await here.says(f"ali@{site.host}", site.url("/team"), FEED)
        await here.says(f"bob@{site.host}", site.url("/team"), FEED)
        await here.pass_by("/gs/alice", "/team")
        assert (await here.persons()).rows == ()


async def test_a_feed_is_its_pages_where_the_page_names_it(tmp_path: Path, hs: FakeHomeserver, site: Site) -> None:
    async with web(tmp_path, hs, site) as here:
        here.page("/gs/alice", "/blog")
        here.page("/blog", "/gs/alice", feeds=["/blog/feed.xml"])
        await here.says(f"alice@{site.host}", site.url("/gs/alice"))
        await here.says(site.url("/blog/feed.xml"), site.url("/blog"), FEED)
        await here.says(site.url("/mallory/feed.xml"), site.url("/blog"), FEED)
        await here.become(1)
        ((shown, also, _),) = (await here.persons()).rows
        assert shown == f"social/alice@{site.host}"
        assert also == f"feeds/{site.url('/blog/feed.xml')}"


async def test_what_is_taken_back_parts_them_and_what_is_only_away_does_not(
    tmp_path: Path, hs: FakeHomeserver, site: Site
) -> None:
    async with web(tmp_path, hs, site) as here:
        here.page("/gs/alice", "/blog/ali")
        here.page("/blog/ali", "/gs/alice")
        await both_say(here)
        await here.become(1)
        await here.pass_by("/gs/alice", "/blog/ali")
        here.page("/blog/ali", status=503)
        here.clock.shift(WEEK * 1.1)
        await here.pass_by("/gs/alice", "/blog/ali")
        assert len((await here.persons()).rows) == 1
        here.page("/blog/ali")
        here.clock.shift(WEEK * 1.1)
        await here.become(0)
        one, other = await both_say(here)
        assert one != other


async def test_what_somebody_said_by_a_word_stands(tmp_path: Path, hs: FakeHomeserver, site: Site) -> None:
    async with web(tmp_path, hs, site) as here:
        here.page("/gs/alice", "/blog/ali")
        here.page("/blog/ali", "/gs/alice")
        await both_say(here)
        await here.become(1)
        await here.pass_by("/gs/alice", "/blog/ali")
        assert not (await tell(tmp_path, "different", f"feeds/ali@{site.host}")).failed
        here.clock.shift(WEEK * 1.1)
        await here.pass_by("/gs/alice", "/blog/ali")
        assert (await here.persons()).rows == ()
        assert not (await tell(tmp_path, "same", f"social/alice@{site.host}", f"feeds/ali@{site.host}")).failed
        here.page("/blog/ali")
        here.clock.shift(WEEK * 1.1)
        await here.pass_by("/gs/alice", "/blog/ali")
        assert len((await here.persons()).rows) == 1


async def test_they_are_one_after_a_restart_too_and_their_pages_are_not_asked_again(
    tmp_path: Path, hs: FakeHomeserver, site: Site
) -> None:
    clock = FakeClock()
    async with web(tmp_path, hs, site, clock) as here:
        here.page("/gs/alice", "/blog/ali")
        here.page("/blog/ali", "/gs/alice")
        await both_say(here)
        await here.become(1)
        await here.pass_by("/gs/alice", "/blog/ali")
    asked = len(site.requests)
    async with web(tmp_path, hs, site, clock) as again:
        one, other = await both_say(again)
        assert one == other
        await again.pass_by()
        assert len(site.requests) == asked


async def test_pages_within_the_operators_network_are_not_asked(tmp_path: Path, hs: FakeHomeserver, site: Site) -> None:
    async with web(tmp_path, hs, site) as here:
        here.page("/gs/alice", "/blog/ali")
        here.town.bridge.plant.reception.linked_people._http._allow = ()  # type: ignore[union-attr]
        await both_say(here)
        await here.pass_by()
        assert site.requests == []
