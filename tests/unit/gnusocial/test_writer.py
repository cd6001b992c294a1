"""Nothing is posted twice, and nothing is called posted that is not: whatever becomes of the answer."""

import asyncio

import pytest

from adapters.gnusocial.find import SETTLE_SECONDS
from adapters.gnusocial.outbound import Post
from adapters.gnusocial.wire.account import Allowed
from adapters.gnusocial.wire.client import Refused, Revoked
from adapters.gnusocial.wire.echoes import DOUBT_SECONDS, RECENT, START_SECONDS, Verdict
from adapters.gnusocial.wire.uploads import TRIES
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence
from bridge.contract.toolbox import NotReached
from bridge.model.events import Attachment, Boost, Message, Reactions, Redaction, Ref, Text
from bridge.model.ids import EventKey
from bridge.testing import until
from tests.doubles.clock import START
from tests.unit.gnusocial.kit import (
    HOST,
    ME,
    NET,
    Asked,
    Bench,
    Pictures,
    Told,
    by_path,
    delivery,
    names,
    status,
    target,
    user,
)

OWN = f"statuses/user_timeline/{ME}"
REF = Ref(key=EventKey(NET, "tag:x"))


async def write(bench: Bench, one: Delivery) -> Receipt:
    return await bench.writer.write(one, bench.out(one))


async def find(bench: Bench, one: Delivery) -> Receipt | None:
    """With as much time passing as it wants."""
    task = asyncio.ensure_future(bench.finder.find(one, bench.out(one)))
    while not task.done():
        await bench.clock.advance(1)
    return task.result()


async def test_the_receipt_has_the_global_name_and_the_servers_own() -> None:
    bench = Bench(by_path({"statuses/update": Told(status(31, "hi"))}))
    receipt = await write(bench, delivery("hi"))
    assert receipt == Receipt(evidence=Evidence.ASSIGNED, ids=names(31))


async def test_a_lost_answer_is_uncertain_and_the_post_is_found_by_what_it_says() -> None:
    bench = Bench(by_path({"statuses/update": OSError("it took too long"), OWN: Told([status(31, "hi")])}))
    one = delivery("hi")
    with pytest.raises(Uncertain):
        await write(bench, one)
    found = await find(bench, one)
    assert found is not None and found.ids == names(31)


async def test_what_never_left_is_surely_not_sent() -> None:
    bench = Bench(by_path({"statuses/update": NotReached("refused")}))
    with pytest.raises(Unavailable):
        await write(bench, delivery("hi"))


async def test_a_post_that_is_stored_late_is_found_before_it_would_be_sent_again() -> None:
    """The time-out is ours; the server goes on."""
    late: list[Told | OSError] = [Told([]), Told([status(31, "hi")])]
    bench = Bench(by_path({"statuses/update": OSError("it took too long"), OWN: late}))
    one = delivery("hi")
    with pytest.raises(Uncertain):
        await write(bench, one)
    before = bench.clock.monotonic()
    found = await find(bench, one)
    assert found is not None and found.ids == names(31)
    assert bench.clock.monotonic() - before >= SETTLE_SECONDS - 1


async def test_what_is_not_there_after_a_while_is_surely_not_there() -> None:
    bench = Bench(by_path({OWN: Told([])}))
    assert await find(bench, delivery("hi")) is None
    assert bench.http.calls().count(f"GET {OWN}") == 2


async def test_the_same_words_of_another_delivery_are_not_taken_for_this_one() -> None:
    bench = Bench(by_path({"statuses/update": Told(status(31, "hi")), OWN: Told([status(31, "hi")])}))
    await write(bench, delivery("hi", id="a" * 32))
    assert await find(bench, delivery("hi", id="b" * 32)) is None
    again = await find(bench, delivery("hi", id="a" * 32))
    assert again is not None and again.ids == names(31)


@pytest.mark.parametrize(
    "other",
    [
        status(31, "hi", by=2),
        status(31, "hi there"),
        status(31, "hi", in_reply_to_status_id="7"),
        status(31, "hi", START.replace(hour=11, minute=59, second=50)),
        status(31, "hi", retweeted_status=status(5, "hi")),
        status(31, "hi") | {"created_at": "yesterday"},
        status(31, "hi") | {"user": None},
        {},
        None,
        17,
    ],
    ids=(
        "somebody else's",
        "other words",
        "answers something",
        "older",
        "a repeat",
        "undated",
        "nobody's",
        "empty",
        "null",
        "17",
    ),
)
async def test_what_only_looks_alike_is_not_found(other: object) -> None:
    bench = Bench(by_path({OWN: Told([other])}))
    assert await find(bench, delivery("hi")) is None


