"""The stand-in refuses, pages, counts and caches as the recorded server does, beyond what was recorded of it."""

import aiohttp
import pytest

from adapters.gnusocial.demo.pictures import plain
from adapters.gnusocial.demo.things import Throttle
from tests.unit.gnusocial.demo.kit import Watch, basic, site, texts


async def test_a_wrong_password_is_refused_even_where_none_is_needed() -> None:
    async with site("alice") as client:
        for path in ("statuses/public_timeline.json", "statuses/home_timeline.json"):
            answer = await client.get(path, headers=basic("alice", "wrong"))
            assert answer.status == 401 and answer.data == {"error": "Could not authenticate you.", "request": f"/api/{path}"}
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="GS1 API"'
        assert (await client.get("statuses/public_timeline.json")).status == 200


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic w6k6w6k=", "Basic YWxpY2U=", "OAuth", "OAuth a=b", "Bearer x"])
async def test_nonsense_for_a_secret_lets_nobody_in(header: str) -> None:
    async with site("alice") as client:
        assert (await client.get("account/verify_credentials.json", headers={"Authorization": header})).status == 401


async def test_the_same_words_are_refused_for_a_minute_and_taken_then() -> None:
    watch = Watch()
    async with site("alice", "bob", watch=watch) as client:
        assert (await client.post("statuses/update.json", "alice", status="again")).status == 200
        watch.wait(59)
        assert (await client.post("statuses/update.json", "alice", status="again")).status == 400
        assert (await client.post("statuses/update.json", "bob", status="again")).status == 200
        watch.wait(1)
        assert (await client.post("statuses/update.json", "alice", status="again")).status == 200


async def test_whoever_posts_too_fast_is_throttled_for_as_long_as_the_site_says() -> None:
    watch = Watch()
    async with site("alice", watch=watch, throttle=Throttle(enabled=True, count=2, timespan=600)) as client:
        assert (await client.get("gnusocial/config.json")).data["throttle"] == {"enabled": True, "count": 2, "timespan": 600}
        for number in range(2):
            assert (await client.post("statuses/update.json", "alice", status=f"{number}")).status == 200
        answer = await client.post("statuses/update.json", "alice", status="too much")
        assert answer.status == 400 and answer.data["error"].startswith("Too many notices too quickly")
        watch.wait(600)
        assert (await client.post("statuses/update.json", "alice", status="too much")).status == 200


async def test_the_limit_counts_characters_with_the_addresses_of_pictures() -> None:
    async with site("alice", text_limit=40) as client:
        assert (await client.get("gnusocial/config.json")).data["site"]["textlimit"] == 40
        assert (await client.post("statuses/update.json", "alice", status="\U0001f418" * 40)).status == 200
        answer = await client.post("statuses/update.json", "alice", status="x" * 41)
        assert answer.status == 413 and "40 characters" in answer.data["error"]
        media = (await client.post("media/upload.json", "alice", data=_form(media=plain(2, 2, (1, 1, 1))))).data
        assert (await client.post("statuses/update.json", "alice", status="x" * 10, media_ids=media["media_id"])).status == 413


def _form(**fields: bytes | str) -> aiohttp.FormData:
    made = aiohttp.FormData()
    for name, value in fields.items():
        if isinstance(value, bytes):
            made.add_field(name, value, filename="p.png", content_type="image/png")
        else:
            made.add_field(name, value)
    return made


async def test_files_are_kept_shown_and_refused_where_they_are_too_big() -> None:
    picture = plain(3, 4, (9, 9, 9))
    async with site("alice", file_quota=len(picture)) as client:
        posted = await client.post("statuses/update.json", "alice", data=_form(status="look", media=picture))
        shown = posted.data["attachments"][0]
        assert (shown["mimetype"], shown["size"]) == ("image/png", str(len(picture)))
        assert (await client.get(shown["url"].removeprefix(client.server.url))).body == picture
        page = await client.get("/attachment/1")
        assert page.status == 302 and page.headers["Location"] == shown["url"]
        refused = await client.post("media/upload.json", "alice", data=_form(media=picture + b"x"))
        assert refused.status == 413
        assert (await client.post("media/upload.json", "alice", data=_form(nothing="x"))).status == 400
        assert (await client.post("statuses/update.json", "alice", status="x", media_ids="77")).status == 404


