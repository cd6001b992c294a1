"""Logging on: no login is lost, none is faked, and no secret goes where it should not."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.sasl import Plain
from adapters.common.scram import SaslFailed, Scram
from adapters.irc.config import IrcConfig, address
from adapters.irc.wire.caps import Capabilities
from adapters.irc.wire.line import parse
from adapters.irc.wire.registration import Registration, candidate
from adapters.irc.wire.sasl import CHUNK, Exchange, External, chunks
from bridge.contract.errors import Disconnected

SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
SERVER_LAST = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def scram() -> Scram:
    """The exchange of RFC 7677 §3."""
    return Scram("user", "pencil", "rOprNGfwEbeRWgbNEkqO")


def test_scram_is_that_of_the_rfc() -> None:
    login = scram()
    assert login.respond(b"") == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert login.respond(SERVER_FIRST) == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert not login.done
    assert login.respond(SERVER_LAST) == b""
    assert login.done


@pytest.mark.parametrize(
    "first",
    [
        b"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=999999999",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=\xd9\xa4",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=%%,i=4096",
        b"m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"\xff",
        b"",
    ],
)
def test_a_server_that_bends_scram_gets_no_proof(first: bytes) -> None:
    login = scram()
    login.respond(b"")
    with pytest.raises(SaslFailed):
        login.respond(first)


@pytest.mark.parametrize("last", [b"v=AAAA", b"v=", b"", b"e=other-error", b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G0="])
def test_a_server_that_does_not_know_the_password_is_found_out(last: bytes) -> None:
    login = scram()
    login.respond(b"")
    login.respond(SERVER_FIRST)
    with pytest.raises(SaslFailed):
        login.respond(last)
    assert not login.done


@given(st.binary(max_size=1300))
def test_chunks_say_where_a_message_ends(message: bytes) -> None:
    pieces = list(chunks(message))
    assert all(len(piece) == CHUNK for piece in pieces[:-1]) and (pieces[-1] == "+" or len(pieces[-1]) < CHUNK)
    assert base64.b64decode("".join(piece for piece in pieces if piece != "+")) == message


def test_a_challenge_in_pieces_is_put_together_and_one_without_end_refused() -> None:
    exchange = Exchange(Plain("u", "p"))
    assert exchange.receive("A" * CHUNK) == [] and exchange.receive("+") != []
    endless = Exchange(External())
    with pytest.raises(SaslFailed):
        for _ in range(100):
            endless.receive("A" * CHUNK)


class Desk:
    """A registration and what it sent."""

    def __init__(self, **settings: object) -> None:
        self.sent: list[str] = []
        config = IrcConfig(server="h", nick="bot", **settings)  # type: ignore[arg-type]
        self.sts: list[str] = []
        self.registration = Registration(config, self._send, nonce="abc", sts=self.sts.append)

    def _send(self, command: str, params: tuple[str, ...]) -> None:
        self.sent.append(" ".join((command, *params)))

    def hear(self, *lines: str) -> list[str]:
        before = len(self.sent)
        for line in lines:
            parsed = parse(line.encode())
            assert parsed is not None
            self.registration.receive(parsed)
        return self.sent[before:]


def test_capabilities_are_asked_once_over_several_lines_and_ended() -> None:
    desk = Desk()
    assert desk.hear(":s CAP * LS * :multi-prefix sasl=PLAIN unknown") == []
    (request,) = desk.hear(":s CAP * LS :echo-message server-time labeled-response")
    assert request == "CAP REQ echo-message multi-prefix sasl server-time"
    assert desk.hear(":s CAP * ACK :echo-message multi-prefix server-time") == []
    assert desk.hear(":s CAP * NAK :sasl") == ["CAP END"]
    assert desk.registration.caps.enabled == {"echo-message", "multi-prefix", "server-time"}


def test_labels_are_only_asked_for_with_batches() -> None:
    assert Capabilities().receive(parse(b"CAP * LS :labeled-response") or pytest.fail()) == []
    assert Capabilities().receive(parse(b"CAP * LS :labeled-response batch") or pytest.fail()) == ["batch labeled-response"]


def test_capabilities_come_and_go() -> None:
    caps = Capabilities()
    for raw in ("LS :batch", "ACK :batch", "NEW :away-notify", "ACK :away-notify", "DEL :batch"):
        caps.receive(parse(f"CAP me {raw}".encode()) or pytest.fail())
    assert caps.enabled == {"away-notify"} and "batch" not in caps.offered


@given(st.lists(st.text(max_size=30), max_size=8))
def test_no_cap_line_breaks_the_negotiation(params: list[str]) -> None:
    caps = Capabilities()
    line = parse("CAP {}".format(" ".join(params)).encode("utf-8", "replace"))
    if line is not None:
        caps.receive(line)


def test_the_best_mechanism_on_offer_is_used() -> None:
    desk = Desk(sasl_password="pw")
    desk.hear(":s CAP * LS :sasl=PLAIN,SCRAM-SHA-256")
    assert desk.hear(":s CAP * ACK :sasl") == ["AUTHENTICATE SCRAM-SHA-256"]
    plain = Desk(sasl_password="pw")
    plain.hear(":s CAP * LS :sasl=PLAIN")
    assert plain.hear(":s CAP * ACK :sasl") == ["AUTHENTICATE PLAIN"]
    assert plain.hear("AUTHENTICATE +") == ["AUTHENTICATE " + base64.b64encode(b"\0bot\0pw").decode()]
    assert plain.hear(":s 900 bot bot!u@h account :ok", ":s 903 bot :ok") == ["CAP END"]
    assert plain.registration.account == "account"
    certificate = Desk(tls_certificate="x.pem")
    certificate.hear(":s CAP * LS :sasl")
    assert certificate.hear(":s CAP * ACK :sasl") == ["AUTHENTICATE EXTERNAL"]


def test_success_without_the_servers_proof_is_no_success() -> None:
    desk = Desk(sasl_password="pw", sasl="scram-sha-256")
    desk.hear(":s CAP * LS :sasl", ":s CAP * ACK :sasl", "AUTHENTICATE +")
    with pytest.raises(Disconnected, match="without proof"):
        desk.hear(":s 903 bot :welcome, trust me")


def test_a_wrong_password_is_for_a_human_and_missing_services_are_not() -> None:
    desk = Desk(sasl_password="pw")
    desk.hear(":s CAP * LS :sasl=PLAIN", ":s CAP * ACK :sasl", "AUTHENTICATE +")
    with pytest.raises(Disconnected) as caught:
        desk.hear(":s 904 bot :SASL authentication failed")
    assert caught.value.fatal and "pw" not in caught.value.reason
    absent = Desk(sasl_password="pw")
    with pytest.raises(Disconnected) as caught:
        absent.hear(":s CAP * LS :batch", ":s CAP * ACK :batch")
    assert not caught.value.fatal
    with pytest.raises(Disconnected):
        Desk(sasl_password="pw").hear(":s 001 bot :no capabilities here")


def test_where_login_is_optional_its_failure_is_no_end() -> None:
    desk = Desk(sasl_password="pw", sasl_required=False)
    desk.hear(":s CAP * LS :sasl=PLAIN", ":s CAP * ACK :sasl", "AUTHENTICATE +")
    assert desk.hear(":s 904 bot :failed") == ["CAP END"]


def test_services_that_come_back_get_the_login_that_was_missed() -> None:
    desk = Desk(sasl_password="pw", sasl_required=False)
    desk.hear(":s CAP * LS :batch", ":s CAP * ACK :batch", ":s 001 bot :hi")
    assert desk.hear(":s CAP bot NEW :sasl=PLAIN") == ["CAP REQ sasl"]
    assert desk.hear(":s CAP bot ACK :sasl") == ["AUTHENTICATE PLAIN"]
    desk.hear("AUTHENTICATE +")
    assert desk.hear(":s 900 bot x acc :ok", ":s 903 bot :ok") == []
    assert desk.registration.account == "acc"


def test_taken_nicks_are_passed_over_and_an_endless_refusal_ends() -> None:
    desk = Desk()
    assert desk.hear(":s 433 * bot :in use", ":s 433 * bot_ :in use", ":s 432 * bot__ :bad") == [
        "NICK bot_",
        "NICK bot__",
        "NICK bot3",
    ]
    with pytest.raises(Disconnected):
        for _ in range(30):
            desk.hear(":s 433 * x :in use")
    assert candidate("a-very-long-nick", 5) == "a-very5"


def test_the_server_password_comes_first_and_a_wrong_one_is_fatal() -> None:
    desk = Desk(password="with space")
    desk.registration.begin()
    assert desk.sent == ["CAP LS 302", "PASS with space"]
    with pytest.raises(Disconnected) as caught:
        desk.hear(":s 464 * :Password incorrect")
    assert caught.value.fatal


def test_sts_is_told_before_anything_is_asked() -> None:
    desk = Desk()
    desk.hear(":s CAP * LS :sts=port=6697,duration=1 batch")
    assert desk.sts == ["port=6697,duration=1"]


def test_settings_show_no_secret_and_refuse_what_cannot_be() -> None:
    secret = "s3cret"
    config = IrcConfig(server="h", password=secret, sasl_password=secret, nickserv_password=secret, channel_keys={"#c": secret})
    assert "s3cret" not in repr(config) and "s3cret" not in str(config)
    for wrong in (
        {"nick": "a b"},
        {"username": ""},
        {"password": "a\nQUIT"},
        {"channel_keys": {"#a": "b c"}},
        {"server": "h:x"},
        {"encoding": "no-such-charset"},
    ):
        with pytest.raises(ValueError):
            IrcConfig(**{"server": "h", **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("server", "tls", "expected"),
    [
        ("irc.example.org", True, ("irc.example.org", 6697)),
        ("irc.example.org", False, ("irc.example.org", 6667)),
        ("h:7000", True, ("h", 7000)),
        ("[::1]:7000", False, ("::1", 7000)),
        ("::1", False, ("::1", 6667)),
        ("[::1]", True, ("::1", 6697)),
    ],
)
def test_addresses_are_read(server: str, tls: bool, expected: tuple[str, int]) -> None:
    assert address(server, tls) == expected
