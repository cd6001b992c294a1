"""The hub of a room's feeds: who wishes it is pushed what is new, nobody else is called, and what is owed outlives us."""

import logging
import random
from pathlib import Path

import pytest

from adapters.common.websub import is_signed
from bridge.model.events import Redaction
from bridge.ops.http import GuardedHttp
from bridge.outfeeds.calls import MOST_TRIES, Calls
from bridge.outfeeds.press import Document, Kind
from bridge.outfeeds.subscriptions import MOST_OF_A_HOST, Subscription, Wish
from bridge.testing.doubles import toolbox
from tests.doubles.clock import START, FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.servers.daemons import free_port
from tests.unit.app.reading import Outside, outside
from tests.unit.app.test_one_post import FEED, HOME, seen
from tests.unit.feeds.hub import Hub
from tests.unit.feeds.kit import World
from tests.unit.outfeeds.listening import Listening, quiet, soon
from tests.unit.routing.scene import happened, ref

SECRET = "s" * 40
DAY = 86_400


async def ask(
    town: Outside, listening: Listening, *, mode: str = "subscribe", kind: str = "atom", path: str = "/me", **more: str
) -> int:
    (topic,) = [url for url in await town.addresses() if url.endswith(kind)]
    form = {"hub.mode": mode, "hub.topic": topic, "hub.callback": f"{listening.base}{path}", "hub.secret": SECRET}
    form |= {f"hub.{name}": value for name, value in more.items()}
    async with town.session.post(topic.rpartition("/")[0] + "/hub", data=form) as answer:
        return answer.status


async def subscribed(town: Outside, listening: Listening, clock: FakeClock, *, comes_to: int = 1, **more: str) -> None:
    """Asked, called back, and what the answer comes to is kept."""
    before = len(listening.asked)
    assert await ask(town, listening, **more) == 202
    await soon(clock, lambda: len(listening.asked) > before)
    await counts(town, comes_to)
    await quiet(clock, 3)


async def count(town: Outside) -> int:
    found: int = (await town.say("show")).data["subscribers"]
    return found


async def counts(town: Outside, expected: int) -> None:
    """So many are kept in the end, within minutes of the clock."""
    for _ in range(200):
        if await count(town) == expected:
            return
        await town.bridge.clock.advance(1)
    raise AssertionError(f"{await count(town)} subscribers, not {expected}")


async def test_our_own_subscriber_is_pushed_what_is_new_in_our_own_room(
    tmp_path: Path, hs: FakeHomeserver, world: World, hub: Hub
) -> None:
    async with outside(tmp_path, hs, clock=world.clock, port=free_port()) as town:
        await town.comes(seen(text="before"))
        (url, _) = await town.addresses()
        async with world.running(url):
            assert world.said == ["before"]
            await soon(world.clock, lambda: world.counted("feeds_hub_confirmed") == 1)
            await quiet(world.clock, 3)
            await counts(town, 1)
            await town.comes(seen(FEED, text="after", id="x", uri="tag:x", permalink="https://blog.example/x"))
            await soon(world.clock, lambda: world.said == ["before", "after"])
            assert world.counted("feeds_callbacks:push_taken") == 1
            assert world.counted("feeds_callbacks:push_forged") == 0


@pytest.mark.parametrize("kind", ["atom", "json"])
async def test_a_push_is_the_feed_as_it_is_signed_and_told_where_from(
    tmp_path: Path, hs: FakeHomeserver, listening: Listening, kind: str
) -> None:
    clock = FakeClock()
    async with outside(tmp_path, hs, clock=clock, port=free_port()) as town:
        await subscribed(town, listening, clock, kind=kind)
        assert listening.asked[0]["hub.lease_seconds"] == str(10 * DAY)
        assert listening.pushes == []
        await town.comes(seen(text="new"))
        await soon(clock, lambda: len(listening.pushes) == 1)
        (push,) = listening.pushes
        assert is_signed(push.body, SECRET, push.headers["X-Hub-Signature"])
        assert push.headers["X-Hub-Signature"].startswith("sha256=")
        assert 'rel="self"' in push.headers["Link"]
        assert push.body == await (await town.get(kind)).read()


