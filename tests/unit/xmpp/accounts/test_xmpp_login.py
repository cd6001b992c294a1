"""Whoever logs in is told in plain words what was wrong, and no password goes where it could be read."""

import base64
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.scram import SaslFailed
from adapters.xmpp.accounts.joined import MARK
from adapters.xmpp.accounts.login import Dialogue, account_in
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.ids import bare
from adapters.xmpp.wire.sasl import choose
from bridge.contract.errors import Disconnected, Rejected
from bridge.contract.logins import LoggedIn, Question
from bridge.testing import toolbox
from tests.doubles.account_server import JID, PASSWORD, AccountServer
from tests.unit.xmpp.accounts.stage import NET, config_for


@pytest.fixture
async def server() -> AsyncIterator[AccountServer]:
    server = await AccountServer.start()
    yield server
    await server.stop()


async def answering(config: XmppConfig, *answers: str) -> list[Question | LoggedIn]:
    steps = Dialogue(NET, config, toolbox()).steps()
    found = [await anext(steps)]
    try:
        for answer in answers:
            found.append(await steps.asend(answer))
    finally:
        await steps.aclose()
    return found


async def test_a_password_that_the_server_takes_is_kept(server: AccountServer) -> None:
    where, secret, end = await answering(config_for(server), f" xmpp:{JID.upper()} ", PASSWORD)
    assert isinstance(where, Question)
    assert not where.secret
    assert isinstance(secret, Question)
    assert secret.secret
    assert isinstance(end, LoggedIn)
    assert (end.identity.id.id, end.secrets["password"]) == (JID, PASSWORD)
    assert len(end.secrets[MARK]) == 32


async def test_a_wrong_password_is_asked_again_and_the_third_time_is_the_last(server: AccountServer) -> None:
    *_, again = await answering(config_for(server), JID, "wrong")
    assert isinstance(again, Question)
    assert again.text.startswith("The server does not take that name and password")
    with pytest.raises(Rejected, match="third time"):
        await answering(config_for(server), JID, "wrong", "", "wrong")
    assert server.logins == 3


async def test_a_password_is_not_sent_as_it_is_unless_the_operator_allows_it(server: AccountServer) -> None:
    with pytest.raises(Rejected, match="not allowed to send it"):
        await answering(config_for(server, plain_passwords=False), JID, PASSWORD)
    assert server.logins == 0


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(server: AccountServer) -> None:
    with pytest.raises(OSError, match=r"the certificate of example\.org is not to be trusted"):
        await answering(config_for(server, tls_ca=None), JID, PASSWORD)
    assert server.logins == 0


async def test_a_server_that_is_not_there_is_said_so(server: AccountServer) -> None:
    await server.stop()
    with pytest.raises(OSError, match="cannot be reached"):
        await answering(config_for(server), JID, PASSWORD)


async def test_nobody_may_have_us_call_a_private_address() -> None:
    with pytest.raises(OSError, match="no public address"):
        await answering(XmppConfig(), "root@127.0.0.1", "x")


async def test_what_is_no_address_is_asked_again(server: AccountServer) -> None:
    _, again = await answering(config_for(server), "juliet")
    assert isinstance(again, Question)
    assert "an @" in again.text


@given(st.text(max_size=60))
def test_whatever_is_typed_is_an_address_or_refused_in_words(text: str) -> None:
    try:
        jid = account_in(text)
    except ValueError as error:
        assert "XMPP address" in str(error)
    else:
        assert bare(jid) == jid


def test_the_strongest_mechanism_is_chosen() -> None:
    offered = ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512-PLUS"]
    assert choose(offered, "u", "p", "n", plain=True).name == "SCRAM-SHA-256"
    assert choose(["PLAIN"], "u", "p", "n", plain=True).respond(b"") == b"\0u\0p"
    for offered in ([], ["ANONYMOUS", "DIGEST-MD5"], ["PLAIN"]):
        with pytest.raises(Disconnected):
            choose(offered, "u", "p", "n", plain=False)


def test_a_server_that_wants_our_processor_is_refused() -> None:
    mechanism = choose(["SCRAM-SHA-512"], "u", "p", "n", plain=False)
    mechanism.respond(b"")
    salt = base64.b64encode(b"salt").decode()
    with pytest.raises(SaslFailed):
        mechanism.respond(f"r=nmore,s={salt},i=99999999".encode())
