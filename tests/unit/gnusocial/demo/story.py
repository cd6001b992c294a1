"""The recorded story told again to two stand-ins: who was there, what was done when, request by request.

`recorded/exchanges.json` has the requests in their order. What was done between them, and was not recorded, is told here: it
shows in what was. The stand-ins call themselves by their real addresses; `Told.body` has them as the recorded hosts.
"""

import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from msgspec import Struct
from yarl import URL

from adapters.common.salmon import read_slap
from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.ostatus.envelope import MEDIA_TYPE
from adapters.gnusocial.demo.pictures import plain
from adapters.gnusocial.demo.server import SiteServer
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import Profile

RECORDED = Path(__file__).parents[1] / "recorded"
CORPUS = Path(__file__).parents[5] / "shared" / "fixtures" / "gnusocial-recorded"
EXCHANGES: list[dict[str, Any]] = json.loads((RECORDED / "exchanges.json").read_text())
PASSWORD = "correct horse"

_TIMES = {
    "friendships_create.json": "19:15:46",
    "friendships_create2.json": "19:15:47",
    "update_plain.json": "19:15:49",
    "update_hash_mention.json": "19:15:50",
    "update_reply.json": "19:15:53",
    "update_reply_to_reply.json": "19:15:54",
    "update_multiline.json": "19:15:55",
    "update_geo.json": "19:15:57",
    "update_with_media.json": "19:15:58",
    "update_media_ids.json": "19:15:59",
    "retweet.json": "19:16:00",
    "dm_new.json": "19:16:01",
    "group_create.json": "19:16:02",
    "update_group.json": "19:16:03",
    "update_to_delete.json": "19:16:04",
    "home_timeline.xml": "19:16:12",
    "rate_limit.json": "19:16:27",
    "fed_bob_post.json": "19:23:19",
    "fed_bob_mention.json": "19:23:26",
    "fed_alice_reply.json": "19:23:34",
    "fed_alice_fav.json": "19:23:43",
    "fed_alice_repeat.json": "19:23:50",
    "fed_bob_todelete.json": "19:23:58",
    "fed_bob_media.json": "19:24:11",
    "fed_alice_unfav.json": "19:24:17",
    "err_dup.json": "19:30:00",
}
"""When the clock of the recording showed something new."""
_PICTURES = {"media_upload.xml": (8, 100), "media_upload_json.json": (9, 104)}
"""Width, and bytes, of what was uploaded."""


class Told(Struct, frozen=True):
    """What a stand-in answered."""

    status: int
    headers: Mapping[str, str]
    body: str


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 19, 8, 53, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def set(self, time: str) -> None:
        hour, minute, second = (int(part) for part in time.split(":"))
        self.at = self.at.replace(hour=hour, minute=minute, second=second)


def picture(width: int, size: int) -> bytes:
    return plain(width, width, (1, 2, 3)).ljust(size, b"\0")[:size]


