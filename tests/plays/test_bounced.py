"""What an XMPP server took and gives back later, when nobody waits for it any more."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from bridge.testing.doubles import until
from tests.doubles.muc_room import named
from tests.plays.hall import ALICE_JID, hall
from tests.unit.app.town import ALICE, says

ROMEO = "romeo@montague.example"
ERROR = "<error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"


def takes(rooms: Callable[[Element], None], written: list[Element], stanza: Element) -> None:
    """What is for romeo is taken, and nothing comes of it as yet."""
    if stanza.get("to", "").partition("/")[0] != ROMEO:
        rooms(stanza)
    elif named(stanza, "body") is not None:
        written.append(stanza)


async def test_who_wrote_it_is_told_beneath_what_they_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hall(tmp_path) as there:
        written: list[Element] = []
        monkeypatch.setattr(there.server.service, "take", partial(takes, there.server.service.take, written))
        there.server.send(f"<message type='chat' from='{ROMEO}/a' to='{ALICE_JID}' id='m1'><body>good night</body></message>")
        before = set(there.rooms.values())
        await until(lambda: len(there.hs.world.rooms) > len(before))
        (room,) = set(there.hs.world.rooms) - before
        there.hs.join(ALICE, room)
        await there.hs.wait_for(room, says("good night"))
        lost = there.hs.say(ALICE, room, "parting is such sweet sorrow")
        there.hs.say(ALICE, room, "are you there?")
        await until(lambda: len(written) == 2)
        await there.goes_on()
        there.server.send(f"<message type='error' from='{ROMEO}' to='{ALICE_JID}' id='{written[0].get('id')}'>{ERROR}</message>")
        told = await there.hs.wait_for(room, says("Your message did not arrive: the other server can't be found."))
        assert told["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == lost
        assert told["content"]["msgtype"] == "m.notice"