@pytest.mark.parametrize("answer", [{"error": "x"}, "x", None, 3, [[]]])
async def test_a_timeline_that_is_none_finds_nothing(answer: object) -> None:
    bench = Bench(by_path({OWN: Told(answer)}))
    assert await find(bench, delivery("hi")) is None


async def test_the_servers_clock_counts_and_not_ours() -> None:
    ahead = status(31, "hi", START.replace(hour=9))
    bench = Bench(by_path({OWN: Told([ahead], headers={"date": "Thu, 01 Jan 2026 09:00:01 GMT"})}))
    found = await find(bench, delivery("hi"))
    assert found is not None and found.ids == names(31)


async def test_shortened_links_and_added_addresses_do_not_hide_a_post() -> None:
    theirs = status(31, f"see https://ur1.ca/x and more https://{HOST}/attachment/4")
    bench = Bench(by_path({OWN: Told([theirs])}))
    found = await find(bench, delivery("See https://example.org/a/very/long/one and more"))
    assert found is not None and found.ids == names(31)


async def test_own_posts_are_looked_through_page_by_page() -> None:
    page = [status(number, f"n{number}") for number in range(90, 50, -1)]

    def answer(asked: Asked) -> Told:
        return Told(page if "max_id" not in asked.query else [status(51, "n51"), status(31, "hi")])

    found = await find(Bench(answer), delivery("hi"))
    assert found is not None and found.ids == names(31)


async def test_one_can_not_look_is_not_the_same_as_not_there() -> None:
    """Else it would be sent again."""
    for answer in (Told({"error": "no"}, 403), Told({"error": "gone"}, 404), Told(status=502), OSError("x")):
        bench = Bench(by_path({OWN: answer}))
        with pytest.raises(Unavailable):
            await find(bench, delivery("hi"))


async def test_said_already_by_ourselves_is_said() -> None:
    bench = Bench(by_path({"statuses/update": Told({"error": "duplicate"}, 400), OWN: Told([status(31, "hi")])}))
    assert (await write(bench, delivery("hi"))).ids == names(31)


async def test_said_already_by_another_message_is_refused_with_the_servers_words() -> None:
    bench = Bench(by_path({"statuses/update": Told({"error": "take a breather"}, 400), OWN: Told([])}))
    with pytest.raises(Rejected, match="take a breather"):
        await write(bench, delivery("hi"))


async def test_an_error_after_storing_is_a_success() -> None:
    bench = Bench(by_path({"statuses/update": Told({"error": "undefined method"}, 500), OWN: Told([status(31, "hi")])}))
    assert (await write(bench, delivery("hi"))).ids == names(31)


async def test_an_error_before_storing_is_tried_later_and_not_at_once() -> None:
    bench = Bench(by_path({"statuses/update": Told({"error": "database"}, 500), OWN: Told([])}))
    with pytest.raises(Unavailable, match="database"):
        await write(bench, delivery("hi"))


async def test_a_proxy_that_lost_the_server_leaves_it_open() -> None:
    bench = Bench(by_path({"statuses/update": Told(status=504)}))
    with pytest.raises(Uncertain):
        await write(bench, delivery("hi"))


async def test_success_without_json_is_uncertain() -> None:
    bench = Bench(by_path({"statuses/update": Told(body=b"<b>Warning</b>: headers already sent")}))
    with pytest.raises(Uncertain):
        await write(bench, delivery("hi"))


async def test_a_server_that_answers_with_an_older_post_took_it_for_a_command() -> None:
    bench = Bench(by_path({"statuses/update": Told(status(31, "hi"))}))
    await write(bench, delivery("hi", id="a" * 32))
    with pytest.raises(Rejected, match="command"):
        await write(bench, delivery("whatis this", id="b" * 32))


async def test_busy_says_when() -> None:
    bench = Bench(by_path({"statuses/update": Told({"error": "slow down"}, 429, headers={"retry-after": "120"})}))
    with pytest.raises(Unavailable) as busy:
        await write(bench, delivery("hi"))
    assert busy.value.retry_after == 120


async def test_a_refused_account_keeps_the_message() -> None:
    bench = Bench(by_path({"statuses/update": Told({"error": "Could not authenticate you."}, 401)}))
    with pytest.raises(Revoked) as refused:
        await write(bench, delivery("hi"))
    assert "hunter2" not in str(refused.value)


