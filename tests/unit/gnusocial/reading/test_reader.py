"""A login's timelines, read over and over: nothing lost, nothing twice, in order."""

from bridge.model.events import Origin
from tests.unit.gnusocial.reading.wall import Desk, Wall


async def test_the_first_look_shows_the_newest_three_as_history() -> None:
    wall = Wall()
    for number in range(10):
        wall.post(f"post {number}")
    desk = Desk(wall)
    async with desk.running():
        pass
    assert desk.texts() == ["post 7", "post 8", "post 9"]
    assert {event.origin for event in desk.inlet.events} == {Origin.HISTORY}


async def test_what_comes_then_is_live_and_comes_once() -> None:
    wall = Wall()
    wall.post("before")
    desk = Desk(wall)
    async with desk.running():
        wall.post("one")
        wall.post("two")
        await desk.round()
        wall.post("three")
        await desk.round()
        await desk.round()
    assert desk.texts() == ["before", "one", "two", "three"]
    assert [event.origin for event in desk.inlet.events][1:] == [Origin.LIVE] * 3
    assert len(desk.inlet.offered) == 4
