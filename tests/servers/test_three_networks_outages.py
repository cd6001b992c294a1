"""The bridge, or the XMPP server, is killed while three networks talk: nothing is lost or there twice, and times are true."""

import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.servers.daemons import Inspircd
from tests.servers.square import CHANNEL, ROOM, Square, square
from tests.servers.xmpp import Prosody

pytestmark = pytest.mark.servers


@pytest.fixture
async def place(tmp_path: Path, synapse_python: Path, inspircd: Inspircd) -> AsyncIterator[Square]:
    with tempfile.TemporaryDirectory(prefix="unabridged-") as folder:
        server = Prosody(Path(folder) / "xmpp")
        await server.start()
        try:
            async with square(tmp_path, synapse_python, inspircd, server) as made:
                yield made
        finally:
            await server.stop()


def lines(place: Square, word: str) -> list[str]:
    """What Matrix has of the lines that begin with that word, each as often as it is there."""
    said = [line for event in place.alice.messages(place.room) for line in str(event["content"].get("body", "")).split("\n")]
    return [line for line in said if line.startswith(word)]


async def test_what_was_said_while_the_bridge_was_dead_comes_from_the_archive(place: Square) -> None:
    place.juliet.say(ROOM, "before")
    await place.alice.sees_text(place.room, "before")
    await place.bridge.kill()
    began = datetime.now(UTC).timestamp() * 1000
    for number in range(30):
        place.juliet.say(ROOM, f"meanwhile {number}")
    await place.juliet.hears("meanwhile 29")
    over = datetime.now(UTC).timestamp() * 1000
    await place.bridge.start()
    place.juliet.say(ROOM, "after")
    await place.alice.sees_text(place.room, "after", 60)
    assert lines(place, "meanwhile") == [f"meanwhile {number}" for number in range(30)]
    assert lines(place, "before") == ["before"]
    for event in place.alice.messages(place.room):
        if str(event["content"]["body"]).startswith("meanwhile"):
            assert began - 2000 <= event["origin_server_ts"] <= over + 2000, "it says when it was said"
    await place.bob.hears("after")
    assert [text.rpartition("> ")[2] for text in place.bob.heard(CHANNEL) if "meanwhile" not in text] == ["before", "after"]


async def test_prosody_is_killed_while_everybody_talks(place: Square) -> None:
    await place.alice.say(place.room, "hello")
    place.bob.say(CHANNEL, "hello too")
    await place.juliet.hears("hello too")
    for number in range(20):
        await place.alice.say(place.room, f"alice {number}")
        place.bob.say(CHANNEL, f"bob {number}")
        if number == 7:
            await place.xmpp.crash()  # type: ignore[attr-defined]
        if number == 14:
            await place.xmpp.start()
    await place.juliet.reconnect()
    await place.alice.say(place.room, "the end")
    await place.juliet.hears("the end", 60)
    place.juliet.say(ROOM, "I am back")
    await place.alice.sees_text(place.room, "I am back", 60)
    await place.bob.hears("I am back")
    kept = [said.body for said, _ in await place.juliet.archive(ROOM)]
    for who in ("alice", "bob"):
        assert [body for body in kept if body.startswith(f"{who} ")] == [f"{who} {number}" for number in range(20)]
    assert lines(place, "bob ") == [f"bob {number}" for number in range(20)]
