"""A room's archive that never ends, or whose clock is wrong, costs nobody a word and keeps nobody out."""

import itertools
from datetime import timedelta
from xml.etree.ElementTree import Element, SubElement

import pytest

from adapters.xmpp.rooms.room import MOST_HELD
from bridge.testing import until
from tests.doubles.component_server import ComponentServer
from tests.unit.xmpp.rooms.scene import lived, scene


@pytest.mark.parametrize("ids", [["a", "b", "c"], [str(number) for number in range(5000)]], ids=["a circle", "on and on"])
async def test_an_archive_that_never_says_that_it_ends_keeps_nobody_out(server: ComponentServer, ids: list[str]) -> None:
    one = await lived(server)
    async with scene(server, one.inlet, opened=False) as two:
        asked = itertools.cycle(ids)

        def endless(query, to):  # type: ignore[no-untyped-def]
            rsm = "{http://jabber.org/protocol/rsm}"
            fin = Element("{urn:xmpp:mam:2}fin")
            SubElement(SubElement(fin, f"{rsm}set"), f"{rsm}last").text = next(asked)
            return fin

        two.room.pages = endless  # type: ignore[method-assign]
        assert (await two.open()).error is None
        await two.heard_all()
        await two.say("and we are heard")


async def test_what_is_said_while_an_archive_is_long_does_not_wait_without_end(server: ComponentServer) -> None:
    one = await lived(server)
    async with scene(server, one.inlet, opened=False) as two:
        answer = two.room.pages

        def chatty(query, to):  # type: ignore[no-untyped-def]
            two.room.pages = answer  # type: ignore[method-assign]
            for number in range(MOST_HELD + 50):
                two.room.say("bob", f"live {number}")
            return answer(query, to)

        two.room.pages = chatty  # type: ignore[method-assign]
        await two.open()
        await two.heard_all()
        assert two.said() == [f"live {number}" for number in range(MOST_HELD + 50)]


@pytest.mark.parametrize("years", [-10, 10])
async def test_a_room_whose_clock_is_wrong_loses_nothing_where_its_archive_forgot_us(server: ComponentServer, years: int) -> None:
    one = await lived(server)
    one.room.say("bob", "long ahead, or ago")
    id, at, stanza = one.room.archive[-1]
    one.room.archive[-1] = (id, at + timedelta(days=365 * years), stanza)
    async with scene(server, one.inlet) as two:
        await until(lambda: two.said() == ["long ahead, or ago"])
        await two.wait(2)
        event = next(one for one in two.inlet.events if one.key.id.endswith(f"!{id}"))
        assert event.happened_at <= two.clock.now()
    one.room.archive.clear()
    one.room.say("bob", "missed")
    async with scene(server, one.inlet) as three:
        await until(lambda: "missed" in three.said())
