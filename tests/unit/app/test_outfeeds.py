"""A timeline room read outside: what everybody may read and nothing else, by whoever has the address and nobody else."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import feedparser
import pytest
from msgspec.structs import replace

from bridge.contract.logins import Login
from bridge.model.events import Attachment, Boost, Media, Redaction, Text, Visibility
from bridge.model.ids import IdentityId
from tests.doubles.clock import START
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.reading import LATER, edited, outside
from tests.unit.app.test_one_post import FEED, HOME, SOCIAL, URI, boosted, seen
from tests.unit.app.town import ADMIN, ALICE, settled
from tests.unit.routing.scene import happened, post, ref


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        for name in ("alice", "admin"):
            server.user(name)
        yield server


async def test_a_post_is_read_by_anybodys_reader_and_by_our_own(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        await town.comes(seen(text="Gulls & <boats>"))
        answer = await town.get()
        assert answer.content_type == "application/atom+xml"
        found = feedparser.parse(await answer.read())
        assert not found.bozo
        assert found.feed.title == "Gulls"
        (entry,) = found.entries
        assert (entry.id, entry.link) == (URI, "https://gs.example/notice/1")
        assert entry.author_detail.name == "alice@gs.example"
        for kind in ("atom", "json"):
            (ours,) = await town.entries(kind)
            assert ours.text.plain == "Gulls & <boats>"
            assert ours.ids[0] == URI
            assert ours.published == START


async def test_nothing_is_read_of_a_room_that_is_not_open(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs, on=False) as town:
        await town.comes(seen())
        assert (await town.say("show")).text == "This room is not read outside."
        await town.say("on")
        (url, _) = await town.addresses()
        assert (await town.get()).status == 200
        await town.say("off")
        async with town.session.get(url) as answer:
            assert answer.status == 404


async def test_a_new_address_ends_the_old_one_and_shows_the_same(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        await town.comes(seen(text="still here"))
        old = await town.addresses()
        await town.say("new-address")
        assert not {*old} & {*await town.addresses()}
        async with town.session.get(old[0]) as answer:
            assert answer.status == 404
        assert await town.texts() == ["still here"]
        kept = await town.addresses()
    async with outside(tmp_path, hs) as again:
        assert [url.partition("/feeds/")[2] for url in await again.addresses()] == [url.partition("/feeds/")[2] for url in kept]


@pytest.mark.parametrize("visibility", [Visibility.UNLISTED, Visibility.FOLLOWERS, Visibility.DIRECT])
async def test_what_is_not_for_everybody_is_never_told(tmp_path: Path, hs: FakeHomeserver, visibility: Visibility) -> None:
    async with outside(tmp_path, hs) as town:
        secret = seen(text="among us", visibility=visibility)
        public = post("I agree", uri="tag:gs.example,2026:2")
        answer = happened("tag:gs.example,2026:2", HOME, "social/bob@gs.example", replace(public, reply_to=ref(URI, "social")))
        boost = Boost(
            target=ref(URI, "social", "social/alice@gs.example"), original=post("among us", uri=URI, visibility=visibility)
        )
        await town.comes(
            secret,
            answer,
            happened("boost", HOME, "social/carol", boost),
            seen(FEED, text="for all", id="x", uri="tag:x", permalink="https://blog.example/x"),
        )
        for kind in ("atom", "json"):
            body = await (await town.get(kind)).read()
            assert b"among us" not in body
            assert b"I agree" not in body
            assert b"for all" in body


async def test_chat_in_the_room_and_talk_beside_it_is_never_told(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        await town.bridge.plant.logins.save(Login(user=ALICE, network=SOCIAL, name="me", identity=IdentityId(SOCIAL, "ally")))
        hs.join(ALICE, town.room)
        hs.say(ALICE, town.room, "//between us")
        hs.join(ADMIN, town.room)
        hs.say(ADMIN, town.room, "not my account")
        town.bridge.world.say("home@me", "carol", "no post at all")
        await town.comes(seen(text="for all"))
        await hs.push.settled()
        await settled(town.bridge)
        assert await town.texts() == ["for all"]


async def test_what_a_matrix_user_posts_stands_under_the_account_that_posted_it(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        await town.bridge.plant.logins.save(
            Login(user=ALICE, network=SOCIAL, name="me", identity=IdentityId(SOCIAL, "ally@gs.example"))
        )
        hs.join(ALICE, town.room)
        hs.say(ALICE, town.room, "my own words")
        await town.bridge.heard("my own words")
        await settled(town.bridge)
        (entry,) = await town.entries()
        assert entry.text.plain == "my own words"
        assert entry.author is not None
        assert entry.author.name == "ally@gs.example"
        body = (await (await town.get()).read()).decode()
        assert "@alice" not in body
        assert "localhost" not in body


async def test_a_deleted_post_is_gone_and_an_edited_one_says_what_it_says_now(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        await town.comes(
            seen(text="first words"),
            seen(FEED, text="stays", id="x", uri="tag:x", permalink="https://blog.example/x"),
            edited("second words", uri=URI),
        )
        assert await town.texts() == ["stays", "second words"]
        (_, entry) = await town.entries()
        assert entry.updated == LATER
        await town.comes(happened("gone", HOME, "social/alice@gs.example", Redaction(target=ref(URI, "social"))))
        assert await town.texts() == ["stays"]


async def test_a_post_that_its_author_hides_by_an_edit_is_gone(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        await town.comes(seen(text="first words"), edited("for few", uri=URI, visibility=Visibility.FOLLOWERS))
        assert await town.texts() == []


async def test_a_strangers_edit_and_deletion_change_nothing(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        forged = replace(edited("forged", uri=URI), author=seen(author="social/mallory").author)
        await town.comes(
            seen(text="mine"), forged, happened("gone", HOME, "social/mallory", Redaction(target=ref(URI, "social")))
        )
        assert await town.texts() == ["mine"]


async def test_a_post_that_a_moderator_takes_out_of_the_room_is_gone_outside(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        await town.comes(seen(text="spam"))
        assert await town.texts() == ["spam"]
        hs.join(ADMIN, town.room)
        hs.redact(ADMIN, town.room, town.found("spam")["event_id"])
        await hs.push.settled()
        assert await town.texts() == []


async def test_a_boost_names_both_and_a_second_one_is_no_second_post(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        await town.comes(boosted("b1", "bob"), boosted("b2", "carol"))
        (entry,) = await town.entries()
        assert entry.object is not None
        assert entry.object.ids[0] == URI
        assert entry.author is not None
        assert entry.author.name == "bob"
        (found,) = feedparser.parse(await (await town.get()).read()).entries
        assert "bob" in found.title
        assert "alice@gs.example" in found.title


async def test_warnings_answers_and_files_are_told(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        picture = Attachment(
            source="https://gs.example/a.png",
            name="a.png",
            media=Media.IMAGE,
            type="image/png",
            size=5,
            alt="a gull",
            sensitive=True,
        )
        body = replace(
            post("eaten", uri="tag:2", tags=("gulls",)), warning="birds", attachments=(picture,), reply_to=ref(URI, "social")
        )
        await town.comes(seen(), happened("tag:2", HOME, "social/bob", body))
        (entry, _) = await town.entries()
        assert (entry.warning, entry.reply_to) == ("birds", URI)
        assert entry.tags == ("gulls", "nsfw")
        assert [(one.source, one.alt, one.sensitive) for one in entry.attachments] == [
            ("https://gs.example/a.png", "a gull", True)
        ]
        (found, _) = feedparser.parse(await (await town.get()).read()).entries
        assert "eaten" not in found.title


async def test_a_reader_who_has_it_is_sent_nothing_until_something_changes(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        await town.comes(seen())
        first = await town.get()
        assert first.headers["X-Robots-Tag"].startswith("noindex")
        again = await town.get(If_None_Match=first.headers["ETag"])
        assert (again.status, await again.read()) == (304, b"")
        await town.comes(seen(FEED, text="new", id="x", uri="tag:x", permalink="https://blog.example/x"))
        assert (await town.get(If_None_Match=first.headers["ETag"])).status == 200


async def test_whoever_takes_it_packed_gets_it_packed(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        await town.comes(seen())
        packed, plain = await town.get(Accept_Encoding="br, gzip"), await town.get(Accept_Encoding="gzip;q=0")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(await packed.read()) == await plain.read()


async def test_who_guesses_learns_nothing(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        address = town.bridge.plant.listeners[1].address
        for token in ("x", "x" * 43, "%00", "é", "x" * 4000):
            async with town.session.get(f"http://{address}/feeds/{token}/feed.atom") as answer:
                assert answer.status == 404
                assert "Gulls" not in await answer.text()


async def test_only_who_may_change_the_room_opens_it(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs, on=False) as town:
        hs.join(ALICE, town.room)
        answer = await town.say("on", ALICE)
        assert answer.failed
        assert "power level 50" in answer.text
        assert (await town.say("show")).data["addresses"] == []


async def test_the_same_is_read_after_a_restart(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        await town.comes(
            seen(text="one"),
            seen(FEED, text="two", id="x", uri="tag:x", permalink="https://blog.example/x"),
            edited("one, mended", uri=URI),
        )
        before = await (await town.get()).read()
    async with outside(tmp_path, hs) as again:
        assert await (await again.get()).read() == before
        assert await again.texts() == ["two", "one, mended"]


async def test_names_of_matrix_people_do_not_leave_by_links(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        html = '<a href="https://matrix.to/#/@carol:secret.example">Carol</a> and <a href="https://gs.example/">gs</a>'
        body = replace(post("Carol and gs", uri=URI), text=Text(plain="Carol and gs", html=html))
        await town.comes(happened(URI, HOME, "social/alice@gs.example", body))
        body_sent = (await (await town.get()).read()).decode()
        assert "secret.example" not in body_sent
        assert "https://gs.example/" in body_sent


async def test_a_login_that_the_file_names_and_nobody_has_is_told_at_the_start(
    tmp_path: Path, hs: FakeHomeserver, caplog: pytest.LogCaptureFixture
) -> None:
    async with outside(tmp_path, hs):
        assert "is seen through the login social@me, which nobody has" in caplog.text
