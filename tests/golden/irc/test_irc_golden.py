"""Every pair of files in `in/` and `out/` is a test named for its case."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.irc.ids import Roster
from adapters.irc.inbound import Inbound
from adapters.irc.outbound import State, line_for
from adapters.irc.split import split
from adapters.irc.wire.isupport import Isupport
from adapters.irc.wire.line import encode, parse
from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import Rejected
from bridge.contract.features import Features, Limits, Voice, VoiceKind
from bridge.model.events import Body, Event, Message
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile

HERE = Path(__file__).parent
NET = NetworkName("local")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ISUPPORT = [
    "me",
    "CASEMAPPING=rfc1459",
    "PREFIX=(ov)@+",
    "CHANMODES=beI,k,l,imnpst",
    "STATUSMSG=@+",
    "are supported by this server",
]


def cases(folder: str) -> list[str]:
    return sorted(path.stem for path in (HERE / folder).glob("*.irc"))


def lines(path: Path) -> Iterator[bytes]:
    for line in path.read_bytes().split(b"\n"):
        if line and not line.startswith(b"#"):
            yield re.sub(rb"\\x([0-9a-f]{2})", lambda code: bytes([int(code[1], 16)]), line)


def written(line: bytes) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", lambda char: f"\\x{ord(char[0]):02x}", line.removesuffix(b"\r\n").decode())


def heard(case: str) -> list[Event]:
    """Our nick is `me`; `#a` and `#b` have been joined before, with bob, carol and dave in both."""
    isupport = Isupport()
    isupport.load(ISUPPORT)
    inbound = Inbound(NET, Roster(NET), isupport)
    inbound.me = "me"
    before = [f":irc.example 353 me = #{name} :@me +bob!ub@hb carol!uc@hc @dave!ud@hd".encode() for name in "ab"]
    events: list[Event] = []
    for number, raw in enumerate([*before, *lines(HERE / "in" / f"{case}.irc")], start=-1):
        line = parse(raw)
        assert line is not None, raw
        events += inbound.events(line, NOW, f"line-{number}")
    return events


def deliveries(given: dict[str, Any]) -> Iterator[tuple[Delivery, State]]:
    """As the core would make them: a message is split first, each part is a delivery."""
    body: Body = msgspec.convert(given["body"], Body)
    name = given.get("name", "Alice")
    author = Identity(id=IdentityId(NetworkName(given.get("author", HUB)), "@alice:localhost"), profile=Profile(name=name))
    kind = VoiceKind(given.get("voice", "prefix"))
    voice = Voice(kind=kind, name=name, prefix=given.get("prefix", f"<{name}> " if kind is VoiceKind.PREFIX else ""))
    nicks = given.get("nicks", {})
    state = State(**given.get("state", {}), limit=given.get("limit", 400), nick_of=lambda who: nicks.get(who.id))
    parts: tuple[Body, ...] = (body,)
    if isinstance(body, Message):
        parts = split(body, voice, Features(levels={}, limits=Limits(text=given.get("limit", 400))))
    for number, part in enumerate(parts):
        yield (
            Delivery(
                id="0" * 32,
                channel=ChannelId(NET, given.get("channel", "#a")),
                event=EventKey(HUB, "$event"),
                author=author,
                voice=voice,
                body=part,
                happened_at=NOW,
                accepted_at=NOW,
                part=number,
                parts=len(parts),
                target=msgspec.convert(given.get("target"), Target | None),
                reply_to=msgspec.convert(given.get("reply_to"), Target | None) if number == 0 else None,
                repeat=given.get("repeat", False),
            ),
            state,
        )


@pytest.mark.parametrize("case", cases("in"))
def test_lines_in(case: str) -> None:
    assert heard(case) == msgspec.json.decode((HERE / "in" / f"{case}.event.json").read_bytes(), type=list[Event])


@pytest.mark.parametrize("case", cases("out"))
def test_lines_out(case: str) -> None:
    given = json.loads((HERE / "out" / f"{case}.event.json").read_text())
    got = []
    for delivery, state in deliveries(given):
        try:
            out = line_for(delivery, state)
        except Rejected as refused:
            got.append(f"! {refused.reason}")
        else:
            got.append(written(encode(out.command, out.params, out.tags)))
    wanted = (HERE / "out" / f"{case}.irc").read_text().split("\n")
    assert got == [line for line in wanted if line and not line.startswith("# ")]


def test_every_file_has_its_other_half() -> None:
    for folder in ("in", "out"):
        assert cases(folder) == sorted(path.name.removesuffix(".event.json") for path in (HERE / folder).glob("*.event.json"))
