"""Every pair of files in `in/`, `here/` and `out/` is a test named for its case.

`in/`: messages as they are heard (`<heard room="…"/>` says where) and what they turn out to be; `here/`: presences and what they
say; `out/`: what is delivered and the stanzas of it.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import msgspec
import pytest

from adapters.xmpp.ids import place_of
from adapters.xmpp.inbound import Occupant, Scene, events
from adapters.xmpp.outbound import message_for, split
from adapters.xmpp.stanza.here import read_presence
from adapters.xmpp.stanza.parts import Bad
from adapters.xmpp.stanza.said import read_message
from adapters.xmpp.wire.markup import written
from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import Rejected
from bridge.contract.features import Features, Limits, Voice, VoiceKind
from bridge.model.events import Body, Edit, Event, Message, Origin
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile

HERE = Path(__file__).parent
NET = NetworkName("jabber")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ROOM = "den@muc.example"
ALICE = Identity(id=IdentityId(HUB, "@alice:localhost"), profile=Profile(name="Alice"))
OCCUPANTS = {
    nick: Occupant(
        who=Identity(id=IdentityId(NET, f"{ROOM}#{mark}"), profile=Profile(name=nick)), author=ALICE if nick == "Alice" else None
    )
    for nick, mark in (("Alice", "occ-alice"), ("bob", "occ-bob"), ("Carol C.", "occ-carol"))
}
NICKS = {occupant.who.id: f"{ROOM}/{nick}" for nick, occupant in OCCUPANTS.items()}


def cases(folder: str) -> list[str]:
    return sorted(path.stem for path in (HERE / folder).glob("*.xml"))


def scene(said: Element, dropped: list[str]) -> Scene:
    """Told by the attributes of `<heard/>`: place, history, plain (a room that gives no ids at all), id, at."""
    plain, at = said.get("plain") is not None, said.get("at")
    return Scene(
        network=NET,
        place=place_of(said.get("place", ROOM)),
        me=said.get("me", "me@home.example"),
        now=NOW,
        stanza_ids=not plain,
        occupant_ids=not plain,
        origin=Origin.HISTORY if said.get("history") else Origin.LIVE,
        occupant=OCCUPANTS.get,
        name_of={"bob@away.example": "Bob B."}.get,
        archive_id=said.get("id"),
        at=None if at is None else datetime.fromisoformat(at),
        made="1.1",
        dropped=dropped.append,
    )


def heard(path: Path) -> list[Any]:
    file = fromstring(path.read_text())
    got: list[Any] = []
    for element in file:
        said = read_message(element)
        if isinstance(said, Bad):
            got.append(f"bad: {said.why}")
            continue
        dropped: list[str] = []
        found = events(said, scene(file, dropped))
        got += [{type(one).__name__: msgspec.to_builtins(one)} for one in found] + [f"dropped: {why}" for why in dropped]
    return [shortened(one) for one in got]


def shortened(one: Any) -> Any:
    """Without what is as it is by default, so that a file shows what matters."""
    if not isinstance(one, dict) or "Event" not in one:
        return json.loads(msgspec.json.encode(one))
    return {"Event": _sparse(json.loads(msgspec.json.encode(one["Event"])))}


def _sparse(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: one for name, one in value.items() if name == "keys" or (name != "v" and one not in (None, [], {}, False))}
        return {name: _sparse(one) for name, one in kept.items()}
    return [_sparse(one) for one in value] if isinstance(value, list) else value


def presences(path: Path) -> list[Any]:
    return [
        json.loads(msgspec.json.encode(read_presence(element), order="deterministic")) for element in fromstring(path.read_text())
    ]


def deliveries(given: dict[str, Any]) -> Iterator[Delivery]:
    """As the core would make them: a message is split first, each part is a delivery."""
    body: Body = msgspec.convert(given["body"], Body)
    limits = Features(levels={}, limits=Limits(text=given.get("limit")))
    prefix = given.get("prefix", "")
    voice = Voice(kind=VoiceKind.PREFIX if prefix else VoiceKind.PUPPET, name="Alice", prefix=prefix)
    parts: tuple[Body, ...] = (body,)
    if isinstance(body, Message):
        parts = split(body, voice, limits)
    elif isinstance(body, Edit):
        parts = tuple(Edit(target=body.target, message=part) for part in split(body.message, voice, limits))
    for number, part in enumerate(parts):
        yield Delivery(
            id=f"{number:032x}",
            channel=ChannelId(NET, given.get("channel", ROOM)),
            event=EventKey(HUB, "$event"),
            author=ALICE,
            voice=voice,
            body=part,
            happened_at=NOW,
            accepted_at=NOW,
            part=number,
            parts=len(parts),
            target=msgspec.convert(given.get("target"), Target | None),
            reply_to=msgspec.convert(given.get("reply_to"), Target | None) if number == 0 else None,
            thread=msgspec.convert(given.get("thread"), Target | None),
            repeat=given.get("repeat", False),
        )


def stanzas(given: dict[str, Any]) -> Iterator[str]:
    room = "channel" not in given
    for delivery in deliveries(given):
        to = place_of(delivery.channel.id).jid
        sender = "alice\\3alocalhost@m.example/bridge" if room else None
        try:
            element = message_for(
                delivery, to, sender=sender, jid_of=NICKS.get, asks=not room, mark_repeats=given.get("mark_repeats", False)
            )
        except Rejected as refused:
            yield f"! {refused.reason}"
        else:
            yield written(element).replace("\n", "&#10;")  # a line for each


@pytest.mark.parametrize("case", cases("in"))
def test_messages_in(case: str) -> None:
    got = heard(HERE / "in" / f"{case}.xml")
    assert got == json.loads((HERE / "in" / f"{case}.event.json").read_text())
    for one in got:
        if isinstance(one, dict) and "Event" in one:
            msgspec.convert(one["Event"], Event)


@pytest.mark.parametrize("case", cases("here"))
def test_presences_in(case: str) -> None:
    assert presences(HERE / "here" / f"{case}.xml") == json.loads((HERE / "here" / f"{case}.json").read_text())


@pytest.mark.parametrize("case", cases("out"))
def test_stanzas_out(case: str) -> None:
    given = json.loads((HERE / "out" / f"{case}.event.json").read_text())
    wanted = (HERE / "out" / f"{case}.xml").read_text().splitlines()
    assert list(stanzas(given)) == [line for line in wanted if line and not line.startswith("# ")]


def test_every_file_has_its_other_half() -> None:
    for folder, half in (("in", ".event.json"), ("here", ".json"), ("out", ".event.json")):
        assert cases(folder) == sorted(path.name.removesuffix(half) for path in (HERE / folder).glob(f"*{half}"))