async def test_too_long_is_refused_by_us_with_both_numbers_and_by_the_server_in_its_words() -> None:
    bench = Bench(by_path({"statuses/update": Told({"error": "Maximum notice size is 900 characters"}, 413)}))
    with pytest.raises(Rejected, match=r"1001.*1000"):
        bench.out(delivery("x" * 1001))
    with pytest.raises(Refused, match="900") as refused:
        await write(bench, delivery("x" * 950))
    assert refused.value.status == 413


# direct messages


DIRECT = "direct/carol@gs1.test@me"
CAROL = {"users/show/carol": Told(user(2, "carol"))}


def sent(id: int, text: str, to: int = 2) -> dict[str, object]:
    return {"id": id, "text": text, "recipient_id": to, "created_at": "Thu Jan 01 12:00:00 +0000 2026"}


async def test_a_direct_message_that_is_stored_and_answered_with_500_is_sent_once() -> None:
    """As recorded: the JSON renderer is missing."""
    bench = Bench(
        by_path(
            {
                **CAROL,
                "direct_messages/new": Told({"error": "Call to undefined method"}, 500),
                "direct_messages/sent": Told([sent(7, "psst")]),
            }
        )
    )
    assert (await write(bench, delivery("psst", channel=DIRECT))).ids == (f"{HOST}:direct:7",)
    assert bench.http.calls().count("POST direct_messages/new") == 1


async def test_a_direct_message_to_another_with_the_same_words_is_not_taken_for_it() -> None:
    routes = {**CAROL, "direct_messages/new": Told({}, 500), "direct_messages/sent": Told([sent(7, "psst", to=3)])}
    bench = Bench(by_path(routes))
    with pytest.raises(Unavailable):
        await write(bench, delivery("psst", channel=DIRECT))


async def test_two_equal_direct_messages_are_two() -> None:
    both: list[Told | OSError] = [Told([sent(7, "psst")]), Told([sent(8, "psst"), sent(7, "psst")])]
    bench = Bench(by_path({**CAROL, "direct_messages/new": Told({}, 500), "direct_messages/sent": both}))
    first = await write(bench, delivery("psst", id="a" * 32, channel=DIRECT))
    second = await write(bench, delivery("psst", id="b" * 32, channel=DIRECT))
    assert (first.ids, second.ids) == ((f"{HOST}:direct:7",), (f"{HOST}:direct:8",))


async def test_a_namesake_on_the_own_server_never_gets_what_is_meant_for_somebody_far() -> None:
    friends: list[Told | OSError] = [Told([user(5, "carol", "gs2.test")]), Told([])]
    bench = Bench(by_path({**CAROL, "statuses/friends": friends, "direct_messages/new": Told({"id": 9})}))
    await write(bench, delivery("psst", channel="direct/carol@gs2.test@me"))
    assert {"user_id": "5"}.items() <= bench.http.asked[-1].form.items()
    assert "screen_name" not in bench.http.asked[-1].form


async def test_a_direct_message_to_nobody_known_is_refused() -> None:
    bench = Bench(by_path({**CAROL, "statuses/friends": Told([]), "statuses/followers": Told([])}))
    with pytest.raises(Rejected, match="does not know"):
        await write(bench, delivery("psst", channel="direct/carol@gs2.test@me"))


# marks, repeats, deletions


async def test_a_favourite_is_known_by_the_name_its_notice_will_have() -> None:
    """As recorded: `tag:gs1.test,2026-11-22:fave:1:note:20:2026-11-22T19:15:59+00:00`."""
    shown = status(20, "x", by=2)
    bench = Bench(by_path({"statuses/show/20": Told(shown), "favorites/create/20": Told(shown)}))
    receipt = await write(bench, delivery(Reactions(target=REF, keys=("⭐",)), target=target("gs1.test:20")))
    assert "tag:gs1.test,2026-01-01:fave:1:note:20:2026-01-01T12:00:00+00:00" in receipt.ids


async def test_a_mark_on_a_repeat_is_on_what_was_repeated() -> None:
    original = status(20, "x", by=2)
    routes = {
        "statuses/show/27": Told(status(27, "RT x", by=3, retweeted_status=original)),
        "favorites/create/20": Told(original),
    }
    bench = Bench(by_path(routes))
    await write(bench, delivery(Reactions(target=REF, keys=("⭐",)), target=target("gs1.test:27")))
    assert bench.http.calls()[-1] == "POST favorites/create/20"