async def test_an_answer_to_nothing_is_refused_and_nothing_posted() -> None:
    async with site("alice") as client:
        answer = await client.post("statuses/update.json", "alice", status="hm", in_reply_to_status_id=999)
        assert answer.status == 404 and not client.server.site.notices


async def test_a_post_is_in_every_timeline_that_it_belongs_to() -> None:
    async with site("alice", "bob") as client:
        await client.post("statusnet/groups/create.json", "bob", nickname="trains", full_name="Trains")
        await client.post("statusnet/groups/join/trains.json", "alice", id="trains")
        await client.post("statuses/update.json", "bob", status="@alice !trains run late #winter")
        for path, nick in (
            ("statuses/home_timeline", "alice"),
            ("statuses/mentions", "alice"),
            ("statuses/public_timeline", None),
            ("statuses/networkpublic_timeline", None),
            ("statuses/user_timeline/bob", None),
            ("statusnet/groups/timeline/trains", None),
            ("statusnet/tags/timeline/winter", None),
        ):
            for face in ("json", "as", "atom", "rss", "xml"):
                answer = await client.get(f"{path}.{face}", nick)
                assert answer.status == 200 and "run late" in answer.text, (path, face)
        assert texts(await client.get("search.json?q=LATE")) == ["@alice !trains run late #winter"]
        assert texts(await client.get("statuses/mentions.json", "bob")) == []


async def test_max_id_is_inclusive_and_pages_reach_everything() -> None:
    async with site("alice") as client:
        for number in range(7):
            await client.post("statuses/update.json", "alice", status=f"{number}")
        seen: list[str] = []
        before, page = "", (await client.get("statuses/user_timeline/alice.json?count=3")).data
        while new := [one["text"] for one in page if one["text"] not in seen]:
            assert not before or page[0]["id"] == int(before)
            seen += new
            before = str(page[-1]["id"])
            page = (await client.get(f"statuses/user_timeline/alice.json?count=3&max_id={before}")).data
        assert seen == ["6", "5", "4", "3", "2", "1", "0"]


async def test_since_id_with_a_count_gives_the_newest_and_leaves_a_gap() -> None:
    async with site("alice") as client:
        for number in range(6):
            await client.post("statuses/update.json", "alice", status=f"{number}")
        assert texts(await client.get("statuses/home_timeline.json?since_id=1&count=2", "alice")) == ["5", "4"]


async def test_what_reaches_one_by_two_ways_takes_two_places_and_is_shown_once() -> None:
    async with site("alice", "bob") as client:
        for text in ("first", "@alice second", "@alice third"):
            await client.post("statuses/update.json", "bob", status=text)
        assert texts(await client.get("statuses/home_timeline.json?count=3", "alice")) == ["@alice third", "@alice second"]
        assert texts(await client.get("statuses/home_timeline.json?count=1&page=2", "alice")) == []


async def test_what_nobody_changed_is_answered_with_304_and_nothing() -> None:
    watch = Watch()
    async with site("alice", watch=watch) as client:
        await client.post("statuses/update.json", "alice", status="one")
        for face in ("json", "as", "atom"):
            path = f"statuses/home_timeline.{face}"
            first = await client.get(path, "alice")
            assert first.headers["Last-Modified"].endswith(" +0000")
            for asked in ({"If-None-Match": first.headers["ETag"]}, {"If-Modified-Since": first.headers["Last-Modified"]}):
                again = await client.get(path, "alice", headers=asked)
                assert (again.status, again.body) == (304, b"") and again.headers["ETag"] == first.headers["ETag"]
        tag = (await client.get("statuses/home_timeline.json", "alice")).headers["ETag"]
        assert (
            await client.get("statuses/home_timeline.json", headers={"If-None-Match": tag, **basic("alice", "x")})
        ).status == 401
        watch.wait(1)
        await client.post("statuses/update.json", "alice", status="two")
        assert (await client.get("statuses/home_timeline.json", "alice", headers={"If-None-Match": tag})).status == 200


async def test_two_posts_of_one_second_have_the_tag_of_one() -> None:
    """The tag is made of the times of the first and the last: a reader must not trust it blindly."""
    async with site("alice") as client:
        await client.post("statuses/update.json", "alice", status="one")
        tag = (await client.get("statuses/home_timeline.json", "alice")).headers["ETag"]
        await client.post("statuses/update.json", "alice", status="two")
        assert (await client.get("statuses/home_timeline.json", "alice", headers={"If-None-Match": tag})).status == 304


