"""Logging in, in a chat with the bot: the dialogue, who may have it, and that what is secret in it leaves no trace."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.fantasy.world import World
from bridge.app.talks import IDLE
from bridge.contract.adapter import Phase
from bridge.contract.errors import Disconnected
from bridge.model.ids import IdentityId
from bridge.model.portals import PortalKind
from bridge.testing.doubles import until
from tests.doubles.clock import FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.test_direct_rooms import salon
from tests.unit.app.test_speech import answers
from tests.unit.app.town import ADMIN, ALICE, LOCAL, a_bridge, channel, lobby, passing, says
from tests.unit.delivery.stage import background

EVE = "@eve:localhost"
SECRET = "ylla"


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


async def chat(hs: FakeHomeserver, user: str = ALICE, **wish: Any) -> str:
    """A room with the bot alone."""
    room = hs.make_room(user, public=False, invite=[hs.bot], **wish)
    await until(lambda: (hs.state(room, "m.room.member", hs.bot) or {}).get("membership") == "join")
    return room


async def tell(hs: FakeHomeserver, room: str, text: str, expected: str, user: str = ALICE) -> dict[str, Any]:
    """Says something and waits for what comes of it."""
    before = len(answers(hs, room))
    event = hs.say(user, room, text)
    await until(lambda: len(answers(hs, room)) > before)
    answer = answers(hs, room)[before]
    assert expected in answer["content"]["body"]
    return hs.world.room(room).by_id[event]


async def log_in(hs: FakeHomeserver, room: str, user: str = ALICE, words: str = "login local") -> dict[str, Any]:
    """The whole dialogue; the event of the password."""
    await tell(hs, room, words, "Which account?", user)
    await tell(hs, room, "ally", "The password of ally?", user)
    return await tell(hs, room, SECRET, "Logged in to local as Ally", user)


def everything(folder: Path) -> bytes:
    """All that lies on disk."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_socket())


async def test_a_login_is_made_in_a_dialogue_and_its_channels_come_into_a_room_of_ones_own(
    tmp_path: Path, hs: FakeHomeserver
) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        room = await chat(hs)
        await log_in(hs, room)
        (login,) = await bridge.ledger.logins()
        assert (login.user, login.name, login.identity) == (ALICE, "me", IdentityId(LOCAL, "ally"))
        assert login.secrets == {"password": SECRET}
        assert salon(bridge).changes == 2  # before it ran, and now
        (portal,) = await bridge.ledger.portals()
        assert (portal.kind, portal.post_to) == (PortalKind.TIMELINE, ("local@me",))
        assert {link.channel.id for link in await bridge.ledger.links()} == {"home@me", "mentions@me"}
        assert hs.state(portal.room, "m.room.join_rules") == {"join_rule": "invite"}
        assert hs.world.room(portal.room).power(ALICE) == 100
        assert hs.world.room(portal.room).membership(ALICE) == "invite"
        await until(lambda: bridge.plant.networks.waiting() == [])
        bridge.world.say("home@me", "carol", "good morning")
        await hs.wait_for(portal.room, says("good morning"))


