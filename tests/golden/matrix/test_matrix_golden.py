"""Golden files both ways: a new case is a new pair of files.

`in/<case>.matrix.json` (a raw event, and under `"reacted"` what the reaction book knows) gives `in/<case>.event.json`.
`out/<case>.delivery.json` (and under `"uploads"`, `"reacted"`, `"prefix"`, and `"strangers"`, who has no Matrix user, what the
outlet knows) gives `out/<case>.matrix.json`.
A case whose name ends in `-loses-something` says what does not survive.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.contract.delivery import Delivery
from bridge.ledger.rows import Uploaded
from bridge.matrix.convert import Business, Context, Reacted, Sending, from_matrix, to_matrix
from bridge.model.events import Event
from bridge.model.ids import HUB, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.routing.names import parse_puppet, puppet_id

HERE = Path(__file__).parent
DOMAIN = "localhost"
NAMES = {"@alice:localhost": "Alice", "@bob:example.org": "Bob"}


def cases(folder: str, suffix: str) -> list[str]:
    return sorted(path.name.removesuffix(suffix) for path in (HERE / folder).glob(f"*{suffix}"))


def identity_of(user: str) -> Identity:
    puppet = parse_puppet(user, DOMAIN)
    return Identity(id=puppet or IdentityId(HUB, user), profile=Profile(name=NAMES.get(user) if puppet is None else puppet.id))


def user_of(id: IdentityId) -> str:
    return id.id if id.network == HUB else puppet_id(NetworkName(id.network), id.id, DOMAIN)


def read(folder: str, name: str) -> Any:
    return json.loads((HERE / folder / name).read_text())


def meant(case: str) -> Event | Business | None:
    """What the file says; fields that it leaves out have their defaults."""
    said = read("in", f"{case}.event.json")
    if said is None:
        return None
    return msgspec.convert(said["business"], Business) if "business" in said else msgspec.convert(said, Event)


@pytest.mark.parametrize("case", cases("in", ".matrix.json"))
def test_what_a_homeserver_pushes_means_what_the_golden_file_says(case: str) -> None:
    given = read("in", f"{case}.matrix.json")
    reacted = msgspec.convert(given.pop("reacted", None), Reacted | None)
    event = from_matrix(given, Context(bot="@unabridged:localhost", identity_of=identity_of, reacted=reacted))
    assert event == meant(case)


@pytest.mark.parametrize("case", cases("out", ".delivery.json"))
def test_what_is_sent_to_matrix_is_what_the_golden_file_says(case: str) -> None:
    given = read("out", f"{case}.delivery.json")
    known = {name: given.pop(name) for name in ("uploads", "reacted", "prefix") if name in given}
    known["uploads"] = {source: Uploaded(mxc=mxc) for source, mxc in known.get("uploads", {}).items()}
    strangers = given.pop("strangers", [])
    delivery = msgspec.convert(given, Delivery)
    outgoing = to_matrix(delivery, Sending(user_of=lambda id: None if id.id in strangers else user_of(id), **known))
    assert json.loads(msgspec.json.encode(outgoing)) == read("out", f"{case}.matrix.json")
