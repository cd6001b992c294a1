"""Bookmarks become rooms and stay as their owner's other clients leave them; the words write them."""

import asyncio
from collections.abc import AsyncIterator
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xmpp.accounts.bookmarks import Bookmarks
from adapters.xmpp.accounts.room_words import RoomWords
from adapters.xmpp.accounts.wanted import AT_ONCE
from bridge.contract.errors import Unavailable
from bridge.contract.words import Answer, Asker
from bridge.model.ids import ChannelId
from bridge.model.people import Identity
from bridge.model.permissions import Permission
from bridge.testing import until
from tests.doubles.account_server import BOOKMARKS, JID, MUC
from tests.unit.xmpp.accounts.stage import NET, OWNER, Stage, playing, said

ROOM = f"tea@{MUC}"
EVENT = "http://jabber.org/protocol/pubsub#event"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with playing() as one:
        yield one


def kept(*, entered: bool = True, more: str = "") -> str:
    return f"<conference xmlns='{BOOKMARKS}' name='Tea' autojoin='{str(entered).lower()}'>{more}</conference>"


def channel(room: str = ROOM) -> ChannelId:
    return ChannelId(NET, f"joined/{room}@me")


async def word(stage: Stage, name: str, **given: str) -> Answer:
    words = {one.name: one for one in RoomWords(NET, stage.crew.account, stage.tools).all()}
    return await words[name].run(Asker(user=OWNER, permission=Permission.USER), given)


def news(inner: str, sender: str = JID) -> str:
    items = f"<event xmlns='{EVENT}'><items node='{BOOKMARKS}'>{inner}</items></event>"
    return f"<message from='{sender}' to='{JID}/x' type='headline'>{items}</message>"


async def test_a_bookmarked_room_gets_one_here_under_its_nick(stage: Stage) -> None:
    stage.server.bookmarks = {ROOM: kept(more="<nick>Jules</nick>"), f"quiet@{MUC}": kept(entered=False)}
    await stage.start()
    await until(lambda: bool(stage.linking.directs))
    ((linked, login, peer),) = stage.linking.directs
    assert (linked, login, peer.name) == (channel(), "me", "Tea")
    await stage.crew.open(channel())
    assert list(stage.server.rooms.room(ROOM).occupants) == ["Jules"]


async def test_what_is_linked_already_is_not_made_again(stage: Stage) -> None:
    stage.server.bookmarks = {ROOM: kept(), f"other@{MUC}": kept()}
    stage.linking.channels.append(channel())
    await stage.start()
    await until(lambda: bool(stage.linking.directs))
    assert [one[0] for one in stage.linking.directs] == [channel(f"other@{MUC}")]


async def test_what_was_left_elsewhere_while_we_were_away_is_parted(stage: Stage) -> None:
    stage.server.bookmarks = {ROOM: kept(entered=False)}
    stage.linking.channels.append(channel())
    await stage.start()
    await until(lambda: channel() not in stage.linking.channels)


async def test_hundreds_of_bookmarks_are_no_hundreds_of_invitations(stage: Stage) -> None:
    stage.server.bookmarks = {f"r{number}@{MUC}": kept() for number in range(AT_ONCE + 5)}
    await stage.start()
    await until(lambda: len(stage.linking.directs) == AT_ONCE)
    answer = await word(stage, "rooms")
    assert len(answer.rows or ()) == AT_ONCE + 5
    assert len(stage.linking.directs) == AT_ONCE


async def test_what_another_client_bookmarks_and_removes_comes_and_goes(stage: Stage) -> None:
    await stage.start()
    stage.server.send(news(f"<item id='{ROOM}'>{kept()}</item>"))
    await until(lambda: channel() in stage.linking.channels)
    stage.server.send(news(f"<retract id='{ROOM}'/>"))
    await until(lambda: channel() not in stage.linking.channels)


async def test_nobody_else_s_news_changes_ours(stage: Stage) -> None:
    await stage.start()
    stage.server.send(news(f"<item id='{ROOM}'>{kept()}</item>", sender="eve@elsewhere.net"))
    stage.server.send(news(f"<item id='end@{MUC}'>{kept()}</item>"))
    await until(lambda: bool(stage.linking.directs))
    assert [one[0] for one in stage.linking.directs] == [channel(f"end@{MUC}")]


async def test_joining_enters_links_and_bookmarks(stage: Stage) -> None:
    await stage.start()
    answer = await word(stage, "join", room=ROOM, nick="Jules")
    assert not answer.failed and answer.text is not None and "You are in A room now" in answer.text
    assert list(stage.server.rooms.room(ROOM).occupants) == ["Jules"]
    assert stage.linking.channels == [channel()]
    assert stage.server.bookmarks is not None
    found = fromstring(stage.server.bookmarks[ROOM])
    assert (found.get("autojoin"), found.findtext(f"{{{BOOKMARKS}}}nick")) == ("true", "Jules")
    rows = (await word(stage, "rooms")).rows
    assert rows == ((ROOM, "A room", "in", "Jules"),)