async def test_a_secret_answer_is_deleted_and_lies_nowhere_on_disk(
    tmp_path: Path, hs: FakeHomeserver, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        room = await chat(hs, power_level_content_override={"redact": 0})
        await tell(hs, room, "login local", "Which account?")
        await tell(hs, room, "ally", "The password of ally?")
        said = await tell(hs, room, "wrong-horse-battery", "That is not the password")
        assert said["content"] == {}
        said = await tell(hs, room, SECRET, "Logged in")
        assert said["content"] == {}
        await bridge.counts(chores=0, quarantined_chores=0)
        assert not any("delete" in event["content"]["body"] for event in answers(hs, room))
    disk = everything(tmp_path)
    assert b"wrong-horse-battery" not in disk and SECRET.encode() not in disk
    assert "wrong-horse-battery" not in caplog.text and SECRET not in caplog.text


async def test_what_the_bot_may_not_delete_the_person_is_asked_to(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon"):
        room = await chat(hs)
        await tell(hs, room, "login local", "Which account?")
        await tell(hs, room, "ally", "The password of ally?")
        said = await tell(hs, room, SECRET, "please delete your password yourself")
        assert said["content"]["body"] == SECRET


async def test_who_may_be_spoken_for_has_it_deleted_as_themself(tmp_path: Path) -> None:
    async with (
        FakeHomeserver(double_puppet_token="double") as hs,
        a_bridge(tmp_path, hs, adapter="salon", double_puppet="double") as bridge,
    ):
        room = await chat(hs)
        assert (await log_in(hs, room))["content"] == {}
        assert (await bridge.ledger.facts("double")) == {"local/ally": ALICE}


async def test_typed_ahead_it_is_understood_in_order_and_kept_nowhere(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        room = await chat(hs, power_level_content_override={"redact": 0})
        for text in ("login local", "ally", "not-my-password"):
            hs.say(ALICE, room, text)
        await hs.wait_for(room, says("That is not the password"))
        await bridge.counts(chores=0)
        rows = await bridge.ledger._core.read(
            lambda connection: connection.exec_driver_sql("SELECT payload FROM chores").fetchall()
        )
        assert not any(b"not-my-password" in bytes(row[0]) for row in rows)


async def test_in_front_of_others_it_is_refused_politely_and_nothing_is_deleted(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),), adapter="salon") as bridge:
        await bridge.linked()
        room = await bridge.room()
        hs.join(ALICE, room)
        said = await tell(hs, room, "!login local", "not in front of others")
        assert said["content"]["body"] == "!login local"
        assert hs.calls["redact"] == 0


async def test_a_talk_is_its_owners_alone(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        room = await chat(hs)
        await tell(hs, room, "login local", "Which account?")
        other = await chat(hs, EVE)
        await tell(hs, other, "ally", 'There is no word "ally"', EVE)
        hs.say(EVE, other, "mallory")
        await tell(hs, room, "ally", "The password of ally?")
        assert await bridge.ledger.logins() == []


async def test_it_stops_when_somebody_else_comes_in(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        room = await chat(hs, power_level_content_override={"redact": 0})
        await tell(hs, room, "login local", "Which account?")
        await tell(hs, room, "ally", "The password of ally?")
        hs.move(ALICE, room, EVE, "invite")
        hs.join(EVE, room)
        assert (await tell(hs, room, SECRET, "Somebody else is in this room now"))["content"] == {}
        assert salon(bridge).given_up == 1
        assert await bridge.ledger.logins() == []


@pytest.mark.parametrize("word", ["cancel", "Cancel", "!cancel"])
async def test_it_can_be_cancelled_at_every_question(tmp_path: Path, hs: FakeHomeserver, word: str) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        room = await chat(hs)
        await tell(hs, room, "login local", "Which account?")
        await tell(hs, room, "ally", "The password of ally?")
        await tell(hs, room, word, "Cancelled; nothing was kept")
        assert salon(bridge).given_up == 1
        await tell(hs, room, "version", "unabridged ")


async def test_after_ten_minutes_it_is_given_up_and_a_late_password_is_no_word(tmp_path: Path, hs: FakeHomeserver) -> None:
    clock = FakeClock()
    async with a_bridge(tmp_path, hs, adapter="salon", clock=clock) as bridge:
        room = await chat(hs, power_level_content_override={"redact": 0})
        await tell(hs, room, "login local", "Which account?")
        await tell(hs, room, "ally", "The password of ally?")
        await clock.advance(IDLE + 1)
        await hs.wait_for(room, says("I gave up"))
        assert salon(bridge).given_up == 1
        late = await tell(hs, room, "late-password", "That talk is over")
        assert late["content"] == {}
        await log_in(hs, room)
    assert b"late-password" not in everything(tmp_path)


async def test_a_restart_loses_the_talk_and_keeps_nothing_of_it(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon"):
        room = await chat(hs, power_level_content_override={"redact": 0})
        await tell(hs, room, "login local", "Which account?")
        await tell(hs, room, "ally", "The password of ally?")
    async with a_bridge(tmp_path, hs, adapter="salon"):
        await hs.wait_for(room, says("I was restarted"))
        late = await tell(hs, room, "late-password", "That talk is over")
        assert late["content"] == {}
        await log_in(hs, room)
    assert b"late-password" not in everything(tmp_path)


async def test_a_bug_in_a_dialogue_is_told_and_logged_without_what_was_said(
    tmp_path: Path, hs: FakeHomeserver, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        salon(bridge).bug = ValueError(f"could not digest {SECRET}")
        room = await chat(hs)
        await tell(hs, room, "login local", "Which account?")
        await tell(hs, room, "ally", "The password of ally?")
        await tell(hs, room, SECRET, "a fault in the bridge")
        assert "ValueError" in caplog.text and SECRET not in caplog.text
        await tell(hs, room, "version", "unabridged ")


async def test_a_dialogue_that_ends_in_a_no_says_it_and_is_over(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        room = await chat(hs)
        await tell(hs, room, "login local", "Which account?")
        await tell(hs, room, "ally", "The password of ally?")
        await tell(hs, room, "1", "Once more?")
        await tell(hs, room, "2", "Once more?")
        await tell(hs, room, "3", "Three wrong passwords")
        assert await bridge.ledger.logins() == []
        await tell(hs, room, "logins", "No logins")


async def test_an_answer_that_cannot_be_said_at_once_is_not_given_twice_to_the_network(
    tmp_path: Path, hs: FakeHomeserver
) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        room = await chat(hs)
        await tell(hs, room, "login local", "Which account?")
        hs.faults.status(503, "send")
        hs.say(ALICE, room, "ally")
        async with background(partial(passing, bridge.clock)):
            await hs.wait_for(room, says("The password of ally?"))
        await tell(hs, room, SECRET, "Logged in")


async def test_a_name_is_one_persons_and_the_files_names_are_for_whom_it_invites(tmp_path: Path, hs: FakeHomeserver) -> None:
    timeline = lobby("home@me", room="#timeline:localhost", kind=PortalKind.TIMELINE, post_to=("local@me",))
    async with a_bridge(tmp_path, hs, portals=(timeline,), adapter="salon") as bridge:
        await bridge.linked()
        room = await bridge.room("#timeline:localhost")
        assert hs.state(room, "m.room.join_rules") == {"join_rule": "invite"}
        hers = await chat(hs, EVE)
        await tell(hs, hers, "login local --name me", "for others", EVE)
        await tell(hs, hers, "login local --name 'a b'", "1 to 32 letters", EVE)
        await tell(hs, hers, "login elsewhere", "networks with logins: local", EVE)
        await log_in(hs, hers, EVE)
        assert [(login.user, login.name) for login in await bridge.ledger.logins()] == [(EVE, "eve")]
        his = await chat(hs, ADMIN)
        await tell(hs, his, "login local --name EVE", "is taken", ADMIN)
        await log_in(hs, his, ADMIN)
        assert {(login.user, login.name) for login in await bridge.ledger.logins()} == {(EVE, "eve"), (ADMIN, "me")}
        mentions = next(link for link in await bridge.ledger.links() if link.channel == channel("mentions@me"))
        assert mentions.portal == next(portal.id for portal in await bridge.ledger.portals() if portal.room == room)


async def test_logging_out_forgets_the_secrets_and_shuts_the_channels(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        room = await chat(hs)
        await log_in(hs, room)
        theirs = await chat(hs, EVE)
        await tell(hs, theirs, "logout me", "no login", EVE)
        await tell(hs, theirs, "logins", "No logins", EVE)
        await tell(hs, room, "logins", "ally")
        before = salon(bridge).changes
        await tell(hs, room, "logout local@me", "are forgotten")
        assert salon(bridge).changes == before + 1
        assert (await bridge.ledger.logins(), await bridge.ledger.links()) == ([], [])
        assert [portal.post_to for portal in await bridge.ledger.portals()] == [()]


async def test_a_second_account_under_a_name_in_use_is_refused(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        room = await chat(hs)
        await log_in(hs, room)
        await tell(hs, room, "login local --name me", "Which account?")
        await tell(hs, room, "bob", "The password of bob?")
        await tell(hs, room, "bob", "The login me is for local/ally")
        assert [login.identity for login in await bridge.ledger.logins()] == [IdentityId(LOCAL, "ally")]


async def test_no_more_talks_than_a_bridge_can_bear(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon"):
        rooms = [await chat(hs) for _ in range(4)]
        for room in rooms[:3]:
            await tell(hs, room, "login local", "Which account?")
        await tell(hs, rooms[3], "login local", "Too many logins are under way")


async def test_a_login_is_tried_at_once_where_its_network_had_given_up(
    tmp_path: Path, hs: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was refused may be another connection than the login's own."""

    async def refused() -> None:
        raise Disconnected("the secret is wrong", fatal=True)

    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        supervisor = bridge.plant.networks.supervisors[LOCAL]
        with monkeypatch.context() as patch:
            patch.setattr(salon(bridge), "run", refused)
            salon(bridge).world.cut()
            await until(lambda: supervisor.state.phase is Phase.FAILED)
        await log_in(hs, await chat(hs))
        await until(lambda: supervisor.state.phase is Phase.CONNECTED)


class TestTrouble:
    async def test_it_is_told_once_and_that_it_is_over(self, tmp_path: Path, hs: FakeHomeserver) -> None:
        async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
            room = await chat(hs)
            await log_in(hs, room)
            (portal,) = await bridge.ledger.portals()
            book = salon(bridge).tools.logins
            book.trouble("me", "401 Unauthorized")
            book.trouble("me", "401 Unauthorized")
            await hs.wait_for(portal.room, says("no longer takes the login me: 401 Unauthorized"))
            await tell(hs, room, "logins", "401 Unauthorized")
        async with a_bridge(tmp_path, hs, adapter="salon") as again:
            book = salon(again).tools.logins
            book.trouble("me", "401 Unauthorized")
            await self._quiet()
            book.trouble("me", None)
            await hs.wait_for(portal.room, says("takes the login me again"))
            book.trouble("me", None)
            book.trouble("me", "its server is away", passing=True)
            await tell(hs, room, "logins", "its server is away")
            await self._quiet()
        told = [event for event in hs.messages(portal.room) if "the login me" in event["content"]["body"]]
        assert len(told) == 2

    async def test_the_terminal_shows_it_in_status(self, tmp_path: Path, hs: FakeHomeserver) -> None:
        async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
            room = await chat(hs)
            await log_in(hs, room)
            book = salon(bridge).tools.logins
            book.trouble("me", "its server is away", passing=True)
            await tell(hs, room, "status", "local@me: its server is away")
            book.trouble("me", "revoked")
            await tell(hs, room, "status", "local@me: revoked")
            theirs = await chat(hs, EVE)
            before = len(answers(hs, theirs))
            hs.say(EVE, theirs, "status")
            await until(lambda: len(answers(hs, theirs)) > before)
            assert "revoked" not in answers(hs, theirs)[before]["content"]["body"]

    @staticmethod
    async def _quiet() -> None:
        """Long enough for a notice to have been sent, were there one."""
        for _ in range(50):
            await asyncio.sleep(0)


async def test_only_a_person_can_log_in_from_the_terminal(tmp_path: Path, hs: FakeHomeserver) -> None:
    from tests.unit.app.test_doors import tell as typed

    async with a_bridge(tmp_path, hs, adapter="salon"):
        answer = await typed(tmp_path, "login", "local")
        assert answer.failed and "--as @user:domain" in answer.text


async def test_in_a_terminal_the_talk_goes_on_by_its_name_for_its_owner(tmp_path: Path, hs: FakeHomeserver) -> None:
    from bridge.ops.remote import ask

    socket = tmp_path / "unabridged.sock"
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        first = await asyncio.to_thread(ask, socket, "login", {"network": "local"}, ALICE)
        assert first.asks is not None and first.asks.text == "Which account?" and first.talk
        stolen = await asyncio.to_thread(ask, socket, "answer", {"talk": first.talk, "text": "ally"}, EVE)
        assert stolen.failed and "no such talk" in stolen.text
        second = await asyncio.to_thread(ask, socket, "answer", {"talk": first.talk, "text": "ally"}, ALICE)
        assert second.asks is not None and second.asks.secret
        last = await asyncio.to_thread(ask, socket, "answer", {"talk": first.talk, "text": SECRET}, ALICE)
        assert last.asks is None and not last.failed and "Logged in" in last.text
        over = await asyncio.to_thread(ask, socket, "answer", {"talk": first.talk, "text": SECRET}, ALICE)
        assert over.failed
        assert len(await bridge.ledger.logins()) == 1


async def test_channels_of_the_file_open_with_their_login_and_shut_with_it_and_nobody_waits(
    tmp_path: Path, hs: FakeHomeserver
) -> None:
    timeline = lobby("home@me", room="#timeline:localhost", kind=PortalKind.TIMELINE)
    world = World()
    world.banned["home@me"] = "there is no login"
    async with a_bridge(tmp_path, hs, adapter="salon", portals=(replace(timeline, invite=(ALICE,)),), world=world) as bridge:
        await bridge.linked()
        supervisor = bridge.plant.networks.supervisors[LOCAL]

        def trouble() -> str | None:
            info = supervisor.channels.get(channel("home@me"))
            return "waiting" if info is None else info.error

        assert trouble() == "there is no login"
        room = await chat(hs)
        del world.banned["home@me"]
        await log_in(hs, room)
        await until(lambda: trouble() is None)
        world.banned["home@me"] = "there is no login"
        await tell(hs, room, "logout me", "Logged out")
        await until(lambda: trouble() == "there is no login")