async def test_a_direct_message_is_stored_before_the_server_fails_over_it() -> None:
    async with site("alice", "bob", "eve") as client:
        answer = await client.post("direct_messages/new.json", "alice", screen_name="bob", text="psst")
        assert answer.status == 500 and "showSingleJsondirectMessage" in answer.data["error"]
        assert texts(await client.get("direct_messages.json", "bob")) == ["psst"]
        assert texts(await client.get("direct_messages/sent.json", "alice")) == ["psst"]
        assert texts(await client.get("direct_messages.json", "eve")) == []
        assert "psst" not in (await client.get("search.json?q=psst")).text
        await client.post("friendships/destroy.json", "bob", screen_name="alice")
        assert (await client.post("direct_messages/new.json", "alice", screen_name="bob", text="?")).status == 403
        assert (await client.post("direct_messages/new.json", "alice", screen_name="nobody", text="?")).status == 403
        assert (await client.post("direct_messages/new.json", "alice", screen_name="alice", text="?")).status == 403
        assert (await client.post("direct_messages/new.json", "alice", screen_name="bob")).status == 406


async def test_a_repeat_of_a_repeat_repeats_the_original_and_once_only() -> None:
    async with site("alice", "bob", "carol") as client:
        original = (await client.post("statuses/update.json", "alice", status="mine")).data["id"]
        first = (await client.post(f"statuses/retweet/{original}.json", "bob")).data
        assert first["text"] == "RT @alice mine" and first["retweeted_status"]["id"] == original
        second = (await client.post(f"statuses/retweet/{first['id']}.json", "carol")).data
        assert second["retweeted_status"]["id"] == original
        assert (await client.post(f"statuses/retweet/{original}.json", "bob")).status == 400
        assert {one["id"] for one in (await client.get(f"statuses/retweets/{original}.json")).data} == {first["id"], second["id"]}


async def test_what_is_deleted_is_gone_with_its_repeats_and_a_notice_says_so() -> None:
    async with site("alice", "bob") as client:
        made = (await client.post("statuses/update.json", "alice", status="oops")).data
        repeat = (await client.post(f"statuses/retweet/{made['id']}.json", "bob")).data
        await client.post(f"favorites/create/{made['id']}.json", "bob")
        assert (await client.post(f"statuses/destroy/{made['id']}.json", "bob")).status == 403
        assert (await client.post(f"statuses/destroy/{made['id']}.json", "alice")).status == 200
        for id in (made["id"], repeat["id"]):
            assert (await client.get(f"statuses/show/{id}.json")).status == 410
        told = (await client.get("statuses/home_timeline.json", "bob")).data[0]
        assert told["uri"] == made["uri"] and told["id"] > repeat["id"] and f"{{{{{made['uri']}}}}}" in told["text"]
        assert (await client.get("favorites.json", "bob")).data == []
        assert (await client.post(f"statuses/destroy/{made['id']}.json", "alice")).status == 404


async def test_a_favourite_that_was_taken_back_is_told_by_one_face_only() -> None:
    async with site("alice", "bob") as client:
        made = (await client.post("statuses/update.json", "alice", status="nice")).data["id"]
        await client.post(f"favorites/create/{made}.json", "bob")
        verbs = [one["verb"] for one in (await client.get("statuses/home_timeline.as", "bob")).data["items"]]
        assert verbs[0] == "favorite"
        await client.post(f"favorites/destroy/{made}.json", "bob")
        verbs = [one["verb"] for one in (await client.get("statuses/home_timeline.as", "bob")).data["items"]]
        assert "favorite" not in verbs
        assert "favorited something" in texts(await client.get("statuses/home_timeline.json", "bob"))[0]
        assert (await client.post(f"favorites/destroy/{made}.json", "bob")).status == 403


async def test_whoever_is_blocked_is_neither_read_nor_followed_any_more() -> None:
    async with site("alice", "eve") as client:
        await client.post("statuses/update.json", "eve", status="@alice hey")
        assert (await client.post("blocks/create.json", "alice", screen_name="eve")).data["statusnet_blocking"] is True
        for path in ("home_timeline", "mentions", "public_timeline"):
            assert "@alice hey" not in texts(await client.get(f"statuses/{path}.json", "alice"))
        assert (await client.get("friendships/exists.json?user_a=eve&user_b=alice")).data is False
        assert (await client.post("friendships/create.json", "eve", screen_name="alice")).status == 403
        assert (await client.post("blocks/destroy.json", "alice", screen_name="eve")).data["statusnet_blocking"] is False
        assert (await client.post("friendships/create.json", "eve", screen_name="alice")).status == 200


