"""Every pair of files in `out/` is a test named for its case: an event's body, and the requests it becomes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.gnusocial.ids import place_of
from adapters.gnusocial.manifest import features_of
from adapters.gnusocial.outbound import split
from adapters.gnusocial.wire.account import Allowed
from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import Rejected
from bridge.model.events import Body, Message
from tests.unit.gnusocial.kit import Asked, Bench, Pictures, Told, delivery, status, user

OUT = Path(__file__).parent / "out"


def cases() -> list[str]:
    return sorted(path.name.removesuffix(".event.json") for path in OUT.glob("*.event.json"))


class Server:
    """Takes everything; shows posts as they were marked."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._shown = given.get("shown", {})
        self._posts = 100

    def answer(self, asked: Asked) -> Told:
        path = asked.path.removeprefix("/api/").removesuffix(".json")
        if path == "statuses/update":
            self._posts += 1
            return Told(status(self._posts, asked.form["status"]))
        if path == "media/upload":
            self._posts += 1
            return Told({"media_id": self._posts, "media_id_string": f"{self._posts}"})
        if path.startswith("users/show/"):
            return Told(user(2, path.removeprefix("users/show/")))
        if path == "direct_messages/new":
            return Told({"id": 7})
        if path.startswith("statuses/retweets/"):
            of = int(path.rpartition("/")[2])
            return Told([status(50, "RT", retweeted_status=status(of, "x"))])
        return Told(status(20, "a post", by=2, **self._shown))


def deliveries(given: dict[str, Any]) -> Iterator[Delivery]:
    """As the core would make them: a message is split first, each part is a delivery."""
    body: Body = msgspec.convert(given["body"], Body)
    channel = given.get("channel", "home@me")
    features = features_of(place_of(channel), Allowed(text=given.get("limit", 1000)))
    sample = delivery(body)
    parts: tuple[Body, ...] = split(body, sample.voice, features) if isinstance(body, Message) else (body,)
    for number, part in enumerate(parts):
        yield delivery(
            part,
            id=f"{number:032x}",
            channel=channel,
            part=number,
            parts=len(parts),
            target=msgspec.convert(given.get("target"), Target | None),
            reply_to=msgspec.convert(given.get("reply_to"), Target | None) if number == 0 else None,
            repeat=given.get("repeat", False),
        )


def written(asked: Asked) -> Iterator[str]:
    yield f"{asked.method} {asked.url.partition('/api/')[2]}"
    yield from (f"  {name}={json.dumps(value, ensure_ascii=False)}" for name, value in asked.form.items())
    if asked.headers.get("content-type", "").startswith("multipart/"):
        yield from (f"  {line}" for line in asked.body.decode("utf-8", "replace").split("\r\n") if line.startswith("Content-"))


@pytest.mark.parametrize("case", cases())
async def test_what_goes_out(case: str) -> None:
    given = json.loads((OUT / f"{case}.event.json").read_text())
    got: list[str] = []
    bench = Bench(Server(given).answer, media=Pictures())
    bench.account.allowed = Allowed(text=given.get("limit", 1000))
    for one in deliveries(given):
        bench.http.asked.clear()
        try:
            await bench.writer.write(one, bench.out(one))
        except Rejected as refused:
            got += [line for asked in bench.http.asked for line in written(asked)] + [f"! {refused.reason}"]
        else:
            got += [line for asked in bench.http.asked for line in written(asked)]
    assert got == (OUT / f"{case}.http").read_text().splitlines()


def test_every_file_has_its_other_half() -> None:
    assert cases() == sorted(path.stem for path in OUT.glob("*.http"))
