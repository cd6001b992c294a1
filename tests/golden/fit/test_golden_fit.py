"""Golden files of routing and fit: a new case is a new file.

`<case>.event.json` is a list of events; all are planned in turn, the last is the case. Beside it `<case>.<destination>.json`
says what leaves for that destination: the deliveries, and the words for the author where something was refused. The destinations
stand for a Matrix room, a network of lines without edits or pictures, a rich chat and a microblog of 140 characters.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.contract.features import Feature, Features, Level, Limits, Unit, VoiceKind
from bridge.model.events import Event
from bridge.model.ids import HUB, NetworkName
from bridge.routing.plan import Place
from tests.unit.routing.scene import World, link

HERE = Path(__file__).parent
WORDS = dict.fromkeys(Feature, Level.RENDERED)
IRC = Features(
    levels=WORDS
    | dict.fromkeys((Feature.TEXT, Feature.HTML, Feature.EMOTE, Feature.NOTICE, Feature.TOPIC), Level.NATIVE)
    | dict.fromkeys((Feature.NAME, Feature.AVATAR, Feature.MEMBERSHIP, Feature.PROFILE), Level.DROPPED),
    limits=Limits(text=350, unit=Unit.BYTES, lines=1, parts=4),
)
XMPP = Features(
    levels=dict.fromkeys(Feature, Level.NATIVE)
    | dict.fromkeys((Feature.WARNING, Feature.POLL, Feature.POST, Feature.BOOST, Feature.THREAD), Level.RENDERED),
    limits=Limits(attachment=1_000_000),
    voice=VoiceKind.PUPPET,
)
SOCIAL = Features(
    levels=WORDS
    | dict.fromkeys((Feature.TEXT, Feature.ATTACHMENT, Feature.REPLY, Feature.REDACTION), Level.NATIVE)
    | dict.fromkeys((Feature.HTML, Feature.MEMBERSHIP, Feature.PROFILE, Feature.TOPIC, Feature.REACTIONS), Level.DROPPED)
    | dict.fromkeys((Feature.EDIT, Feature.LOCATION), Level.REFUSED),
    limits=Limits(text=140, parts=1),
    voice=VoiceKind.NAME,
)
CHANNELS = {"matrix": "matrix/!room", "irc": "irc/#a", "xmpp": "xmpp/a@muc", "social": "social/home"}
FEATURES = {"irc": IRC, "xmpp": XMPP, "social": SOCIAL}


def world() -> World:
    built = World(*(link(number, channel) for number, channel in enumerate(CHANNELS.values()) if channel != CHANNELS["matrix"]))
    for name, features in FEATURES.items():
        built.places[NetworkName(name)] = Place(features=lambda channel, found=features: found)  # type: ignore[misc]
    assert HUB in built.places
    return built


def shown(case: str, destination: str) -> Any:
    built = world()
    events = msgspec.json.decode((HERE / f"{case}.event.json").read_bytes(), type=list[Event])
    for event in events:
        planned = built.plan(event)
    leaving = []
    for draft in planned.drafts:
        delivery = draft.delivery
        if str(delivery.channel) == CHANNELS[destination]:
            entry = {
                "part": f"{delivery.part + 1}/{delivery.parts}",
                "by": f"{delivery.voice.name}|{delivery.voice.prefix}",
                "body": delivery.body,
                "on": delivery.target,
                "answers": delivery.reply_to,
                "in": delivery.thread,
            }
            leaving.append({name: value for name, value in entry.items() if value is not None})
    return _lean(json.loads(msgspec.json.encode({"leaving": leaving, "refused": planned.refused})))


def _lean(value: Any) -> Any:
    """Without what says nothing."""
    if isinstance(value, dict):
        return {name: _lean(inner) for name, inner in value.items() if inner not in (None, [], {}, False)}
    return [_lean(inner) for inner in value] if isinstance(value, list) else value


CASES = sorted(
    (path.name.split(".")[0], path.name.split(".")[1]) for path in HERE.glob("*.*.json") if not path.name.endswith(".event.json")
)


@pytest.mark.parametrize(("case", "destination"), CASES)
def test_what_leaves_is_what_the_golden_file_says(case: str, destination: str) -> None:
    assert shown(case, destination) == json.loads((HERE / f"{case}.{destination}.json").read_text())


def test_every_case_is_looked_at_for_at_least_a_room_and_a_network_of_lines() -> None:
    looked_at = set(CASES)
    for path in HERE.glob("*.event.json"):
        case = path.name.split(".")[0]
        own = json.loads(path.read_text())[-1]["channel"]["network"]
        assert all((case, name) in looked_at for name in ("matrix", "irc") if name != own), case
