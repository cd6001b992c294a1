"""The guarded HTTP client against servers that mean harm."""

import asyncio
import gzip
import ipaddress
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.toolbox import NotReached
from bridge.ops.http import AddressRefused, GuardedHttp
from bridge.text.addresses import is_public

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Hostile:
    """A server on loopback whose answers are the test's; notes every request."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.answers: dict[str, Answer] = {}
        self.released = asyncio.Event()
        self.url = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        return await self.answers[request.path](request)

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        async def answer(request: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": to})

        self.answers[path] = answer

    def say(self, path: str, body: bytes, **headers: str) -> None:
        async def answer(request: web.Request) -> web.Response:
            return web.Response(body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})

        self.answers[path] = answer


async def _start(server: Hostile) -> web.AppRunner:
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", server.take)
    runner = web.AppRunner(app, auto_decompress=False, shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return runner


@pytest.fixture
async def server() -> AsyncIterator[Hostile]:
    found = Hostile()
    runner = await _start(found)
    yield found
    found.released.set()
    await runner.cleanup()


@pytest.fixture
async def other() -> AsyncIterator[Hostile]:
    found = Hostile()
    runner = await _start(found)
    yield found
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    client = GuardedHttp(["127.0.0.1/32"])
    yield client
    await client.close()


@pytest.fixture
async def strict() -> AsyncIterator[GuardedHttp]:
    client = GuardedHttp()
    yield client
    await client.close()


PRIVATE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.127.255.254", "192.0.0.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "192.88.99.1", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "fe80::1", "fc00::1",
    "fd00:ec2::254", "fec0::1", "ff02::1", "100::1", "2001:db8::1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_is_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_in_another_spelling_is_judged_alike(address: ipaddress.IPv4Address) -> None:
    expected = is_public(address)
    number = int(address)
    assert is_public(ipaddress.IPv6Address(0xFFFF << 32 | number)) == expected
    assert is_public(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | number)) == expected
    assert is_public(ipaddress.IPv6Address(0x2002 << 112 | number << 80)) == expected


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0"]
)
async def test_no_spelling_of_loopback_gets_through(strict: GuardedHttp, server: Hostile, host: str) -> None:
    server.say("/", b"secret")
    with pytest.raises(OSError):
        await strict.request("GET", f"http://{host}:{server.url.rsplit(':', 1)[1]}/")
    assert server.seen == []


async def test_the_refusal_names_the_setting(strict: GuardedHttp, server: Hostile) -> None:
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(AddressRefused, match="allow_addresses"):
            await strict.request("GET", f"http://{host}:{server.url.rsplit(':', 1)[1]}/")


async def test_a_redirect_to_a_private_address_is_not_followed(server: Hostile, http: GuardedHttp) -> None:
    for target in ("http://127.0.0.2:1/", "http://[::1]/", "//169.254.169.254/latest", "http://10.0.0.1/"):
        server.redirect("/", target)
        with pytest.raises(AddressRefused):
            await http.request("GET", server.url)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "gopher://x/", "ftp://x/", "javascript:1", "http://", "http://[", "http://a b/"]
)
async def test_only_http_is_followed(server: Hostile, http: GuardedHttp, target: str) -> None:
    server.redirect("/", target)
    with pytest.raises(OSError):
        await http.request("GET", server.url)
    with pytest.raises(OSError):
        await http.request("GET", target)


async def test_redirects_end(server: Hostile, http: GuardedHttp) -> None:
    server.redirect("/", "/")
    with pytest.raises(OSError, match="more than 5 redirects"):
        await http.request("GET", server.url)
    assert len(server.seen) == 6


async def test_five_redirects_are_followed(server: Hostile, http: GuardedHttp) -> None:
    for hop in range(5):
        server.redirect(f"/{hop}", f"/{hop + 1}")
    server.say("/5", b"here", Content_Type="text/plain")
    answer = await http.request("GET", server.url + "/0")
    assert (answer.status, answer.body, answer.url) == (200, b"here", server.url + "/5")
    assert answer.headers["content-type"] == "text/plain"


async def test_who_follows_redirects_himself_is_given_them(server: Hostile, http: GuardedHttp) -> None:
    server.redirect("/a", "/b")
    answer = await http.request("GET", f"{server.url}/a", redirects=0)
    assert (answer.status, answer.headers["location"]) == (302, "/b")
    assert [request.path for request in server.seen] == ["/a"]


async def test_secrets_stay_with_their_host(server: Hostile, other: Hostile, http: GuardedHttp) -> None:
    server.redirect("/here", "/again", 307)
    server.redirect("/again", other.url + "/there", 307)
    other.redirect("/there", server.url + "/back", 307)
    server.say("/back", b"")
    secrets = {"authorization": "Bearer t", "Cookie": "a=b", "X-Own": "1"}
    await http.request("POST", server.url + "/here", headers=secrets, body=b"hello")
    assert [request.headers.get("Authorization") for request in server.seen] == ["Bearer t", "Bearer t", None]
    assert [request.headers.get("Authorization") for request in other.seen] == [None]
    assert other.seen[0].headers.get("Cookie") is None and other.seen[0].headers["X-Own"] == "1"


async def test_a_user_and_password_in_an_address_are_not_sent(server: Hostile, http: GuardedHttp) -> None:
    server.say("/", b"")
    await http.request("GET", server.url.replace("http://", "http://user:pass@"))
    assert "Authorization" not in server.seen[0].headers


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
async def test_a_redirected_post_goes_on_as_the_rfc_says(server: Hostile, http: GuardedHttp, status: int, method: str) -> None:
    bodies: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response()

    server.redirect("/", "/on", status)
    server.answers["/on"] = answer
    await http.request("POST", server.url, body=b"hello")
    assert server.seen[1].method == method
    assert bodies == [b"hello" if method == "POST" else b""]


async def test_cookies_are_not_kept(server: Hostile, http: GuardedHttp) -> None:
    server.say("/", b"", Set_Cookie="track=me")
    await http.request("GET", server.url)
    await http.request("GET", server.url)
    assert "Cookie" not in server.seen[1].headers


async def test_a_gzip_bomb_ends_at_the_cap_and_not_in_memory(server: Hostile, http: GuardedHttp) -> None:
    bomb = gzip.compress(bytes(200_000_000), 1)
    server.say("/", bomb, Content_Encoding="gzip")
    tracemalloc.start()
    with pytest.raises(OSError, match="more than 1000000 bytes"):
        await http.request("GET", server.url, limit=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000


async def test_an_endless_body_ends_at_the_cap(server: Hostile, http: GuardedHttp) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    server.answers["/"] = endless
    with pytest.raises(OSError, match="more than 300000 bytes"):
        await http.request("GET", server.url, limit=300_000)


async def test_a_body_that_says_it_is_too_large_is_not_read(server: Hostile, http: GuardedHttp) -> None:
    server.say("/", b"x" * 5000)
    with pytest.raises(OSError, match="5000 bytes, of which at most 4999"):
        await http.request("GET", server.url, limit=4999)
    assert (await http.request("GET", server.url, limit=5000)).body == b"x" * 5000


async def test_a_slow_drip_ends_at_the_time_limit(server: Hostile, http: GuardedHttp) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"a")
        await server.released.wait()
        return response

    server.answers["/"] = drip
    with pytest.raises(OSError, match="too long"):
        await http.request("GET", server.url, timeout=0.05)
    with pytest.raises(OSError, match="too long"):
        async with http.stream(server.url, limit=100, timeout=0.05) as stream:
            async for _ in stream.chunks():
                pass


async def test_a_body_that_breaks_off_is_an_error(server: Hostile, http: GuardedHttp) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    server.answers["/"] = broken
    with pytest.raises(OSError):
        await http.request("GET", server.url)


async def test_a_body_that_is_not_gzip_though_it_says_so_is_an_error(server: Hostile, http: GuardedHttp) -> None:
    server.say("/", b"not gzip at all", Content_Encoding="gzip")
    with pytest.raises(OSError):
        await http.request("GET", server.url)


async def test_headers_cannot_be_smuggled(server: Hostile, http: GuardedHttp) -> None:
    server.say("/", b"")
    with pytest.raises(OSError):
        await http.request("GET", server.url, headers={"X": "a\r\nAuthorization: b"})


async def test_a_stream_is_named_typed_and_whole(server: Hostile, http: GuardedHttp) -> None:
    server.say("/cats/a%20cat.PNG", b"z" * 200_000, Content_Type="IMAGE/png; charset=x")
    server.answers["/cats/a cat.PNG"] = server.answers["/cats/a%20cat.PNG"]
    async with http.stream(server.url + "/cats/a%20cat.PNG?size=9", limit=1_000_000) as stream:
        assert (stream.name, stream.type, stream.size) == ("a cat.PNG", "image/png", 200_000)
        assert sum([len(chunk) async for chunk in stream.chunks()]) == 200_000


async def test_a_stream_of_anything_but_200_is_an_error(server: Hostile, http: GuardedHttp) -> None:
    async def missing(request: web.Request) -> web.Response:
        return web.Response(status=404)

    server.answers["/"] = missing
    with pytest.raises(OSError, match="answered 404"):
        async with http.stream(server.url, limit=10):
            pass


async def test_the_readers_own_error_stays_its_own(server: Hostile, http: GuardedHttp) -> None:
    server.say("/", b"x")
    with pytest.raises(ValueError, match="mine"):
        async with http.stream(server.url, limit=10):
            raise ValueError("mine")


async def test_what_was_never_sent_is_told_from_what_may_have_been(server: Hostile, http: GuardedHttp) -> None:
    """Else a write that never left would be looked for, or one that did sent twice."""

    async def vanish(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.answers["/a"] = vanish
    with pytest.raises(OSError) as gone:
        await http.request("POST", f"{server.url}/a", body=b"x")
    assert not isinstance(gone.value, NotReached)
    with pytest.raises(NotReached):
        await http.request("POST", "http://127.0.0.1:1/", body=b"x")


async def test_a_host_that_is_not_there_is_an_oserror(http: GuardedHttp) -> None:
    with pytest.raises(OSError):
        await http.request("GET", "http://127.0.0.1:1/")


def test_an_allowed_network_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError):
        GuardedHttp(["10.0.0.0/99"])