async def test_a_post_that_is_a_command_is_obeyed_and_answered_with_the_latest_notice() -> None:
    async with site("alice", "bob") as client:
        await client.post("statuses/update.json", "bob", status="hello")
        await client.post("statuses/update.json", "alice", status="unsub bob")
        assert (await client.get("friendships/exists.json?user_a=alice&user_b=bob")).data is False
        answer = await client.post("statuses/update.json", "alice", status="follow bob")
        assert answer.status == 200 and "started following bob" in answer.data["text"]
        await client.post("statuses/update.json", "alice", status="d bob psst")
        assert texts(await client.get("direct_messages.json", "bob")) == ["psst"]
        await client.post("statuses/update.json", "alice", status="fav bob")
        assert texts(await client.get("favorites.json", "alice")) == ["hello"]
        for command in ("follow nobody", "d nobody psst", "fav nobody"):
            assert (await client.post("statuses/update.json", "alice", status=command)).data["user"]["id"] == 1
        posts = [one.text for one in client.server.site.notices.values() if one.verb == "post"]
        assert posts == ["hello"]
        assert (
            (await client.post("statuses/update.json", "alice", status="follow the white rabbit")).data["text"].endswith("rabbit")
        )


@pytest.mark.parametrize("text", ["off topic", "get well", "help", "STATS", "whois bob", "r bob what?", "leave nobody"])
async def test_words_that_look_like_a_command_are_swallowed(text: str) -> None:
    async with site("alice", "bob") as client:
        before = list(client.server.site.notices)
        assert (await client.post("statuses/update.json", "alice", status=text)).status == 200
        assert list(client.server.site.notices) == before


@pytest.mark.parametrize(
    "text", ["off we go now", "get well soon", "help me", "stats, please", "\u200boff topic", "delete", "d bob"]
)
async def test_words_that_only_begin_like_a_command_are_posted(text: str) -> None:
    async with site("alice", "bob") as client:
        assert (await client.post("statuses/update.json", "alice", status=text)).data["text"] == text


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("&lt;b&gt;", "<b>"),
        ("&amp;lt;", "&lt;"),
        ("&quot;&#39;", "&quot;&#39;"),
        ("a & b;", "a & b;"),
        ("&#128024;", "\U0001f418"),
    ],
)
async def test_entities_in_a_post_are_decoded_quotes_apart(sent: str, shown: str) -> None:
    async with site("alice") as client:
        assert (await client.post("statuses/update.json", "alice", status=sent)).data["text"] == shown


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "no/such/thing.json", 404),
        ("GET", "statuses/update.json", 400),
        ("POST", "statuses/home_timeline.json", 400),
        ("GET", "statuses/show/0.json", 404),
        ("GET", "statuses/show/99999999999999999999.json", 404),
        ("GET", "statuses/show.json?id=%D9%A3", 404),
        ("GET", "statusnet/conversation/77.json", 404),
        ("GET", "statusnet/groups/timeline/nowhere.json", 404),
        ("GET", "statuses/user_timeline/nobody.json", 404),
        ("GET", "statuses/home_timeline.json?count=-1&page=x&max_id=1e9&since_id=%00", 200),
        ("GET", "search.json", 400),
        ("POST", "favorites/create/1.json", 404),
        ("POST", "statuses/retweet/1.xml", 404),
    ],
)
async def test_nonsense_is_answered_and_harms_nothing(method: str, path: str, status: int) -> None:
    async with site("alice") as client:
        ask = client.get if method == "GET" else client.post
        answer = await ask(path, "alice")
        assert answer.status == status
        assert (await client.get("account/verify_credentials.json", "alice")).status == 200


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", '"><img onerror=x>', "& <", "http://x.test/<b>", "@a<b>", "#<b>", "]]>", "a\x00b\x0bc"],
)
async def test_no_markup_of_a_post_gets_into_the_html_and_every_face_stays_whole(text: str) -> None:
    from lxml import etree

    async with site("alice") as client:
        made = (await client.post("statuses/update.json", "alice", status=text)).data
        assert made["text"] == text.strip()
        for tag in ("<script", "<img", "<b>"):
            assert tag not in made["statusnet_html"]
        for face in ("xml", "atom", "rss"):
            etree.fromstring((await client.get(f"statuses/public_timeline.{face}")).body)
