"""Every pair of files in `in/` is a test named for its case: a page as a server gives it, and the events it becomes.

`<case>.page.json` has the faces of a page: `json` and `as`, or `direct` for direct messages; those named `recorded_…` are a real
server's words, cut down to one item. One named `loss_…` shows what cannot be known.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from adapters.gnusocial.inbound import Inbound
from adapters.gnusocial.reading.faces import Server, read_page
from bridge.model.events import Event
from bridge.model.ids import ChannelId, IdentityId, NetworkName

IN = Path(__file__).parent / "in"
NET = NetworkName("social")
NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


def cases() -> list[str]:
    return sorted(path.name.removesuffix(".page.json") for path in IN.glob("*.page.json"))


def heard(case: str) -> list[Event]:
    """As alice@gs1.test, who asked for activities too."""
    given = json.loads((IN / f"{case}.page.json").read_text())
    inbound = Inbound(Server(NET, "gs1.test", "http://gs1.test/"), activities=True)
    me = IdentityId(NET, "alice@gs1.test")
    events = [found[1] for row in given.get("direct", ()) if (found := inbound.direct(row, me, "me", NOW)) is not None]
    page = read_page(given.get("json", []), given.get("as"), inbound.server)
    told = (inbound.event(notice, ChannelId(NET, "home@me"), NOW) for notice in reversed(page.notices))
    return [*events, *(event for event in told if event is not None)]


@pytest.mark.parametrize("case", cases())
def test_pages_in(case: str) -> None:
    assert heard(case) == msgspec.json.decode((IN / f"{case}.event.json").read_bytes(), type=list[Event])


def test_every_file_has_its_other_half() -> None:
    assert cases() == sorted(path.name.removesuffix(".event.json") for path in IN.glob("*.event.json"))