async def test_a_burst_is_one_push_and_nothing_new_is_none(tmp_path: Path, hs: FakeHomeserver, listening: Listening) -> None:
    clock = FakeClock()
    async with outside(tmp_path, hs, clock=clock, port=free_port()) as town:
        await subscribed(town, listening, clock)
        await town.comes(
            *(
                seen(id=f"tag:{number}", uri=f"tag:{number}", text=f"{number}", permalink=f"https://gs.example/{number}")
                for number in range(9)
            )
        )
        await soon(clock, lambda: len(listening.pushes) == 1)
        await quiet(clock, 30)
        assert len(listening.pushes) == 1
        await town.comes(happened("gone", HOME, "social/alice@gs.example", Redaction(target=ref("tag:3", "social"))))
        await soon(clock, lambda: len(listening.pushes) == 2)
        assert b"https://gs.example/3" not in listening.pushes[1].body


@pytest.mark.parametrize("how", ["refuses", "guesses"])
async def test_who_does_not_confirm_is_never_pushed_anything(
    tmp_path: Path, hs: FakeHomeserver, listening: Listening, how: str
) -> None:
    clock = FakeClock()
    listening.echoes, listening.wrong = how != "refuses", how == "guesses"
    async with outside(tmp_path, hs, clock=clock, port=free_port()) as town:
        await subscribed(town, listening, clock, comes_to=0)
        await town.comes(seen())
        await quiet(clock, 100)
        assert (len(listening.asked), listening.pushes, await count(town)) == (1, [], 0)


async def test_who_wishes_no_more_is_asked_and_then_left_alone(tmp_path: Path, hs: FakeHomeserver, listening: Listening) -> None:
    clock = FakeClock()
    async with outside(tmp_path, hs, clock=clock, port=free_port()) as town:
        await subscribed(town, listening, clock)
        listening.echoes = False
        await subscribed(town, listening, clock, mode="unsubscribe")
        await quiet(clock, 20)
        await counts(town, 1)  # somebody else asked for it
        listening.echoes = True
        await subscribed(town, listening, clock, comes_to=0, mode="unsubscribe")
        await town.comes(seen())
        await quiet(clock, 10)
        assert listening.pushes == []


async def test_a_lease_ends_unless_it_is_renewed(tmp_path: Path, hs: FakeHomeserver, listening: Listening) -> None:
    clock = FakeClock()
    async with outside(tmp_path, hs, clock=clock, port=free_port()) as town:
        await subscribed(town, listening, clock, lease_seconds="7200")
        await subscribed(town, listening, clock, comes_to=2, path="/other", lease_seconds="7")
        assert [asked["hub.lease_seconds"] for asked in listening.asked] == ["7200", "3600"]
        clock.shift(4000)
        await quiet(clock, 3)
        await counts(town, 1)
        await subscribed(town, listening, clock, lease_seconds="7200")
        clock.shift(4000)
        await quiet(clock, 3)
        await counts(town, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"topic": "https://elsewhere.example/feed.atom"},
        {"mode": "publish"},
        {"mode": ""},
        {"callback": "ftp://127.0.0.1/x"},
        {"callback": "javascript:alert(1)"},
        {"callback": "http://user:password@127.0.0.1/"},
        {"callback": "http://127.0.0.1/" + "x" * 3000},
        {"callback": "http://127.0.0.1/#a"},
        {"callback": "http://[::1"},
        {"secret": "x" * 200},
        {"nonsense": "x" * 20_000},
    ],
)
async def test_a_wrong_request_is_refused_and_calls_nobody(
    tmp_path: Path, hs: FakeHomeserver, listening: Listening, wrong: dict[str, str]
) -> None:
    clock = FakeClock()
    async with outside(tmp_path, hs, clock=clock, port=free_port()) as town:
        mode = wrong.get("mode", "subscribe")
        assert await ask(town, listening, **{"mode": mode, **wrong}) == 400
        await quiet(clock, 3)
        assert listening.asked == []


