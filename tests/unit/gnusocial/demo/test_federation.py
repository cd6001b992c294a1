"""Two stand-ins are two sites: people follow each other, and what one says the other hears, once and from nobody else."""

import hmac
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha1, sha256

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from adapters.gnusocial.demo.ostatus.envelope import MEDIA_TYPE, seal
from adapters.gnusocial.demo.render import atom
from tests.doubles.web import serving
from tests.unit.gnusocial.demo.kit import Client, Watch, site, texts


@asynccontextmanager
async def two_sites(watch: Watch | None = None) -> AsyncIterator[tuple[Client, Client]]:
    """alice and carol on the one, bob on the other; alice follows bob, bob alice."""
    watch = watch or Watch()
    async with site("alice", "carol", watch=watch) as one, site("bob", watch=watch) as two:
        await one.post("statuses/update.json", "alice", status=f"follow bob@{two.server.site.host}")
        await quiet(one, two)
        await two.post("statuses/update.json", "bob", status=f"follow alice@{one.server.site.host}")
        await quiet(one, two)
        yield one, two


async def quiet(*clients: Client) -> None:
    """Letters beget letters, but not for ever."""
    for _ in range(4):
        for client in clients:
            await client.server.settled()


def hears(client: Client) -> list[str]:
    return [one.text for one in client.server.site.notices.values() if one.verb == "post"]


async def test_whoever_is_followed_is_heard_and_answered() -> None:
    async with two_sites() as (one, two):
        said = (await two.post("statuses/update.json", "bob", status="Hello <b> & #world")).data
        await quiet(one, two)
        heard = (await one.get("statuses/home_timeline.json", "alice")).data[0]
        assert (heard["text"], heard["uri"], heard["source"]) == ("Hello <b> & #world", said["uri"], "ostatus")
        assert heard["user"]["statusnet_profile_url"] == f"{two.server.url}/bob"
        await one.post("statuses/update.json", "alice", status="@bob indeed", in_reply_to_status_id=heard["id"])
        await quiet(one, two)
        answer = (await two.get("statuses/mentions.json", "bob")).data[0]
        assert (answer["text"], answer["in_reply_to_status_id"]) == ("@bob indeed", str(said["id"]))
        items = [
            (await side.get("statuses/home_timeline.as", nick)).data["items"] for side, nick in ((one, "alice"), (two, "bob"))
        ]
        talks = [{item["status_net"]["conversation"] for item in side if item["verb"] == "post"} for side in items]
        assert talks[0] == talks[1] and len(talks[0]) == 1
        assert not one.server.federation.postman.failures and not two.server.federation.postman.failures


async def test_whoever_is_mentioned_hears_it_without_following() -> None:
    async with site("alice") as one, site("bob") as two:
        await two.post("statuses/update.json", "bob", status=f"follow alice@{one.server.site.host}")
        await quiet(one, two)
        await two.post("statuses/update.json", "bob", status="@alice do you hear me?")
        await quiet(one, two)
        assert texts(await one.get("statuses/mentions.json", "alice")) == ["@alice do you hear me?"]
        assert one.server.federation.hub.subscriptions and not two.server.federation.hub.subscriptions


async def test_a_post_that_comes_by_push_and_by_slap_is_there_once() -> None:
    async with two_sites() as (one, two):
        await two.post("statuses/update.json", "bob", status="@alice twice?")
        await quiet(one, two)
        assert hears(one) == ["@alice twice?"]


