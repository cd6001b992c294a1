"""A flood of made-up addresses is no flood of invitations, and loses nobody's words."""

from collections.abc import AsyncIterator

import pytest

from adapters.xmpp.caps import HOUR, MOST_GUESTS
from bridge.model.ids import ChannelId
from bridge.testing import until
from tests.doubles.account_server import JID
from tests.unit.xmpp.accounts.stage import CHAT, NET, ROMEO, Stage, playing, said

NOTES = ChannelId(NET, f"direct/{JID}@me")


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with playing() as one:
        yield one


def writes(stage: Stage, name: str, words: str) -> None:
    stage.server.send(said(words, words, sender=f"{name}@elsewhere.net/x"))


async def flood(stage: Stage, extra: int) -> None:
    for number in range(MOST_GUESTS + extra):
        writes(stage, f"s{number}", f"hello {number}")
    await until(lambda: len(stage.texts()) == MOST_GUESTS + extra)


async def test_past_so_many_in_an_hour_strangers_are_told_of_in_one_place(stage: Stage) -> None:
    await stage.start()
    await flood(stage, 3)
    assert len({one[0] for one in stage.linking.directs}) == MOST_GUESTS + 1
    over = [event for event in stage.inlet.events if event.channel == NOTES]
    assert len(over) == 3
    assert stage.texts()[-1].startswith(f"s{MOST_GUESTS + 2}@elsewhere.net writes (no chat of their own")
    assert stage.texts()[-1].endswith(f"hello {MOST_GUESTS + 2}")
    assert f"`{NET} subscribe s{MOST_GUESTS + 2}@elsewhere.net` opens one" in stage.texts()[-1]
    await stage.settled()


async def test_a_flood_is_nobody_else_s_trouble(stage: Stage) -> None:
    """Contacts, and who was let in before it, are heard where they always are; and after a while strangers are, too."""
    stage.server.roster = [(ROMEO, "Romeo", "both")]
    await stage.start()
    await flood(stage, 1)
    writes(stage, "s0", "me again")
    stage.server.send(said("a friend", "f1"))
    await until(lambda: "a friend" in stage.texts() and "me again" in stage.texts())
    assert [event.channel for event in stage.inlet.events][-2:] == [ChannelId(NET, "direct/s0@elsewhere.net@me"), CHAT]
    await stage.clock.advance(HOUR / MOST_GUESTS + 1)
    writes(stage, "late", "and me")
    await until(lambda: "and me" in stage.texts())
