"""A bridge that dies and lives again while people talk. Each way that their words take knows what came of it."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adapters.xmpp.outbound.text import REPEAT
from bridge.config.settings import BridgeSettings, HomeserverSettings, NetworkSettings, PortalSettings, Settings, Tokens
from bridge.model.permissions import Permission
from bridge.testing.doubles import until
from tests.doubles.homeserver import FakeHomeserver
from tests.doubles.mortal import Fate, Life, Nest, nest
from tests.unit.app.town import ALICE


class Way:
    """From one side to the other. `ordered`: what is said comes in the order in which it was said."""

    ordered = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.said: list[str] = []

    def say(self, text: str) -> bool:
        """False where there is nobody yet to say it to: then it wasn't said."""
        raise NotImplementedError

    def bodies(self) -> Iterable[str]:
        """What was shown on the other side."""
        raise NotImplementedError

    def again(self) -> None:
        """There is a new bridge: whoever knows that they were not heard says it again."""

    def came(self) -> list[str]:
        """What waited may be joined, a line each."""
        lines = (line for body in self.bodies() for line in body.removeprefix(REPEAT).splitlines())
        return [line for line in lines if line.startswith(f"{self.name} ")]

    def wrong(self) -> dict[str, Sequence[object]]:
        """What is lost, what came twice, what came out of turn."""
        came = self.came()
        counts = Counter(came)
        lost = [text for text in self.said if text not in counts]
        twice = [text for text, count in counts.items() if count > 1]
        turned = (
            [] if lost or twice or not self.ordered else [pair for pair in zip(self.said, came, strict=True) if len({*pair}) > 1]
        )
        found = {"lost": lost, "twice": twice, "out of turn": turned}
        return {f"{self.name} {what}": which for what, which in found.items() if which}


class Siege:
    """`settings(number)`: of that life; `ways` may become more."""

    def __init__(
        self, nest: Nest, hs: FakeHomeserver, folder: Path, settings: Callable[[int], Settings], linked: Callable[[], Any]
    ):
        self.hs, self._nest, self._folder, self._settings, self._linked = hs, nest, folder, settings, linked
        self.ways: list[Way] = []
        self.number = 0
        """Of lives so far."""
        self._texts = itertools.count()
        self._link: Any = None

    async def live(self, commit: int = 0, *, kept: bool = False) -> Life:
        self.number += 1
        self.hs.push.url = None
        tokens = Tokens(appservice=self.hs.as_token, homeserver=self.hs.push.hs_token)
        settings = self._settings(self.number)
        fate = Fate(folder=str(self._folder), settings=settings, tokens=tokens, commit=commit, kept=kept)
        life = await self._nest.bear(fate)
        life.up.add_done_callback(self._reachable)
        return life

    def _reachable(self, up: "asyncio.Future[str]") -> None:
        if not up.cancelled():
            self.hs.push.url = up.result()
            self.hs.push.wake()

    def talk(self) -> None:
        """Everybody says something."""
        for way in self.ways:
            text = f"{way.name} {self.number}.{next(self._texts)}"
            if way.say(text):
                way.said.append(text)

    def whole(self) -> bool:
        """All that was said is there."""
        if (link := self._linked()) != self._link:
            self._link = link
            for way in self.ways:
                way.again()
        return all({*way.said} <= {*way.came()} for way in self.ways)

    async def calm(self, begun: Callable[[], object] = lambda: True) -> None:
        """One life without trouble."""
        life = await self.live()
        await until(begun)
        for _ in range(2):
            self.talk()
            await self._heard(self.whole)
        await self._nest.end()
        assert life.over.is_set()

    async def struck(self, commit: int, *, kept: bool) -> None:
        """One life that ends there. Something is said before anybody hears it, and then again and again until its end."""
        life = await self.live(commit, kept=kept)
        while not life.over.is_set():
            self.talk()
            await self._heard(lambda: life.over.is_set() or self.whole())

    async def _heard(self, condition: Callable[[], bool]) -> None:
        try:
            await until(condition)
        except TimeoutError:
            raise AssertionError(f"in life {self.number}: {self.wrong()}") from None

    def wrong(self) -> dict[str, Sequence[object]]:
        return {what: which for way in self.ways for what, which in way.wrong().items()}

    # Matrix

    def shown(self) -> Iterable[str]:
        """What the bridge said on Matrix, in all rooms; how it corrected that is another matter."""
        for event in (event for room in self.hs.world.rooms.values() for event in room.timeline):
            if event["type"] == "m.room.message" and event["sender"] != ALICE and "m.new_content" not in event["content"]:
                yield event["content"].get("body", "")

    def alice_in(self, room: str) -> str:
        if self.hs.world.room(room).membership(ALICE) != "join":
            self.hs.join(ALICE, room)
        return room


class ToMatrix(Way):
    def __init__(self, name: str, here: Siege) -> None:
        super().__init__(name)
        self.here = here

    def bodies(self) -> Iterable[str]:
        return self.here.shown()


class FromMatrix(Way):
    """In the room that `place` names, once there is one."""

    def __init__(self, name: str, here: Siege, place: Callable[[], str | None], bodies: Callable[[], Iterable[str]]) -> None:
        super().__init__(name)
        self.here, self._place, self.bodies = here, place, bodies  # type: ignore[method-assign]

    def say(self, text: str) -> bool:
        room = self._place()
        if room is None:
            return False
        self.here.hs.say(ALICE, self.here.alice_in(room), text)
        return True


def room_where(here: Siege, text: str) -> str | None:
    """The Matrix room where the bridge has shown something that begins like that."""
    for id, room in here.hs.world.rooms.items():
        if any(
            event["type"] == "m.room.message" and event["content"].get("body", "").startswith(text) for event in room.timeline
        ):
            return id
    return None


def settings_of(hs: FakeHomeserver, *networks: NetworkSettings, portals: Sequence[PortalSettings] = ()) -> Settings:
    return Settings(
        bridge=BridgeSettings(listen="127.0.0.1:0", rel_me=False),
        homeserver=HomeserverSettings(url=hs.url, domain=hs.domain),
        permissions={"*:localhost": Permission.USER, "*": Permission.RELAY},
        networks={one.name: one for one in networks},
        portals=tuple(portals),
    )


@asynccontextmanager
async def besieged(
    folder: Path, settings: Callable[[FakeHomeserver, int], Settings], linked: Callable[[], Any]
) -> AsyncIterator[Siege]:
    """`linked()` is another thing for each connection of the bridge to what the ways lead to."""
    async with FakeHomeserver() as hs, nest() as where:
        hs.user("alice")
        yield Siege(where, hs, folder, lambda number: settings(hs, number), linked)
