"""Encrypted links, logins and borrowed names, on real sockets."""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.irc.demo.server import DemoServer
from bridge.contract.delivery import Delivery
from bridge.contract.errors import Disconnected, Unavailable
from bridge.contract.features import Evidence, Voice, VoiceKind
from bridge.model.events import Membership, Move
from tests.unit.irc.adapter.scene import LOBBY, Scene
from tests.unit.irc.adapter.scripted import in_lobby


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "irc.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(pem) + secret)
    return path


@contextlib.asynccontextmanager
async def wrapped(demo: DemoServer, certificate: Path) -> AsyncIterator[int]:
    """A TLS door in front of the demo server; the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    passing: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            passing[task] = writer
        there, back = await asyncio.open_connection(demo.host, demo.port)
        try:
            await asyncio.gather(_pipe(reader, back), _pipe(there, writer))
        finally:
            writer.close()
            back.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in passing.values():
            writer.transport.abort()  # a close waits for the other side's goodbye, and outlives the loop
        await asyncio.gather(*passing, return_exceptions=True)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


@pytest.fixture
async def demo() -> AsyncIterator[DemoServer]:
    server = await DemoServer.start(record=True, accounts={"bot": "right"}, relaymsg=True)
    yield server
    await server.stop()


async def test_a_certificate_nobody_vouches_for_is_refused_unless_told_to_trust_it(demo: DemoServer, certificate: Path) -> None:
    async with wrapped(demo, certificate) as port:
        with pytest.raises(Disconnected, match="not to be trusted"):
            await Scene(f"127.0.0.1:{port}", tls=True).adapter.run()
        assert demo.nicks() == []
        for settings in ({"tls_ca": str(certificate)}, {"tls_verify": False}):
            scene = Scene(f"127.0.0.1:{port}", tls=True, **settings)
            async with scene.running(LOBBY):
                assert (await scene.adapter.deliver(scene.delivery())).evidence is Evidence.ECHOED
                assert "TLS" in await type(scene.adapter).examine(scene.adapter._config)


async def test_a_missing_certificate_file_is_told_in_words(demo: DemoServer) -> None:
    scene = Scene(f"127.0.0.1:{demo.port}", tls=True, tls_certificate="/nonexistent/cert.pem")
    with pytest.raises(Disconnected, match=r"certificate files.*No such file") as caught:
        await scene.adapter.run()
    assert caught.value.fatal


async def test_a_server_that_asks_for_encryption_gets_it_and_it_is_remembered(demo: DemoServer, certificate: Path) -> None:
    async with wrapped(demo, certificate) as port:
        demo.offer(demo.knobs.caps | {f"sts=port={port},duration=3600"})
        scene = Scene(f"127.0.0.1:{demo.port}", tls_ca=str(certificate), sasl_password="right", sasl_user="bot")
        async with scene.running(LOBBY):
            await scene.inlet.until(lambda: "sts" in scene.inlet.cursors)
        said = [line.command for _, line in demo.heard]
        assert "AUTHENTICATE" in said and said.index("AUTHENTICATE") > said.index("CAP", said.index("USER"))
        demo.offer(frozenset(cap for cap in demo.knobs.caps if not cap.startswith("sts")))
        stored = scene.inlet.cursors["sts"]
        assert f'"port":{port}' in stored.value
        again = Scene(f"127.0.0.1:{demo.port}", tls_ca=str(certificate))
        again.inlet.cursors["sts"] = stored
        async with again.running():
            link = again.adapter._link
            assert link is not None and link.session.wire.transport is not None
            assert link.session.wire.transport.get_extra_info("ssl_object") is not None


async def test_a_login_is_made_before_anything_else_or_nothing_is(demo: DemoServer) -> None:
    address = f"127.0.0.1:{demo.port}"
    scene = Scene(address, sasl_user="bot", sasl_password="right")
    async with scene.running(LOBBY):
        said = [line.command for _, line in demo.heard]
        assert "AUTHENTICATE" in said and said.index("AUTHENTICATE") < said.index("JOIN")
        assert scene.adapter._link is not None and scene.adapter._link.session.registration.account == "bot"
    with pytest.raises(Disconnected) as caught:
        await Scene(address, sasl_user="bot", sasl_password="wrong").adapter.run()
    assert caught.value.fatal and "wrong" not in caught.value.reason
    optional = Scene(address, sasl_user="bot", sasl_password="wrong", sasl_required=False)
    async with optional.running(LOBBY):
        assert (await optional.adapter.deliver(optional.delivery())).ids


async def test_names_are_relayed_where_the_server_lets_us_and_proved_like_any_line(demo: DemoServer) -> None:
    scene = Scene(f"127.0.0.1:{demo.port}")
    async with scene.running(LOBBY):
        assert scene.adapter.features(LOBBY).voice is VoiceKind.NAME
        plain = scene.delivery("hello")
        receipt = await scene.adapter.deliver(_named(plain))
        assert receipt.evidence is Evidence.ECHOED and receipt.ids
        assert scene.inlet.events == []
    assert any(line.command == "RELAYMSG" for _, line in demo.heard)


async def test_where_relaying_is_refused_the_name_goes_before_the_text_and_no_line_is_lost() -> None:
    async with in_lobby("batch draft/relaymsg=/ echo-message labeled-response message-tags") as (server, scene):
        delivery = _named(scene.delivery("hello"))
        sending = asyncio.create_task(scene.adapter.deliver(delivery))
        await server.expect("RELAYMSG")
        server.say(f"@label={delivery.id} :srv FAIL RELAYMSG PRIVS_NEEDED :You need channel operator rights")
        with pytest.raises(Unavailable):
            await sending
        assert scene.adapter.features(LOBBY).voice is VoiceKind.PREFIX
        again = asyncio.create_task(scene.adapter.deliver(delivery))
        assert "<alice> hello" in await server.expect("PRIVMSG")
        server.say(f"@label={delivery.id};msgid=m :bot!u@h PRIVMSG #lobby :<alice> hello")
        assert (await again).ids == ("m",)


async def test_a_kick_for_somebody_else_is_done_proved_and_not_told_back(demo: DemoServer) -> None:
    _, writer = await asyncio.open_connection(demo.host, demo.port)
    scene = Scene(f"127.0.0.1:{demo.port}")
    async with scene.running(LOBBY):
        writer.write(b"NICK troll\r\nUSER x 0 * :x\r\nJOIN #lobby\r\n")
        await scene.inlet.until(lambda: len(scene.inlet.events) == 1)
        who = scene.inlet.events[0].author
        body = Membership(who=who, move=Move.KICK, reason="enough")
        receipt = await scene.adapter.deliver(scene.delivery(body=body))
        assert receipt.evidence is Evidence.ECHOED and demo.members("#lobby") == ["bot"]
        await scene.adapter.deliver(scene.delivery("x"))
        assert len(scene.inlet.events) == 1
    writer.close()


def _named(delivery: Delivery) -> Delivery:
    return msgspec.structs.replace(delivery, voice=Voice(kind=VoiceKind.NAME, name="alice"))
