"""The adapter and the stand-in understand each other over real HTTP: logging in, reading, writing, and an answer that is lost."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.gnusocial.adapter import GnuSocial
from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.pictures import plain
from adapters.gnusocial.demo.things import Profile
from bridge.contract.delivery import Receipt
from bridge.contract.errors import Uncertain
from bridge.contract.logins import LoggedIn, Login, Question
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Body, Boost, Event, Message, Reactions, Redaction, Ref
from bridge.model.ids import ChannelId, EventKey
from bridge.ops.http import GuardedHttp
from bridge.testing.doubles import MemoryLogins, RecordingInlet, SystemClock, until
from tests.doubles.clock import FakeClock
from tests.unit.gnusocial.demo.kit import PASSWORD, Client, site
from tests.unit.gnusocial.kit import NET, ScriptedHttp, Told, delivery, target, toolbox_with

SPEED = 1000
HOME = ChannelId(NET, "home@me")


class QuickClock(SystemClock):
    """A second of the adapter's is a millisecond of ours."""

    def monotonic(self) -> float:
        return super().monotonic() * SPEED

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / SPEED)


@asynccontextmanager
async def tools() -> AsyncIterator[Toolbox]:
    http = GuardedHttp(["127.0.0.0/8"])
    try:
        yield replace(toolbox_with(ScriptedHttp(FakeClock(), lambda _: Told()), FakeClock()), http=http, clock=QuickClock())
    finally:
        await http.close()


async def log_in(adapter: GnuSocial, answer: Callable[[Question], Any]) -> LoggedIn:
    """Answers each question, until there is no more."""
    steps = adapter.steps("me")
    said = await anext(steps)
    while isinstance(said, Question):
        given = answer(said)
        said = await steps.asend(given if isinstance(given, str) else await given)
    await steps.aclose()
    return said


class Scene:
    """alice's account, read and written by an adapter that runs; bob is another of her site."""

    def __init__(self, client: Client, inlet: RecordingInlet, adapter: GnuSocial) -> None:
        self.client, self.inlet, self.adapter = client, inlet, adapter
        self.site = client.server.site
        self._ids = 0

    def person(self, nick: str) -> Profile:
        found = self.site.user(nick)
        assert found is not None
        return found

    async def comes(self, fits: Callable[[Event], bool]) -> Event:
        await until(lambda: any(fits(event) for event in self.inlet.events))
        return next(event for event in self.inlet.events if fits(event))

    async def says(self, text: str) -> Event:
        return await self.comes(lambda event: isinstance(event.body, Message) and event.body.text.plain == text)

    def delivery(self, body: Body | str, **more: Any) -> Any:
        self._ids += 1
        return delivery(body, id=f"{self._ids:032x}", at=datetime.now(UTC), **more)

    async def deliver(self, body: Body | str, **more: Any) -> Receipt:
        return await self.adapter.deliver(self.delivery(body, **more))


@asynccontextmanager
async def reading() -> AsyncIterator[Scene]:
    async with site("alice", "bob", real=True) as client, tools() as given:
        host = client.server.site.host
        config, inlet = GnuSocialConfig(interval=5), RecordingInlet()
        asked = {"account": f"alice@{host}", "password": PASSWORD}
        done = await log_in(GnuSocial(NET, config, inlet, given), lambda one: asked["password" if one.secret else "account"])
        login = Login(user="@a:hub", network=NET, name="me", identity=done.identity.id, secrets=done.secrets)
        adapter = GnuSocial(NET, config, inlet, replace(given, logins=MemoryLogins(login)))
        await adapter.changed()
        await adapter.open(HOME, ChannelId(NET, "mentions@me"))
        running = asyncio.create_task(adapter.run())
        try:
            actions.post(client.server.site, client.server.site.people[2], "before")
            scene = Scene(client, inlet, adapter)
            await until(lambda: "login/me" in inlet.cursors)
            yield scene
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_logging_in_with_a_grant_needs_no_password() -> None:
    async with site("alice", real=True) as client, tools() as given:
        application = client.server.keeper.register("Unabridged")
        adapter = GnuSocial(NET, GnuSocialConfig(), RecordingInlet(), given)

        async def grant(link: str) -> str:
            token = re.findall("oauth_token=([^&]+)", link)[0]
            done = await client.post("oauth/authorize", oauth_token=token, nickname="alice", password=PASSWORD)
            return str(re.findall(r">(\d{7})<", done.text)[0])

        answers = iter([f"alice@{client.server.site.host}", "oauth", f"{application.key} {application.secret}"])
        done = await log_in(adapter, lambda one: grant(one.link) if one.link else next(answers))
        assert done.identity.id.id == f"alice@{client.server.site.host}" and PASSWORD not in str(dict(done.secrets))


