"""Proof, patience and manners, each alone: fences, flood control, back-off, joins, nicks, netsplits, transport policy."""

import asyncio
import itertools
import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.irc.ids import fold
from adapters.irc.wire import refusals, sts
from adapters.irc.wire.bucket import Bucket
from adapters.irc.wire.channels import join_lines
from adapters.irc.wire.governor import Governor, Verdict, judge
from adapters.irc.wire.isupport import Isupport
from adapters.irc.wire.line import encode, parse
from adapters.irc.wire.netsplit import is_split
from adapters.irc.wire.nick import NickKeeper
from adapters.irc.wire.proof import Proofs
from adapters.irc.wire.reader import rank_after
from bridge.contract.delivery import Receipt
from bridge.contract.errors import Rejected, Uncertain
from bridge.contract.features import Evidence
from tests.doubles.clock import START, FakeClock

ECHOED = Receipt(evidence=Evidence.ECHOED)


def proofs() -> tuple[Proofs, list[str]]:
    late: list[str] = []
    return Proofs(lambda label, receipt: late.append(label), lambda: 0.0, "t"), late


def write(book: Proofs, label: str, *, target: str = "#c", text: str = "", labelled: bool = False) -> "asyncio.Future[Receipt]":
    future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
    book.write(label, "PRIVMSG", target, text, future, labelled=labelled)
    return future


async def test_one_fence_at_a_time_proves_what_was_written_before_it_and_no_more() -> None:
    book, _ = proofs()
    first, second = write(book, "a"), write(book, "b")
    token = book.fence()
    third = write(book, "c")
    assert token is not None and book.fence() is None and book.unfenced == 1
    assert not book.ponged("other") and book.ponged(token)
    assert first.done() and second.done() and not third.done()
    again = book.fence()
    assert again is not None and again != token and book.ponged(again)
    assert third.result().evidence is Evidence.FENCED and book.unfenced == 0


async def test_lines_refused_in_order_are_told_apart() -> None:
    book, _ = proofs()
    first, other, second = write(book, "a"), write(book, "b", target="#d"), write(book, "c")
    for words in ("one", "two"):
        entry = book.oldest("#c")
        assert entry is not None
        book.refuse(entry, Rejected(words))
    assert str(first.exception()) == "one" and str(second.exception()) == "two" and not other.done()
    assert book.oldest("#c") is None


async def test_a_lost_connection_makes_all_that_is_open_uncertain_and_leaves_the_rest() -> None:
    book, _ = proofs()
    book.echoes = True
    done, gone, open_one = write(book, "a", text="x"), write(book, "b"), write(book, "c", target="#d")
    gone.cancel()
    assert book.echo(None, "PRIVMSG", "#c", "x", ECHOED)
    book.lose("gone")
    assert done.result() == ECHOED and isinstance(open_one.exception(), Uncertain)


@given(
    st.lists(st.tuples(st.sampled_from(["write", "echo", "fence", "pong", "refuse", "cancel"]), st.integers(0, 3)), max_size=60)
)
def test_whatever_happens_each_line_is_settled_once_and_all_in_the_end(steps: list[tuple[str, int]]) -> None:
    asyncio.run(_walk(steps))


async def _walk(steps: list[tuple[str, int]]) -> None:
    book, _ = proofs()
    book.echoes = True
    numbers = itertools.count()
    futures: list[asyncio.Future[Receipt]] = []
    token: str | None = None
    for step, which in steps:
        target = f"#{which}"
        if step == "write":
            futures.append(write(book, f"l{next(numbers)}", target=target, text=str(which), labelled=bool(which % 2)))
        elif step == "echo":
            book.echo(None, "PRIVMSG", target, str(which), ECHOED)
        elif step == "fence":
            token = book.fence() or token
        elif step == "pong" and token is not None:
            book.ponged(token)
        elif step == "refuse" and (entry := book.oldest(target)) is not None:
            book.refuse(entry, Rejected("no"))
        elif step == "cancel" and futures:
            futures[which % len(futures)].cancel()
    book.lose("end")
    assert all(future.done() for future in futures)
    for future in futures:
        if not future.cancelled():
            future.exception()


async def test_flood_control_lets_a_burst_go_and_then_keeps_to_its_rate_in_order() -> None:
    clock = FakeClock()
    bucket = Bucket(clock, burst=5, seconds=2.0)
    running = asyncio.create_task(bucket.run())
    out: list[tuple[int, float]] = []
    start = clock.monotonic()
    for number in range(8):
        bucket.submit(lambda number=number: out.append((number, clock.monotonic() - start)))  # type: ignore[misc]
    assert [number for number, _ in out] == [0, 1, 2, 3, 4] and bucket.waiting == 3
    await clock.advance(10)
    assert [number for number, _ in out] == list(range(8))
    assert [round(at, 1) for _, at in out[5:]] == [2.0, 4.0, 6.0]
    bucket.charge(5)
    bucket.submit(lambda: out.append((8, 0)))
    assert bucket.waiting == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_reconnects_wait_longer_each_time_up_to_a_cap_and_start_anew_after_a_stable_time() -> None:
    governor = Governor(random.Random(1), base=1, cap=100, stable=60)
    waits = [governor.lost("x", up_since=None, now=0).retry_after or 0 for _ in range(12)]
    assert all(0.5 * min(100, 2**n) <= wait <= min(100, 2**n) for n, wait in enumerate(waits))
    assert (governor.lost("x", up_since=0, now=10).retry_after or 0) >= 50
    assert (governor.lost("x", up_since=0, now=61).retry_after or 0) <= 1
    assert governor.lost("x", up_since=0, now=61, verdict=Verdict(wait=300)).retry_after == 300