async def test_an_answer_to_what_somebody_repeated_answers_that_and_not_the_repeat() -> None:
    one = delivery("yes", reply_to=target(*names(27), *names(20)))
    post = Bench(by_path({})).out(one)
    assert isinstance(post, Post) and post.reply_to == "20"


async def test_a_favourite_made_elsewhere_stays_while_there_are_other_reactions() -> None:
    shown = status(20, "x", by=2, favorited=True)
    bench = Bench(by_path({"statuses/show/20": Told(shown), "statuses/retweet/20": Told(status(31, "RT"))}))
    await write(bench, delivery(Reactions(target=REF, keys=("🔁",)), target=target("gs1.test:20")))
    assert bench.http.calls() == ["GET statuses/show/20", "POST statuses/retweet/20"]


async def test_a_favourite_made_here_goes_when_its_reaction_goes() -> None:
    plain, loved = status(20, "x", by=2), status(20, "x", by=2, favorited=True, repeated=True)
    shows: list[Told | OSError] = [Told(plain), Told(loved)]
    routes = {"statuses/show/20": shows, "favorites/create/20": Told(plain), "favorites/destroy/20": Told(plain)}
    bench = Bench(by_path({**routes, "statuses/retweet/20": Told(status(31, "RT"))}))
    await write(bench, delivery(Reactions(target=REF, keys=("⭐", "🔁")), target=target("gs1.test:20")))
    await write(bench, delivery(Reactions(target=REF, keys=("🔁",)), id="b" * 32, target=target("gs1.test:20")))
    assert bench.http.calls()[-1] == "POST favorites/destroy/20"


async def test_favourited_already_is_done() -> None:
    shows: list[Told | OSError] = [Told(status(20, "x", by=2)), Told(status(20, "x", by=2, favorited=True))]
    bench = Bench(by_path({"statuses/show/20": shows, "favorites/create/20": Told({"error": "already"}, 403)}))
    await write(bench, delivery(Reactions(target=REF, keys=("⭐",)), target=target("gs1.test:20")))


async def test_a_mark_on_a_post_that_is_gone_says_so() -> None:
    bench = Bench(by_path({"statuses/show/20": Told({"error": "Notice deleted."}, 410)}))
    with pytest.raises(Rejected, match="not there any more"):
        await write(bench, delivery(Reactions(target=REF, keys=("⭐",)), target=target("gs1.test:20")))


async def test_repeated_already_by_ourselves_is_repeated() -> None:
    mine = status(31, "RT x", retweeted_status=status(20, "x", by=2))
    theirs = status(30, "RT x", by=3, retweeted_status=status(20, "x", by=2))
    bench = Bench(by_path({"statuses/retweet/20": Told({"error": "already"}, 403), "statuses/retweets/20": Told([theirs, mine])}))
    assert (await write(bench, delivery(Boost(target=REF), target=target("gs1.test:20")))).ids == names(31)


async def test_ones_own_post_can_not_be_repeated_and_the_server_says_so() -> None:
    routes = {"statuses/retweet/20": Told({"error": "You cannot repeat your own notice."}, 400), "statuses/retweets/20": Told([])}
    with pytest.raises(Rejected, match="your own"):
        await write(Bench(by_path(routes)), delivery(Boost(target=REF), target=target("gs1.test:20")))


@pytest.mark.parametrize("status_code", [404, 410])
async def test_deleting_what_is_gone_is_done(status_code: int) -> None:
    bench = Bench(by_path({"statuses/destroy/20": Told({"error": "gone"}, status_code)}))
    await write(bench, delivery(Redaction(target=REF), target=target("gs1.test:20")))


async def test_deleting_another_ones_post_is_refused_in_the_servers_words() -> None:
    bench = Bench(by_path({"statuses/destroy/20": Told({"error": "You may not delete another user's status."}, 403)}))
    with pytest.raises(Rejected, match="another user"):
        await write(bench, delivery(Redaction(target=REF), target=target("gs1.test:20")))


# pictures


def picture(**more: object) -> Message:
    attachment = Attachment(source="mxc://hub/cat", name='c"at\r\n.png', type="image/png", **more)  # type: ignore[arg-type]
    return Message(text=Text(plain="look"), attachments=(attachment,))


UPLOAD = {"media/upload": Told({"media_id": 3}), "statuses/update": Told(status(31, "look"))}


