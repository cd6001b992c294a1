"""The component's link: what ends it is said in words, what is written keeps its order, and nothing outlives it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from xml.etree.ElementTree import Element, SubElement

import pytest

from adapters.xmpp.config import XmppConfig
from adapters.xmpp.wire.component import ASK_SECONDS, Link
from adapters.xmpp.wire.markup import written
from adapters.xmpp.wire.verdicts import Refusal
from bridge.contract.errors import Disconnected, Rejected, Unavailable, Uncertain
from bridge.testing import toolbox, until
from tests.doubles.clock import FakeClock
from tests.doubles.component_server import HOST, SECRET, ComponentServer

ME = f"bridge@{HOST}/x"


class Listener:
    """Notes what it hears; stumbles over whatever is from `odd@…`."""

    def __init__(self) -> None:
        self.messages: list[Element] = []
        self.presences: list[Element] = []
        self.queries: list[Element] = []

    def message(self, element: Element) -> None:
        if element.get("from", "").startswith("odd@"):
            raise KeyError("no such thing")
        self.messages.append(element)

    def presence(self, element: Element) -> None:
        self.presences.append(element)

    def query(self, element: Element) -> bool:
        self.queries.append(element)
        return element.get("from", "").startswith("taken@")


@pytest.fixture
async def server() -> AsyncIterator[ComponentServer]:
    server = await ComponentServer.start()
    try:
        yield server
    finally:
        await server.stop()


def is_copy(kind: str, to: str, sender: str, type: str) -> bool:
    return to.startswith("copy@")


class Up:
    def __init__(self, server: ComponentServer, clock: FakeClock, **settings: object) -> None:
        self.clock, self.ear = clock, Listener()
        chosen = {"component": HOST, "secret": SECRET, "server": f"127.0.0.1:{server.port}", **settings}
        self.link = Link(XmppConfig(**chosen), toolbox(clock), self.ear, is_copy=is_copy)  # type: ignore[arg-type]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter((self.link, self.ear, self.clock))


@asynccontextmanager
async def connected(server: ComponentServer, **settings: object) -> AsyncIterator[Up]:
    up = Up(server, FakeClock(), **settings)
    await up.link.connect()
    try:
        yield up
    finally:
        await up.link.close()


def message(id: str, text: str = "hi", to: str = "room@muc.example.org") -> Element:
    stanza = Element("{jabber:client}message", {"from": ME, "to": to, "type": "groupchat", "id": id})
    SubElement(stanza, "{jabber:client}body").text = text
    return stanza


def request(to: str) -> Element:
    iq = Element("{jabber:client}iq", {"type": "get", "from": ME, "to": to})
    SubElement(iq, "{http://jabber.org/protocol/disco#info}query")
    return iq


async def test_a_wrong_secret_needs_a_human(server: ComponentServer) -> None:
    up = Up(server, FakeClock(), secret="guess")
    with pytest.raises(Disconnected) as ended:
        await up.link.connect()
    assert ended.value.fatal
    assert "secret" in ended.value.reason
    assert "guess" not in ended.value.reason


async def test_a_host_that_the_server_does_not_know_may_be_known_later(server: ComponentServer) -> None:
    up = Up(server, FakeClock(), component="other.example.org")
    with pytest.raises(Disconnected) as ended:
        await up.link.connect()
    assert not ended.value.fatal
    assert "other.example.org" in ended.value.reason
    assert ended.value.retry_after


async def test_nobody_there_is_said_in_words(server: ComponentServer) -> None:
    await server.stop()
    with pytest.raises(Disconnected, match="cannot be reached"):
        await Up(server, FakeClock()).link.connect()


async def test_stanzas_arrive_in_the_order_of_the_calls_before_the_fence_is_done(server: ComponentServer) -> None:
    async with connected(server) as up:
        for number in range(500):
            up.link.write(message(str(number)))
        await up.link.fence()
        assert [one.get("id") for one in server.said()] == [str(number) for number in range(500)]


async def test_many_fences_are_one_ping(server: ComponentServer) -> None:
    async with connected(server) as up:
        pings = 0
        take = server.take

        def counted(stanza: Element) -> None:
            nonlocal pings
            pings += stanza.get("to") == HOST
            take(stanza)

        server.take = counted  # type: ignore[method-assign]
        await asyncio.gather(*(up.link.fence() for _ in range(100)))
        assert pings == 1


async def test_a_ping_of_a_stranger_with_a_fences_id_proves_nothing(server: ComponentServer) -> None:
    async with connected(server) as up:
        server.silent = True
        fence = up.link.fence()
        await until(lambda: up.link._fences)
        (id,) = up.link._fences
        server.send(f"<iq type='get' id='{id}' from='eve@example.org/x' to='{HOST}'><ping xmlns='urn:xmpp:ping'/></iq>")
        server.send("<message from='eve@example.org' to='x@y'/>")
        await until(lambda: up.ear.messages)
        assert not fence.done()


async def test_a_request_is_answered_by_whom_it_was_put_to_and_nobody_else(server: ComponentServer) -> None:
    async with connected(server) as up:
        server.silent = True
        asked = up.link.ask(request("room@muc.example.org"))
        await until(lambda: server.seen)
        id = server.seen[-1].get("id")
        server.send(f"<iq type='result' id='{id}' from='eve@example.org' to='{ME}'><query xmlns='evil'/></iq>")
        server.send(f"<iq type='result' id='{id}' from='room@muc.example.org' to='{ME}'><query xmlns='good'/></iq>")
        assert (await asked)[0].tag == "{good}query"


async def test_a_refusal_has_a_condition_and_words(server: ComponentServer) -> None:
    async with connected(server) as up:
        with pytest.raises(Refusal) as refused:
            await up.link.ask(request("room@muc.example.org/nobody"))
        assert refused.value.condition == "not-acceptable"
        assert refused.value.words


async def test_a_request_that_nobody_answers_ends(server: ComponentServer) -> None:
    async with connected(server, ping_seconds=3600) as up:
        server.silent = True
        asked = up.link.ask(request("room@muc.example.org"))
        await up.clock.advance(ASK_SECONDS)
        up.link.tick()
        with pytest.raises(TimeoutError):
            await asked


async def test_a_lost_connection_tells_everybody_and_takes_nothing_more(server: ComponentServer) -> None:
    async with connected(server) as up:
        server.silent = True
        fence, asked = up.link.fence(), up.link.ask(request("room@muc.example.org"))
        await until(lambda: server.seen)
        server.cut()
        ended = await up.link.over
        assert ended.reason
        with pytest.raises(Uncertain):
            await fence
        with pytest.raises(Unavailable):
            await asked
        with pytest.raises(Unavailable):
            up.link.write(message("late"))
        with pytest.raises(Uncertain):
            await up.link.fence()


async def test_what_is_written_without_a_connection_is_not_kept_for_the_next(server: ComponentServer) -> None:
    up = Up(server, FakeClock())
    with pytest.raises(Unavailable):
        up.link.write(message("early"))
    await up.link.connect()
    await up.link.fence()
    await up.link.close()
    assert server.seen == []


async def test_a_stanza_larger_than_the_server_takes_is_refused_before_it_ends_the_stream(server: ComponentServer) -> None:
    async with connected(server, stanza_bytes=10_000) as up:
        for text in ("x" * 10_000, "é" * 5_000, "&" * 2_000):
            with pytest.raises(Rejected, match="larger"):
                up.link.write(message("big", text))
        up.link.write(message("small"))
        await up.link.fence()
        assert [one.get("id") for one in server.said()] == ["small"]


async def test_one_odd_stanza_does_not_cost_the_next(server: ComponentServer) -> None:
    async with connected(server) as up:
        server.send(
            "<message from='odd@example.org' to='x@y'/>",
            "<presence/>",
            "<iq/>",
            "<iq type='result' id='nobody-asked'/>",
            "<unheard-of xmlns='urn:x'><child/></unheard-of>",
            "<message from='\U0001f600@@//' to=''/>",
            "<message from='bob@example.org' to='x@y'/>",
        )
        await until(lambda: any(one.get("from") == "bob@example.org" for one in up.ear.messages))
        assert up.link.up


async def test_a_request_that_no_part_takes_is_answered_all_the_same(server: ComponentServer) -> None:
    async with connected(server) as up:
        for who in ("taken", "other"):
            server.send(f"<iq type='get' id='1' from='{who}@example.org/x' to='{ME}'><odd xmlns='urn:x'/></iq>")
        await until(lambda: server.seen)
        await up.link.fence()
        (answer,) = server.seen
        assert (answer.get("to"), answer.get("type")) == ("other@example.org/x", "error")
        assert "feature-not-implemented" in written(answer)


@pytest.mark.parametrize(
    ("condition", "words"), [("system-shutdown", "shut down"), ("conflict", "another connection"), ("x-new", "x-new")]
)
async def test_a_stream_error_is_the_reason_that_people_read(server: ComponentServer, condition: str, words: str) -> None:
    async with connected(server) as up:
        server.fail(condition, "because \x85of it")
        ended = await up.link.over
        assert words in ended.reason
        assert "of it" in ended.reason


async def test_what_is_no_xml_ends_the_link_in_words(server: ComponentServer) -> None:
    async with connected(server) as up:
        server.send("<message></presence>")
        assert "no XML" in (await up.link.over).reason


async def test_a_server_that_is_silent_for_too_long_is_gone(server: ComponentServer) -> None:
    async with connected(server, ping_seconds=10) as up:
        server.silent = True
        for _ in range(3):
            await up.clock.advance(11)
            up.link.tick()
        assert "silent" in (await up.link.over).reason


async def test_a_server_that_answers_pings_is_there(server: ComponentServer) -> None:
    async with connected(server, ping_seconds=10) as up:
        for _ in range(5):
            await up.clock.advance(11)
            up.link.tick()
            await until(lambda: not up.link._fences and not up.link._waiting)
        assert up.link.up


async def test_while_reading_is_paused_nothing_is_heard_and_nothing_is_lost(server: ComponentServer) -> None:
    async with connected(server) as up:
        up.link.pause()
        server.send(*("<message from='bob@example.org' to='x@y'/>" for _ in range(10)))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not up.ear.messages
        up.link.resume()
        await until(lambda: len(up.ear.messages) == 10)


async def test_copies_are_dropped_and_their_neighbours_heard(server: ComponentServer) -> None:
    async with connected(server) as up:
        for number in range(100):
            server.send(*(f"<message from='r@x/n' to='{to}@y'><body>{number}</body></message>" for to in ("copy", "one", "copy")))
        await until(lambda: len(up.ear.messages) >= 100)
        heard = [one.findtext("{jabber:component:accept}body") for one in up.ear.messages if one.get("to") == "one@y"]
        assert heard == [str(number) for number in range(100)]
        assert len(up.ear.messages) < 150


async def test_the_secret_is_never_shown() -> None:
    config = XmppConfig(component=HOST, secret="hush hush", room_keys={"den@muc.example.org": "sesame"})
    assert "hush" not in repr(config)
    assert "sesame" not in repr(config)
