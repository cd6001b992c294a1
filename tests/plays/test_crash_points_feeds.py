"""As `test_crash_points`, with a feed that grows and whose entries change: all of it is shown once, as it is in the end."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from adapters.feeds.config import FeedsConfig
from bridge.config.settings import LinkSettings, NetworkSettings, PortalSettings, Settings
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.portals import PortalKind
from tests.doubles.homeserver import FakeHomeserver
from tests.plays.second_thoughts import on_matrix
from tests.plays.siege import Siege, ToMatrix, besieged, settings_of
from tests.unit.app.town import ALICE
from tests.unit.feeds.kit import Site

NET, BLOG, ALIAS = NetworkName("blog"), "/blog", "#timeline:localhost"
BEGAN = datetime.now(UTC) - timedelta(hours=1)


class Paper:
    """A feed with all that was ever written in it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.entries: list[str] = []
        self.write("it begins")

    def write(self, text: str) -> int:
        """Returns its place."""
        self.entries.append(text)
        self._print()
        return len(self.entries) - 1

    def change(self, place: int, text: str) -> None:
        self.entries[place] = text
        self._print()

    def _print(self) -> None:
        items = "".join(
            f"<item><guid isPermaLink='false'>entry {place}</guid><description>{text}</description>"
            f"<pubDate>{format_datetime(BEGAN + timedelta(seconds=place))}</pubDate></item>"
            for place, text in reversed([*enumerate(self.entries)])
        )
        self._site.put(BLOG, f"<rss version='2.0'><channel><title>Blog</title>{items}</channel></rss>")


class News(ToMatrix):
    def __init__(self, here: Siege, paper: Paper) -> None:
        super().__init__("news>", here)
        self._paper = paper

    def say(self, text: str) -> bool:
        self._paper.write(text)
        return True


class Changes(ToMatrix):
    """Of the entry written the time before."""

    ordered = False

    def __init__(self, here: Siege, paper: Paper) -> None:
        super().__init__("change>", here)
        self._paper, self._before = paper, None

    def say(self, text: str) -> bool:
        before, self._before = self._before, self._paper.write("to be changed")
        if before is not None:
            self._paper.change(before, text)
        return before is not None

    _before: int | None

    def bodies(self) -> Iterable[str]:
        return on_matrix(self.here).lines()


def settings_with(site: Site, hs: FakeHomeserver) -> Settings:
    link = LinkSettings(channel=ChannelId(NET, site.url(BLOG)))
    portal = PortalSettings(room=ALIAS, kind=PortalKind.TIMELINE, links=(link,), invite=(ALICE,))
    network = NetworkSettings(name=NET, adapter="feeds", config=FeedsConfig(interval=1))
    return settings_of(hs, network, portals=[portal])


async def test_a_feed_loses_nothing(tmp_path: Path, blows: list[tuple[int, bool]]) -> None:
    async with Site.running() as site:
        paper = Paper(site)
        async with besieged(tmp_path, lambda hs, life: settings_with(site, hs), lambda: None) as here:
            here.ways = [News(here, paper), Changes(here, paper)]
            await here.calm(lambda: "it begins" in "".join(here.shown()))
            for commit, kept in blows:
                await here.struck(commit, kept=kept)
            await here.calm()
            assert here.wrong() == {}
            assert all(way.said for way in here.ways)