async def test_a_picture_is_uploaded_once_however_often_its_post_is_tried() -> None:
    posts: list[Told | OSError] = [Told(status=503), Told(status(31, "look"))]
    bench = Bench(by_path({**UPLOAD, "statuses/update": posts}), media=Pictures())
    one = delivery(picture())
    with pytest.raises(Unavailable):
        await write(bench, one)
    await write(bench, one)
    assert bench.http.calls().count("POST media/upload") == 1
    assert bench.http.asked[-1].form["media_ids"] == "3"


async def test_a_file_name_can_not_break_out_of_its_place() -> None:
    bench = Bench(by_path(UPLOAD), media=Pictures(b"\r\n--x\r\n"))
    await write(bench, delivery(picture()))
    head = bench.http.asked[0].body.partition(b"\r\n\r\n")[0]
    assert b'filename="c%22at%0D%0A.png"' in head


async def test_a_picture_above_the_servers_quota_is_refused_before_it_is_sent() -> None:
    bench = Bench(by_path(UPLOAD), media=Pictures(b"x" * 11))
    bench.account.allowed = Allowed(text=1000, file=10)
    for message in (picture(), picture(size=11)):
        with pytest.raises(Rejected, match="larger than the 10 bytes"):
            await write(bench, delivery(message))
    assert bench.http.calls() == []


async def test_a_picture_that_stays_away_does_not_hold_up_the_lane_for_ever() -> None:
    bench = Bench(by_path(UPLOAD), media=Pictures(broken=True))
    for _ in range(TRIES - 1):
        with pytest.raises(Unavailable):
            await write(bench, delivery(picture()))
    with pytest.raises(Rejected, match="can't be read"):
        await write(bench, delivery(picture()))


# echoes


async def test_an_own_post_waits_while_a_write_is_under_way_and_is_then_ours() -> None:
    """Else the reader hands it in as news, as it stands in the timeline before its receipt is known."""
    answered = asyncio.Event()
    bench = Bench(by_path({"statuses/update": Told(status(31, "hi"))}))
    echoes, ask = bench.account.echoes, bench.http.request

    async def slow(*args: object, **more: object) -> object:
        await answered.wait()
        return await ask(*args, **more)  # type: ignore[arg-type]

    bench.http.request = slow  # type: ignore[method-assign,assignment]
    echoes.judge(names(1), START)
    await bench.clock.advance(START_SECONDS)
    assert echoes.judge(names(31), START) is Verdict.NEWS
    task = asyncio.ensure_future(write(bench, delivery("hi")))
    await until(lambda: echoes.judge(names(31), START) is Verdict.WAIT)
    answered.set()
    await task
    assert echoes.judge(names(31), START) is Verdict.OURS
    assert echoes.judge(names(32), START) is Verdict.NEWS


async def test_a_write_in_doubt_holds_back_own_posts_until_it_is_settled_or_stale() -> None:
    bench = Bench(by_path({"statuses/update": OSError("x"), OWN: Told([])}))
    echoes = bench.account.echoes
    echoes.judge(names(1), START)
    await bench.clock.advance(START_SECONDS)
    with pytest.raises(Uncertain):
        await write(bench, delivery("hi"))
    assert echoes.judge(names(31), START) is Verdict.WAIT
    assert await find(bench, delivery("hi")) is None
    assert echoes.judge(names(31), START) is Verdict.NEWS
    with pytest.raises(Uncertain):
        await write(bench, delivery("hi"))
    await bench.clock.advance(DOUBT_SECONDS)
    assert echoes.judge(names(31), bench.clock.now()) is Verdict.NEWS


async def test_a_write_cut_short_is_in_doubt() -> None:
    never = asyncio.Event()
    bench = Bench(by_path({}))

    async def hang(*args: object, **more: object) -> object:
        await never.wait()
        return None

    bench.http.request = hang  # type: ignore[method-assign,assignment]
    task = asyncio.ensure_future(write(bench, delivery("hi")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert bench.account.echoes.doubted_at("0" * 32) is not None


async def test_after_a_start_only_recent_posts_wait_for_what_an_earlier_run_may_have_written() -> None:
    bench = Bench(by_path({}))
    echoes = bench.account.echoes
    assert echoes.judge(names(31), START) is Verdict.WAIT
    assert echoes.judge(names(30), START - RECENT * 2) is Verdict.NEWS
    await bench.clock.advance(START_SECONDS)
    assert echoes.judge(names(31), START) is Verdict.NEWS