async def test_favourites_repeats_and_deletes_reach_the_other_site() -> None:
    async with two_sites() as (one, two):
        said = (await two.post("statuses/update.json", "bob", status="like me")).data
        gone = (await two.post("statuses/update.json", "bob", status="forget me")).data
        await quiet(one, two)
        ids = {row["text"]: row["id"] for row in (await one.get("statuses/home_timeline.json", "alice")).data}
        await one.post(f"favorites/create/{ids['like me']}.json", "alice")
        await two.post(f"statuses/destroy/{gone['id']}.json", "bob")
        await quiet(one, two)
        assert "alice favorited something by bob: like me" in texts(await two.get("statuses/home_timeline.json", "bob"))
        assert (await one.get(f"statuses/show/{ids['forget me']}.json")).status == 410
        assert gone["uri"] in [row["uri"] for row in (await one.get("statuses/home_timeline.json", "alice")).data]
        carol = (await one.post("statuses/update.json", "carol", status="far away")).data["id"]
        await one.post(f"statuses/retweet/{carol}.json", "alice")
        await quiet(one, two)
        repeat = (await two.get("statuses/home_timeline.json", "bob")).data[0]
        assert repeat["text"] == "RT @carol far away" and repeat["retweeted_status"]["user"]["screen_name"] == "carol"
        assert (await two.get(f"statuses/show/{said['id']}.json")).status == 200


async def test_an_unfavourite_is_refused_by_the_version_that_sends_it() -> None:
    async with two_sites() as (one, two):
        await two.post("statuses/update.json", "bob", status="like me")
        await quiet(one, two)
        id = (await one.get("statuses/home_timeline.json", "alice")).data[0]["id"]
        await one.post(f"favorites/create/{id}.json", "alice")
        await quiet(one, two)
        await one.post(f"favorites/destroy/{id}.json", "alice")
        await quiet(one, two)
        (failure,) = one.server.federation.postman.failures
        assert "answered 400: The owner of this salmon endpoint was not in the context of the carried slap." in failure
        assert len(two.server.site.faves) == 1


async def test_whoever_is_no_longer_followed_is_no_longer_heard() -> None:
    async with two_sites() as (one, two):
        await one.post("statuses/update.json", "alice", status="unsub bob@" + two.server.site.host)
        await quiet(one, two)
        assert not two.server.federation.hub.subscriptions
        bob = two.server.site.user("bob")
        assert bob is not None and not two.server.site.followers_of(bob)
        await two.post("statuses/update.json", "bob", status="anybody?")
        await quiet(one, two)
        assert hears(one) == []


async def test_a_lease_ends_and_without_one_it_does_not() -> None:
    watch = Watch()
    async with two_sites(watch) as (one, two):
        watch.wait(2_592_000)
        await two.post("statuses/update.json", "bob", status="too late")
        await quiet(one, two)
        assert hears(one) == []


async def test_people_nobody_knows_are_not_followed() -> None:
    async with site("alice") as one, site("bob") as two:
        for who in (f"nobody@{two.server.site.host}", "bob@127.0.0.1:1", "bob@", f"bob@{two.server.site.host}/x"):
            await one.post("statuses/update.json", "alice", status=f"follow {who}")
        await quiet(one, two)
        assert not one.server.site.follows


# what strangers send


async def slap(client: Client, body: bytes, owner: int = 1) -> int:
    return (await client.post(f"/main/salmon/user/{owner}", data=body, headers={"Content-Type": MEDIA_TYPE})).status


async def test_a_slap_in_anothers_name_is_refused() -> None:
    async with two_sites() as (one, two):
        made = (await two.post("statuses/update.json", "bob", status="@alice true")).data["id"]
        await quiet(one, two)
        entry = (
            atom.entry(two.server.site, two.server.site.notices[made], None)
            .replace(b"true", b"forged")
            .replace(b"noticeId=", b"noticeId=9")
        )
        assert await slap(one, seal(entry, generate_private_key(public_exponent=65537, key_size=1024))) == 400
        assert hears(one) == ["@alice true"]


async def test_a_slap_is_taken_once_and_not_late() -> None:
    watch = Watch()
    async with two_sites(watch) as (one, two):
        bob, site_of_bob = two.server.site.user("bob"), two.server.site
        assert bob is not None
        made = (await two.post("statuses/update.json", "bob", status="@alice once")).data["id"]
        await quiet(one, two)
        body = seal(atom.entry(site_of_bob, site_of_bob.notices[made], None), site_of_bob.key_of(bob))
        assert await slap(one, body) == 400
        late = (await two.post("statuses/update.json", "bob", status="later")).data["id"]
        body = seal(atom.entry(site_of_bob, site_of_bob.notices[late], None), site_of_bob.key_of(bob))
        watch.wait(2 * 86400)
        assert await slap(one, body) == 400