class Story:
    """Tells it once; `told` is what was answered, by the recording's name."""

    def __init__(self, one: SiteServer, two: SiteServer, clock: Clock, session: aiohttp.ClientSession) -> None:
        self.told: dict[str, Told] = {}
        self.letters: dict[str, list[str]] = {"push": [], "salmon": []}
        """What the two sites sent each other, until the recording of it ended."""
        self._one, self._two, self._clock, self._session = one, two, clock, session

    @classmethod
    async def tell(cls) -> "Story":
        async with cls.begun() as story:
            await story.go_on()
            return story

    @classmethod
    @asynccontextmanager
    async def begun(cls) -> "AsyncIterator[Story]":
        """What was before the recording; the two sites are there until the block is left."""
        clock = Clock()
        knobs: dict[str, Any] = {"now": clock.now, "dupe_seconds": 0}
        one = await SiteServer.start(name="GS1", **knobs)
        two = await SiteServer.start(name="GS2", **knobs)
        try:
            async with aiohttp.ClientSession() as session:
                story = cls(one, two, clock, session)
                story._listen()
                story._before()
                yield story
        finally:
            await one.stop()
            await two.stop()

    async def go_on(self) -> None:
        """To its end."""
        for exchange in EXCHANGES:
            await self._go_on(exchange)

    @property
    def sites(self) -> tuple[Site, Site]:
        return self._one.site, self._two.site

    def _listen(self) -> None:
        """Opens the letters on their way."""
        for server in (self._one, self._two):
            post = server.federation.postman.post

            async def opened(url: str, body: bytes, headers: Mapping[str, str], post: Any = post) -> None:
                if self._clock.at.minute >= 29:
                    pass
                elif headers["Content-Type"] == MEDIA_TYPE:
                    self.letters["salmon"].append(self._there(read_slap(body).content.decode()))
                elif "X-Hub-Signature" in headers:
                    self.letters["push"].append(self._there(body.decode()))
                await post(url, body, headers)

            setattr(server.federation.postman, "post", opened)  # noqa: B010 - a method is no place to assign to

    # what was not recorded

    def _before(self) -> None:
        """What an earlier run had left on the sites."""
        clock, one, two = self._clock, self._one.site, self._two.site
        alice = one.add_user("alice", PASSWORD)
        clock.set("19:09:03")
        bob = two.add_user("bob", PASSWORD)
        clock.set("19:09:37")
        actions.post(one, alice, f"hello from alice #test {one.base}/")
        clock.set("19:09:43")
        actions.post(two, bob, f"hello from bob #test {two.base}/")
        two.add_user("erin", PASSWORD, fullname="Erin Ünïcode")
        clock.set("19:12:00")
        carol = one.add_user("carol", PASSWORD, fullname="Carol Example")
        clock.set("19:12:03")
        dave = one.add_user("dave", PASSWORD, fullname="Dave Example")
        self._earlier(one, alice, carol, dave)
        clock.set("19:15:45")

    def _earlier(self, one: Site, alice: Profile, carol: Profile, dave: Profile) -> None:
        clock, forms = self._clock, {exchange["name"]: exchange.get("form", {}) for exchange in EXCHANGES}
        clock.set("19:12:13")
        actions.follow(one, alice, carol)
        actions.follow(one, alice, dave)
        clock.set("19:12:14")
        actions.follow(one, carol, alice)
        clock.set("19:12:16")
        actions.post(one, alice, forms["update_plain.json"]["status"])
        clock.set("19:12:17")
        first = actions.post(one, alice, self._here(forms["update_hash_mention.json"]["status"]))
        clock.set("19:12:20")
        answer = actions.post(one, carol, forms["update_reply.json"]["status"], reply_to=first, source="testclient")
        clock.set("19:12:21")
        actions.post(one, alice, forms["update_reply_to_reply.json"]["status"], reply_to=answer)
        names = ("update_multiline.json", "update_long.json", "update_multiline.json", "update_geo.json")
        for number, time in enumerate(("19:12:22", "19:12:22", "19:12:24", "19:12:24")):
            clock.set(time)
            actions.post(one, dave, forms[names[number]]["status"])
        for site in (one, self._two.site):
            actions.upload(site, b"an address counts as a file", "text/plain")

    async def _between(self, name: str) -> None:
        """What was done right before an exchange."""
        one, two = self._one.site, self._two.site
        match name:
            case "friendships_create.json":
                actions.unfollow(one, _user(one, "alice"), _user(one, "dave"))
                actions.unfollow(one, _user(one, "carol"), _user(one, "alice"))
            case "err_friendships_self_dup.json":
                actions.follow(one, _user(one, "carol"), _user(one, "alice"))
            case "update_geo.json":
                self._clock.set("19:15:56")
                actions.post(one, _user(one, "dave"), "line one\nline two\n\nafter blank\ttab")
            case "fed_bob_post.json":
                await self._meet(one, two)
            case "err_dup.json":
                self._clock.set("19:29:59")
                one.settings.dupe_seconds = 60
                actions.post(one, _user(one, "alice"), "(same text as one second before)")

    async def _meet(self, one: Site, two: Site) -> None:
        """The two sites get to know each other, and the first pushes come late and in disorder."""
        clock, bob, alice = self._clock, _user(two, "bob"), _user(one, "alice")
        clock.set("19:17:31")
        stranger = await self._one.federation.discover(f"bob@{two.host}")
        clock.set("19:17:32")
        actions.follow(one, alice, stranger)
        one.notices[32].created = datetime(2026, 11, 22, 19, 17, 33, tzinfo=UTC)
        clock.set("19:17:36")
        await self._settled()
        clock.set("19:21:04")
        known = await self._two.federation.discover(f"alice@{one.host}")
        actions.follow(two, bob, known)
        two.notices[3].created = datetime(2026, 11, 22, 19, 21, 5, tzinfo=UTC)
        await self._settled()
        clock.set("19:21:15")
        actions.follow(two, _user(two, "erin"), known)
        await self._settled()
        clock.set("19:21:28")
        actions.follow(one, _user(one, "carol"), stranger)
        await self._settled()
        self._two.federation.hub.publish(two.notices[1])
        await self._settled()
        forms = {exchange["name"]: exchange.get("form", {}) for exchange in EXCHANGES}
        clock.set("19:21:48")
        self._one.faults.refuse("/main/push/callback", 503)
        late = actions.post(two, bob, self._here(forms["fed_bob_post.json"]["status"]))
        await self._settled()
        clock.set("19:21:54")
        actions.post(two, bob, self._here(forms["fed_bob_mention.json"]["status"]))
        await self._settled()
        self._two.federation.hub.publish(late)
        await self._settled()

    # what was

    async def _go_on(self, exchange: dict[str, Any]) -> None:
        name = exchange["name"]
        await self._between(name)
        if name in _TIMES:
            self._clock.set(_TIMES[name])
        headers = {}
        if exchange["user"] is not None:
            nick, _, wrong = exchange["user"].partition(" ")
            pair = f"{nick}:{'wrong' if wrong else PASSWORD}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        body: Any = {key: self._here(value) for key, value in exchange.get("form", {}).items()} or None
        if exchange.get("files"):
            body = self._multipart(name, body or {})
        url = self._here(exchange["url"].replace("acct%3Aalice%40gs1.test", f"acct%3Aalice%40{quote(self._one.site.host)}"))
        url = url.replace("http%3A%2F%2Fgs1.test", quote(self._one.url, safe=""))
        async with self._session.request(
            exchange["method"], URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
        ) as answer:
            text = await answer.text()
            found = {key.lower(): self._there(value) for key, value in answer.headers.items()}
            self.told[name] = Told(answer.status, found, self._there(text))
        await self._settled()

    def _multipart(self, name: str, form: Mapping[str, str]) -> aiohttp.FormData:
        made = aiohttp.FormData()
        for key, value in form.items():
            made.add_field(key, value)
        width, size = _PICTURES.get(name, (8, 102))
        made.add_field("media", picture(width, size), filename="p.png", content_type="image/png")
        return made

    async def _settled(self) -> None:
        """Letters beget letters; the third round has none left."""
        for _ in range(3):
            await self._one.settled()
            await self._two.settled()

    def _here(self, text: str) -> str:
        return text.replace("gs1.test", self._one.site.host).replace("gs2.test", self._two.site.host)

    def _there(self, text: str) -> str:
        for site, name in ((self._one.site, "gs1.test"), (self._two.site, "gs2.test")):
            text = text.replace(site.host, name).replace(quote(site.host, safe=""), name)
        return text


def _user(site: Site, nick: str) -> Profile:
    found = site.user(nick)
    assert found is not None
    return found


_MASKS = (
    (re.compile(r"nonce=[0-9a-f]{16}"), "nonce=…"),
    (re.compile(r"(file\\?/)[0-9a-f]{64}"), r"\1…"),
    (re.compile(r"(avatar\\?/\d+-\w+-)\d{14}"), r"\1…"),
    (re.compile(r"magic-public-key,RSA\.[\w=.-]+"), "magic-public-key,RSA.…"),
    (re.compile(r'("Api\w+:)[1-9]\d*(:en)'), r"\1…\2"),
    (re.compile(r"(?s)\A(.*?\n <updated>)[^<]*(</updated>.*)"), r"\1…\2"),
    (re.compile(r"(%E6%97%A5%E6%9C%AC%E8%AA%9E)"), "ribenyu"),
    (re.compile(r'((?:term=|"displayName":)"|<category>)(?:日本語|\\u65e5\\u672c\\u8a9e)'), r"\1ribenyu"),
)


def masked(text: str) -> str:
    """Without what is made up anew each time; Japanese in Latin letters, where the real server writes it so."""
    for pattern, written in _MASKS:
        text = pattern.sub(written, text)
    return text
