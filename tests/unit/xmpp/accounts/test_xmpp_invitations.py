"""Invitations to rooms that come to an account: shown where they came from, with the way in; strangers can't flood with them."""

from collections.abc import AsyncIterator

import pytest

from adapters.xmpp.accounts.people import ASKS_AN_HOUR
from bridge.model.events import Message, Style
from bridge.testing import until
from tests.doubles.account_server import JID, MUC
from tests.unit.xmpp.accounts.stage import CHAT, ROMEO, Stage, playing

ROOM = f"tea@{MUC}"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with playing() as one:
        await one.start()
        yield one


def direct(sender: str, room: str = ROOM, id: str = "i1", reason: str = "come") -> str:
    """XEP-0249."""
    x = f"<x xmlns='jabber:x:conference' jid='{room}' reason='{reason}'/>"
    return f"<message from='{sender}/x' to='{JID}' id='{id}'>{x}</message>"


def mediated(by: str, room: str = ROOM) -> str:
    """XEP-0045 §7.8.2: the room says who invites."""
    invite = f"<x xmlns='http://jabber.org/protocol/muc#user'><invite from='{by}'><reason>come</reason></invite></x>"
    return f"<message from='{room}' to='{JID}' id='i2'>{invite}</message>"


async def test_a_friend_s_invitation_is_told_with_the_way_in(stage: Stage) -> None:
    stage.server.send(direct(ROMEO))
    (words,) = await stage.heard(1)
    assert f"{ROMEO} invites you to the room {ROOM}, saying: come" in words
    assert f"`jabber join {ROOM}`" in words
    (event,) = stage.inlet.events
    assert event.channel == CHAT
    assert isinstance(event.body, Message) and event.body.style is Style.NOTICE


async def test_who_a_room_says_invites_is_not_made_to_say_so_themselves(stage: Stage) -> None:
    """Any server can be a room, and name anybody."""
    stage.server.send(mediated(ROMEO))
    (words,) = await stage.heard(1)
    assert f"{ROOM} says that {ROMEO} invites you" in words
    assert stage.inlet.events[0].channel.id == f"direct/{ROOM}@me"


async def test_it_is_acknowledged_when_it_is_on_disk(stage: Stage) -> None:
    stage.inlet.shut()
    stage.server.send(direct(ROMEO))
    stage.server.ask()
    await until(lambda: any(ROOM in one for one in stage.server.owed()))
    stage.inlet.unshut()
    await stage.clock.advance(2)
    await stage.settled()
    assert len(stage.texts()) == 1


async def test_strangers_invitations_make_no_chats_without_end(stage: Stage) -> None:
    for number in range(ASKS_AN_HOUR + 30):
        stage.server.send(direct(f"eve{number}@evil.example", id=f"e{number}"))
    await stage.settled()
    assert len(stage.texts()) == ASKS_AN_HOUR
    assert stage.metrics.counts["xmpp_odd_stanzas invitations-not-shown"] == 30