async def test_what_happens_on_the_site_comes_in_as_what_it_is() -> None:
    async with reading() as scene:
        bob, alice, there = scene.person("bob"), scene.person("alice"), scene.site
        said = actions.post(there, bob, "@alice #hello")
        first = await scene.says("@alice #hello")
        assert first.key.id == said.uri and first.author.id.id == f"bob@{there.host}"
        actions.post(there, bob, "look", attached=[actions.upload(there, plain(4, 4, (1, 1, 1)), "image/png")])
        picture = await scene.comes(lambda event: isinstance(event.body, Message) and bool(event.body.attachments))
        assert isinstance(picture.body, Message) and picture.body.attachments[0].type == "image/png"
        actions.post(there, bob, "@alice and more", reply_to=said)
        answer = await scene.says("@alice and more")
        assert isinstance(answer.body, Message) and answer.body.reply_to is not None and answer.body.reply_to.key == first.key
        carol = there.add_user("carol", PASSWORD)
        far = actions.post(there, carol, "from afar")
        actions.repeat(there, bob, far)
        boost = await scene.comes(lambda event: isinstance(event.body, Boost))
        assert isinstance(boost.body, Boost) and boost.body.original is not None
        assert boost.body.original.text.plain == "from afar"
        actions.favourite(there, bob, far)
        liked = await scene.comes(lambda event: isinstance(event.body, Reactions))
        assert isinstance(liked.body, Reactions) and liked.body.keys
        actions.delete(there, bob, said)
        gone = await scene.comes(lambda event: isinstance(event.body, Redaction))
        assert isinstance(gone.body, Redaction) and gone.body.target.key == first.key
        actions.direct(there, bob, alice, "psst")
        assert (await scene.says("psst")).channel.id.startswith("direct/bob@")


async def test_what_is_written_in_the_room_is_done_on_the_site() -> None:
    async with reading() as scene:
        there = scene.site
        receipt = await scene.deliver("Hello from Matrix")
        mine = there.notice_by_uri(receipt.ids[0])
        assert mine is not None and (mine.text, mine.author.nick, mine.source) == ("Hello from Matrix", "alice", "Unabridged")
        actions.post(there, scene.person("bob"), "a question")
        question = await scene.says("a question")
        names = (question.key.id, *question.aliases)
        ref = Ref(key=question.key)
        answer = Message(text=question.body.text, reply_to=ref) if isinstance(question.body, Message) else None
        assert answer is not None
        receipt = await scene.deliver(answer, reply_to=target(*names))
        made = there.notice_by_uri(receipt.ids[0])
        assert made is not None and made.reply_to is not None and made.reply_to.uri == question.key.id
        await scene.deliver(Reactions(target=ref, keys=("⭐",)), target=target(*names))
        assert [notice for _, notice in there.faves] == [made.reply_to.id]
        await scene.deliver(Reactions(target=ref, keys=("⭐", "🔁")), target=target(*names))
        assert actions.repeat_by(there, scene.person("alice"), made.reply_to) is not None
        await scene.deliver(Reactions(target=ref, keys=()), target=target(*names))
        assert not there.faves and actions.repeat_by(there, scene.person("alice"), made.reply_to) is None
        own = Ref(key=EventKey(NET, mine.uri))
        await scene.deliver(Redaction(target=own), target=target(*receipt_names(scene, mine.id, mine.uri)))
        assert mine.id in there.deleted


def receipt_names(scene: Scene, number: int, uri: str) -> tuple[str, str]:
    return uri, f"{scene.site.host}:{number}"


async def test_a_post_whose_answer_is_lost_is_found_and_not_posted_twice() -> None:
    async with reading() as scene:
        scene.client.server.faults.lose("statuses/update")
        doubtful = scene.delivery("did it arrive?")
        with pytest.raises(Uncertain):
            await scene.adapter.deliver(doubtful)
        receipt = await scene.adapter.find(doubtful)
        assert receipt is not None
        assert [one.text for one in scene.site.notices.values() if one.author.nick == "alice" and one.verb == "post"] == [
            "did it arrive?"
        ]


async def test_a_direct_message_that_fails_after_it_is_stored_is_sent_once() -> None:
    async with reading() as scene:
        channel = f"direct/bob@{scene.site.host}@me"
        receipt = await scene.deliver("between us", channel=channel)
        assert receipt.ids and [one.text for one in scene.site.directs] == ["between us"]
