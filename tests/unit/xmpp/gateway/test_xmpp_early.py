"""What comes in one piece with the server's yes: a server that was down has kept people waiting, and they write at once."""

import pytest

from bridge.contract.errors import Disconnected
from bridge.testing import until
from tests.doubles.component_server import HOST, Connection
from tests.unit.xmpp.gateway.parlour import ALICE_JID, PHONE, Street, inside, parlour


def behind_the_handshake(monkeypatch: pytest.MonkeyPatch, stanzas: str) -> None:
    write = Connection.write
    monkeypatch.setattr(Connection, "write", lambda self, text: write(self, text + stanzas * (text == "<handshake/>")))


async def test_a_message_close_behind_the_handshake_is_heard_and_confirmed(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with parlour(street) as one:
        await one.open()
        assert one.running is not None
        street.cut()
        with pytest.raises(Disconnected):
            await one.running
        said = "<body>at last</body><request xmlns='urn:xmpp:receipts'/>"
        behind_the_handshake(monkeypatch, f"<message type='chat' id='m1' from='{PHONE}' to='{ALICE_JID}'>{said}</message>")
        await one.connect()
        await until(lambda: street.to(PHONE))
        assert one.words() == ["at last"]
        confirmed = inside(street.to(PHONE)[0], "received")
        assert confirmed is not None and confirmed.get("id") == "m1"


async def test_what_comes_early_stays_before_what_comes_later(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    early = "".join(
        f"<message type='chat' id='m{number}' from='{PHONE}' to='{ALICE_JID}'><body>{number}</body></message>"
        for number in range(50)
    )
    behind_the_handshake(monkeypatch, early)
    async with parlour(street) as one:
        one.say("50")
        await until(lambda: len(one.words()) == 51)
        assert one.words() == [str(number) for number in range(51)]


async def test_a_request_close_behind_the_handshake_is_answered(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    ping = f"<iq type='get' id='p1' from='{PHONE}' to='{HOST}'><ping xmlns='urn:xmpp:ping'/></iq>"
    behind_the_handshake(monkeypatch, ping)
    async with parlour(street):
        await until(lambda: any(answer.get("type") == "result" for answer in street.to(PHONE, "iq")))
