"""What no feed and no site should send, to a whole bridge with a timeline: the neighbours' posts come, and nobody waits."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.plays.turns import LONGEST_TURN, Turns
from tests.plays.wall import Wall, wall


@pytest.fixture
async def there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Wall]:
    caplog.set_level(logging.INFO, "unabridged")
    async with wall(tmp_path) as there:
        yield there


def items(*inner: str) -> bytes:
    return (
        f"<rss version='2.0'><channel><title>Blog</title>{''.join(map('<item>{}</item>'.format, inner))}</channel></rss>".encode()
    )


ENTITIES = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 12))
BOMBS = {
    "entities": f"<!DOCTYPE rss [<!ENTITY e0 'boom'>{ENTITIES}]>".encode() + items("<title>&e11;</title>"),
    "nested": b"<rss><channel>" + b"<item>" * 200_000,
    "html": items(f"<guid>bomb</guid><description><![CDATA[{'<div>' * 200_000}]]></description>"),
    "closed html": items(f"<guid>bomb</guid><description><![CDATA[{'<b><i>' * 80_000}x{'</i></b>' * 20_000}]]></description>"),
    "wide": items(*(f"<guid>{n}</guid>" for n in range(100_000))),
    "nulls": b"\0" * 1_000_000,
    "json": b'{"version": "https://jsonfeed.org/version/1.1", "items": ' + b"[" * 200_000,
}


@pytest.mark.parametrize("bomb", list(BOMBS.values()), ids=list(BOMBS))
async def test_no_document_holds_up_a_neighbour(there: Wall, bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    await there.goes_on()
    turns = Turns(monkeypatch)
    there.brings(bomb)
    await there.looked()
    await there.goes_on()
    assert turns.longest < LONGEST_TURN