@pytest.mark.parametrize("body", [b"", b"<me:env", b"{}", b"<entry/>", b"\x00\xff", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"])
async def test_nonsense_for_a_slap_is_refused(body: bytes) -> None:
    async with site("alice") as client:
        assert await slap(client, body) == 400
        assert await slap(client, body, owner=9) == 404


async def test_a_push_that_is_not_signed_as_agreed_is_dropped_and_nobody_told() -> None:
    async with two_sites() as (one, two):
        bob = two.server.site.user("bob")
        assert bob is not None
        made = (await two.post("statuses/update.json", "bob", status="true")).data["id"]
        await quiet(one, two)
        notice = two.server.site.notices[made]
        feed = atom.feed(two.server.site, atom.user_head(two.server.site, bob), [notice], None)
        forged = feed.replace(b">true<", b">forged<").replace(b"noticeId=", b"noticeId=9")
        (subscription,) = two.server.federation.hub.subscriptions.values()
        good = hmac.new(subscription.secret.encode(), feed, sha1).hexdigest()
        bad: tuple[Mapping[str, str], ...] = ({}, {"X-Hub-Signature": f"sha1={good}"}, {"X-Hub-Signature": "sha1="})
        for headers in (*bad, {"X-Hub-Signature": f"sha256={hmac.new(b'', forged, sha256).hexdigest()}"}):
            path = subscription.callback.removeprefix(one.server.url)
            assert (await one.post(path, data=forged, headers=headers)).status == 200
        assert hears(one) == ["true"]
        assert (await one.post("/main/push/callback/77", data=b"x")).status == 404


async def test_nobody_is_subscribed_to_what_they_did_not_ask_for() -> None:
    async with two_sites() as (one, _):
        bob = next(person for person in one.server.site.people.values() if not person.local)
        path = f"/main/push/callback/{bob.id}?hub.challenge=x&hub.topic="
        for query in (f"{path}http://other.test/&hub.mode=subscribe", f"{path}{bob.feed}&hub.mode=unsubscribe"):
            assert (await one.get(query)).status == 404
        answer = await one.get(f"{path}{bob.feed}&hub.mode=subscribe")
        assert (answer.status, answer.text) == (200, "x")


# the hub, asked by others


class Subscriber:
    """As a bridge does it: a callback that says yes to what it asked for, and keeps what comes."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.pushes: list[tuple[dict[str, str], bytes]] = []
        self.says_yes = True
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            self.asked.append(dict(request.query))
            return web.Response(text=request.query["hub.challenge"] if self.says_yes else "no")
        self.pushes.append((dict(request.headers), await request.read()))
        return web.Response()

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator["Subscriber"]:
        made, app = cls(), web.Application()
        app.router.add_route("*", "/{way:.*}", made.answer)
        async with serving(app) as url:
            made.url = f"{url}/cb?t=1"
            yield made


def asks(client: Client, subscriber: Subscriber, mode: str = "subscribe", **more: str) -> dict[str, str]:
    topic = f"{client.server.url}/api/statuses/user_timeline/1.atom"
    return {"hub.mode": mode, "hub.topic": topic, "hub.callback": subscriber.url, **more}


async def test_a_hub_verifies_and_pushes_one_signed_entry() -> None:
    async with site("alice") as client, Subscriber.listening() as subscriber:
        wanted = asks(client, subscriber, **{"hub.secret": "s3", "hub.lease_seconds": "60", "hub.verify_token": "tok"})
        assert (await client.post("/main/push/hub", data=wanted)).status == 202
        await quiet(client)
        (asked,) = subscriber.asked
        assert (asked["t"], asked["hub.lease_seconds"], asked["hub.verify_token"]) == ("1", "60", "tok")
        await client.post("statuses/update.json", "alice", status="one")
        await client.post("statuses/update.json", "alice", status="two")
        await quiet(client)
        assert [re.findall(b"New note|>(one|two)<", body)[1] for _, body in subscriber.pushes] == [b"one", b"two"]
        for headers, body in subscriber.pushes:
            assert headers["X-Hub-Signature"] == "sha1=" + hmac.new(b"s3", body, sha1).hexdigest()
            assert headers["Content-Type"] == "application/atom+xml" and "Link" not in headers


async def test_a_hub_gives_no_lease_and_no_signature_unless_asked() -> None:
    watch = Watch()
    async with site("alice", watch=watch) as client, Subscriber.listening() as subscriber:
        await client.post("/main/push/hub", data=asks(client, subscriber))
        await quiet(client)
        assert "hub.lease_seconds" not in subscriber.asked[0]
        watch.wait(365 * 86400)
        await client.post("statuses/update.json", "alice", status="still there")
        await quiet(client)
        ((headers, _),) = subscriber.pushes
        assert "X-Hub-Signature" not in headers


async def test_who_does_not_know_the_challenge_gets_nothing_and_unsubscribing_ends_it() -> None:
    async with site("alice") as client, Subscriber.listening() as subscriber:
        subscriber.says_yes = False
        await client.post("/main/push/hub", data=asks(client, subscriber))
        await quiet(client)
        assert not client.server.federation.hub.subscriptions
        subscriber.says_yes = True
        await client.post("/main/push/hub", data=asks(client, subscriber))
        await quiet(client)
        await client.post("/main/push/hub", data=asks(client, subscriber, "unsubscribe"))
        await quiet(client)
        await client.post("statuses/update.json", "alice", status="gone")
        await quiet(client)
        assert not subscriber.pushes


@pytest.mark.parametrize(
    "wrong",
    [
        {"hub.mode": "publish"},
        {"hub.topic": "http://other.test/feed.atom"},
        {"hub.topic": "{url}/api/statuses/user_timeline/alice.atom"},
        {"hub.callback": "gopher://x"},
        {"hub.secret": "x" * 200},
        {"hub.lease_seconds": "-1"},
    ],
)
async def test_a_hub_refuses_what_it_does_not_serve(wrong: dict[str, str]) -> None:
    async with site("alice") as client, Subscriber.listening() as subscriber:
        asked = asks(client, subscriber) | {key: value.format(url=client.server.url) for key, value in wrong.items()}
        assert (await client.post("/main/push/hub", data=asked)).status == 400
        await quiet(client)
        assert not subscriber.asked


# pages


async def test_a_persons_page_leads_to_their_feed_and_a_number_to_their_page() -> None:
    async with site("alice") as client:
        page = await client.get("/alice")
        feed = f"{client.server.url}/api/statuses/user_timeline/1.atom"
        assert f'<{feed}>; rel="alternate"; type="application/atom+xml"' in page.headers["Link"]
        assert f'href="{feed}"' in page.text
        moved = await client.get("/user/1")
        assert (moved.status, moved.headers["Location"]) == (303, f"{client.server.url}/alice")
        for path in ("/nobody", "/user/9", "/notice/9"):
            assert (await client.get(path)).status == 404
        made = (await client.post("statuses/update.json", "alice", status="<i>")).data["id"]
        assert "&lt;i&gt;" in (await client.get(f"/notice/{made}")).text
        await client.post(f"statuses/destroy/{made}.json", "alice")
        assert (await client.get(f"/notice/{made}")).status == 410


async def test_webfinger_is_xrd_for_those_who_ask_for_it() -> None:
    async with site("alice") as client:
        path = f"/.well-known/webfinger?resource=acct:alice@{client.server.site.host}"
        answer = await client.get(path, headers={"Accept": "application/xrd+xml"})
        assert answer.headers["Content-Type"] == "application/xrd+xml" and "magic-public-key" in answer.text
        for other in ("acct:alice@elsewhere.test", "alice", "", "http://elsewhere.test/alice", "acct:@"):
            assert (await client.get(f"/.well-known/webfinger?resource={other}")).status == 500