@pytest.mark.parametrize("words", ["K-Lined: no bots", "You are banned from this server", "G-lined", "*** Banned", "AKILL"])
def test_a_ban_means_stop(words: str) -> None:
    assert judge(words).fatal


@pytest.mark.parametrize(
    "words",
    [
        "Throttled",
        "reconnecting too fast",
        "Too many connections from your host",
        "Excess Flood",
        "Connection throttled: banned for 60s",
    ],
)
def test_a_throttle_means_wait(words: str) -> None:
    assert judge(words).wait >= 60 and not judge(words).fatal


@pytest.mark.parametrize("words", ["Ping timeout: 240 seconds", "Server shutting down", "", "Connection reset by peer"])
def test_an_accident_means_neither(words: str) -> None:
    assert judge(words) == Verdict()


names = st.from_regex(r"#[a-z0-9äж]{1,40}", fullmatch=True)


@given(
    st.lists(st.tuples(names, st.none() | st.from_regex(r"[a-z]{1,20}", fullmatch=True)), max_size=80),
    st.none() | st.integers(1, 20),
)
def test_joins_fit_the_line_and_pair_each_key_with_its_channel(channels: list[tuple[str, str | None]], most: int | None) -> None:
    joined: list[tuple[str, str | None]] = []
    for names_text, keys_text in join_lines(channels, most):
        assert len(encode("JOIN", (names_text, keys_text) if keys_text else (names_text,))) <= 512
        part, keys = names_text.split(","), keys_text.split(",") if keys_text else []
        assert len(part) <= (most or len(part))
        joined += list(itertools.zip_longest(part, keys))
    assert sorted(joined, key=repr) == sorted(channels, key=repr)


def keeper(sent: list[str]) -> tuple[NickKeeper, FakeClock]:
    clock = FakeClock()
    send = lambda command, params: sent.append(" ".join((command, *params)))  # noqa: E731
    return NickKeeper("bot", fold=fold, send=send, monotonic=clock.monotonic), clock


def test_a_lost_nick_is_watched_and_asked_for_ever_more_rarely() -> None:
    sent: list[str] = []
    nicks, clock = keeper(sent)
    nicks.begin("bot_", monitor=True, nickserv_password=None)
    assert sent == ["MONITOR + bot"]
    for _ in range(3600):
        clock.shift(1)
        nicks.tick()
    assert 3 <= sent.count("NICK bot") <= 8
    nicks.receive(parse(b":s 731 bot_ :other,bot") or pytest.fail())
    assert sent[-1] == "NICK bot"
    nicks.changed("bot", monitor=True)
    assert sent[-1] == "MONITOR - bot" and nicks.content
    count = len(sent)
    nicks.freed("bot")
    nicks.tick()
    assert len(sent) == count


def test_nickserv_is_asked_to_give_the_nick_back() -> None:
    sent: list[str] = []
    nicks, _ = keeper(sent)
    nicks.begin("bot_", monitor=False, nickserv_password="pw")
    assert sent == ["PRIVMSG NickServ IDENTIFY bot pw", "PRIVMSG NickServ REGAIN bot pw"]


@pytest.mark.parametrize("reason", ["hub.example.org leaf.example.org", "*.net *.split", "irc.a.net b.c"])
def test_netsplits_are_told_by_their_reason(reason: str) -> None:
    assert is_split(reason)


@pytest.mark.parametrize("reason", ["Quit: a.b c.d", "bye all", "a.b", "a.b c.d e.f", "http://a.b c.d", "", "see you at x.y"])
def test_what_people_say_is_no_netsplit(reason: str) -> None:
    assert not is_split(reason)


@given(st.text(max_size=300))
def test_no_reason_takes_long_or_breaks(reason: str) -> None:
    is_split(reason)
    judge(reason)


@given(st.sampled_from(sorted(refusals.WORDS)), st.lists(st.from_regex(r"[a-z#]{1,8}", fullmatch=True), max_size=5))
def test_no_error_line_breaks_its_reader(command: str, params: list[str]) -> None:
    line = parse(f":s {command} {' '.join(params)}".encode())
    assert line is not None
    refusal = refusals.read(line)
    assert refusal is None or refusal.words


def test_an_upgrade_policy_outlives_a_restart_and_ends_when_it_says() -> None:
    assert sts.advertised("port=6697,duration=300,x") == (6697, 300)
    assert sts.advertised("port=99999,duration=-1") == (None, None) and sts.advertised("") == (None, None)
    policy = sts.renewed("IRC.example.org", 6697, 300, START)
    kept = sts.load(sts.dump(policy))
    assert kept == policy and kept is not None
    assert kept.holds("irc.EXAMPLE.org", START) and not kept.holds("other", START)
    assert not kept.holds("irc.example.org", START + timedelta(seconds=300))
    assert not sts.renewed("h", 1, 0, START).holds("h", START)
    assert sts.load("garbage") is None and sts.load(None) is None
    sts.renewed("h", 1, 10**11, START)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["+o", "bot"], True),
        (["-o", "bot"], False),
        (["+v", "bot"], None),
        (["+bo", "x!*@*", "bot"], True),
        (["+ko-l+o", "key", "al", "bot"], True),
        (["+lo", "5", "bot"], True),
        (["+o"], None),
        ([], None),
        (["+nt-o+o", "bot", "al"], False),
    ],
)
def test_modes_tell_whether_we_are_operator(words: list[str], expected: bool | None) -> None:
    assert rank_after(words, Isupport(), lambda name: name == "bot") is expected