async def test_one_host_cannot_take_all_places_and_nobody_may_ask_too_often(
    tmp_path: Path, hs: FakeHomeserver, listening: Listening
) -> None:
    async with outside(tmp_path, hs, port=free_port()) as town:
        found = [await ask(town, listening, path=f"/{number}") for number in range(MOST_OF_A_HOST + 2)]
        assert found == [202] * MOST_OF_A_HOST + [400, 400]
        assert [await ask(town, listening) for _ in range(60)][-1] == 503


async def test_what_is_owed_is_pushed_after_a_restart(tmp_path: Path, hs: FakeHomeserver, listening: Listening) -> None:
    clock, port = FakeClock(), free_port()
    async with outside(tmp_path, hs, clock=clock, port=port) as town:
        await subscribed(town, listening, clock)
        await town.comes(seen(text="just before the end"))
        assert listening.pushes == []
    async with outside(tmp_path, hs, clock=clock, port=port):
        await soon(clock, lambda: len(listening.pushes) == 1)
        assert b"just before the end" in listening.pushes[0].body


@pytest.mark.parametrize("does", ["off", "new-address"])
async def test_nobody_is_pushed_what_has_another_address_now(
    tmp_path: Path, hs: FakeHomeserver, listening: Listening, does: str
) -> None:
    clock = FakeClock()
    async with outside(tmp_path, hs, clock=clock, port=free_port()) as town:
        await subscribed(town, listening, clock)
        await town.say(does)
        await town.comes(seen())
        await quiet(clock, 10)
        assert listening.pushes == []
        await counts(town, 0)


async def test_who_cannot_take_a_push_is_tried_again_and_at_last_given_up(
    tmp_path: Path, hs: FakeHomeserver, listening: Listening
) -> None:
    clock = FakeClock()
    async with outside(tmp_path, hs, clock=clock, port=free_port()) as town:
        await subscribed(town, listening, clock)
        listening.status = 500
        await town.comes(seen())
        for tries in range(1, MOST_TRIES + 1):
            await soon(clock, lambda tries=tries: len(listening.pushes) == tries)  # type: ignore[misc]
            await quiet(clock, 2)
            await counts(town, 1 if tries < MOST_TRIES else 0)
            clock.shift(3600)


async def test_who_is_gone_is_not_called_again(tmp_path: Path, hs: FakeHomeserver, listening: Listening) -> None:
    clock = FakeClock()
    async with outside(tmp_path, hs, clock=clock, port=free_port()) as town:
        await subscribed(town, listening, clock)
        listening.status = 410
        await town.comes(seen())
        await soon(clock, lambda: len(listening.pushes) == 1)
        await quiet(clock, 3)
        await counts(town, 0)


async def test_nobody_within_the_operators_network_is_called(listening: Listening) -> None:
    http = GuardedHttp(())
    calls = Calls(http, FakeClock(), random.Random(1), toolbox(FakeClock()).metrics)
    printed = Document(
        kind=Kind.ATOM,
        type="application/atom+xml",
        body=b"x",
        packed=b"",
        version="2",
        etag="",
        updated=START,
        self_url="",
        hub="",
    )
    wish = Subscription(callback=f"{listening.base}/me", topic="", kind=Kind.ATOM, wish=Wish(lease=3600, mark="a"))
    known = Subscription(callback=f"{listening.base}/me", topic="", kind=Kind.ATOM, until=1, sent="1")
    after = await calls.ask(wish, printed)
    assert after is not None
    assert after.until == 0
    pushed = await calls.push(known, printed)
    assert pushed is not None
    assert pushed.sent == "1"
    assert (listening.asked, listening.pushes) == ([], [])
    await http.close()


def test_no_secret_of_a_subscriber_is_shown_in_logs(caplog: pytest.LogCaptureFixture) -> None:
    one = Subscription(
        callback="https://a.example/hidden-path",
        topic="t",
        kind=Kind.ATOM,
        secret=SECRET,
        wish=Wish(lease=1, mark="a", secret=SECRET),
    )
    logging.getLogger("test").warning("%r %r", one, one.wish)
    assert SECRET not in caplog.text
    assert "hidden-path" not in caplog.text