async def test_what_is_said_while_a_joined_room_gets_one_here_waits_for_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is one, it would be of no room at all, and thrown away."""
    await stage.start()
    room, direct, early = stage.server.rooms.room(ROOM), stage.linking.direct, list[str]()
    room.enter("bob", "bob@elsewhere.net/home")

    async def talked_into(channel: ChannelId, *, login: str | None = None, peer: Identity, group: bool = False) -> None:
        if group:
            room.say("bob", "welcome")
            stage.server.send(said("behind it on the stream", "x"))
            await until(lambda: "behind it on the stream" in stage.texts())
            early.extend(stage.texts())
        await direct(channel, login=login, peer=peer, group=group)

    monkeypatch.setattr(stage.linking, "direct", talked_into)
    answer = await word(stage, "join", room=ROOM)
    assert not answer.failed and early == ["behind it on the stream"]
    await until(lambda: "welcome" in stage.texts())


async def test_a_joined_room_that_gets_none_here_is_left(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.start()

    async def refused(channel: ChannelId, **more: object) -> None:
        raise Unavailable("the homeserver is away")

    monkeypatch.setattr(stage.linking, "direct", refused)
    answer = await word(stage, "join", room=ROOM)
    assert (answer.failed, answer.text) == (True, "The homeserver is away")
    await until(lambda: not stage.server.rooms.room(ROOM).occupants)


async def test_who_is_quicker_than_their_account_is_told_so(stage: Stage) -> None:
    stage.server.silent = True
    starting = asyncio.create_task(stage.start())
    await until(lambda: (account := stage.crew.account("me")) is not None and account.client is not None)
    answer = await word(stage, "join", room=ROOM)
    assert (answer.failed, answer.text) == (True, "The account is not connected yet")
    starting.cancel()
    await asyncio.wait((starting,))


async def test_a_room_that_takes_nobody_is_told_and_not_made(stage: Stage) -> None:
    await stage.start()
    stage.server.rooms.room(ROOM).members_only = True
    answer = await word(stage, "join", room=ROOM)
    assert answer.failed and answer.text is not None and "members only" in answer.text
    assert stage.linking.channels == []
    assert stage.server.bookmarks == {}


async def test_leaving_parts_and_forgets(stage: Stage) -> None:
    await stage.start()
    await word(stage, "join", room=ROOM)
    answer = await word(stage, "leave", room=ROOM)
    assert not answer.failed
    assert (stage.linking.channels, stage.server.bookmarks) == ([], {})
    assert (await word(stage, "leave", room=f"never@{MUC}")).failed


async def test_joining_again_under_another_name_renames(stage: Stage) -> None:
    await stage.start()
    await word(stage, "join", room=ROOM)
    await word(stage, "join", room=ROOM, nick="Jules")
    await until(lambda: list(stage.server.rooms.room(ROOM).occupants) == ["Jules"])


async def test_a_server_of_the_old_kind_keeps_what_else_stands_there(stage: Stage) -> None:
    stage.server.bookmarks = None
    url = "<url url='https://example.org/'/>"
    old = f"<conference jid='old@{MUC}' autojoin='1' name='Old'/>"
    stage.server.stored = f"<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>{url}{old}</storage></query>"
    await stage.start()
    await until(lambda: channel(f"old@{MUC}") in stage.linking.channels)
    await word(stage, "join", room=ROOM)
    assert all(mark in stage.server.stored for mark in ("https://example.org/", f"old@{MUC}", ROOM))
    await word(stage, "leave", room=f"old@{MUC}")
    assert f"old@{MUC}" not in stage.server.stored
    assert "https://example.org/" in stage.server.stored


async def test_a_server_that_would_keep_the_last_one_only_keeps_them_all(stage: Stage) -> None:
    """As ejabberd 23 answers: it doesn't know how many items we want it to keep."""
    stage.server.simple, stage.server.bookmarks = True, {f"first@{MUC}": kept()}
    await stage.start()
    answer = await word(stage, "join", room=ROOM)
    assert answer.text is not None and "could not be bookmarked" not in answer.text
    assert list(stage.server.bookmarks) == [f"first@{MUC}"]
    assert ROOM in stage.server.stored
    await word(stage, "join", room=f"third@{MUC}")
    assert ROOM in stage.server.stored and f"third@{MUC}" in stage.server.stored
    await stage.fall()
    stage.linking.channels.clear()
    await stage.start()
    await until(lambda: {channel(f"{name}@{MUC}") for name in ("first", "tea", "third")} == set(stage.linking.channels))
    await word(stage, "leave", room=ROOM)
    assert ROOM not in stage.server.stored and f"third@{MUC}" in stage.server.stored


async def test_what_other_clients_keep_with_a_bookmark_stays(stage: Stage) -> None:
    extension = "<extensions><pinned xmlns='urn:example:pins'/></extensions>"
    stage.server.bookmarks = {ROOM: kept(entered=False, more=extension)}
    await stage.start()
    await word(stage, "join", room=ROOM)
    assert "urn:example:pins" in stage.server.bookmarks[ROOM]


async def test_a_password_of_a_bookmark_opens_the_room_and_shows_nowhere(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.server.bookmarks = {ROOM: kept(more="<password>sesame</password>")}
    stage.server.rooms.room(ROOM).password = "sesame"
    await stage.start()
    await until(lambda: bool(stage.linking.directs))
    (info,) = await stage.crew.open(channel())
    assert info.error is None
    account = stage.crew.account("me")
    assert account is not None and "sesame" not in repr(account.wanted.bookmarks.all())
    assert "sesame" not in caplog.text


@given(st.text(max_size=50), st.text(max_size=50), st.sampled_from(["true", "1", "yes", "", "TRUE"]))
def test_no_bookmark_is_too_odd_to_be_read(id: str, name: str, autojoin: str) -> None:
    event = fromstring(news(f"<item><conference xmlns='{BOOKMARKS}'/></item>"))
    (item,) = event.iter(f"{{{EVENT}}}item")
    item.set("id", id)
    item[0].set("name", name)
    item[0].set("autojoin", autojoin)
    book = Bookmarks()
    changed = book.published(event, JID)
    assert len(changed) == len(book.all()) <= 1
    assert all(one.entered == (autojoin in ("true", "1")) and "\n" not in one.name for one in book.all())
