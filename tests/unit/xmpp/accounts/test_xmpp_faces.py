"""Contacts are shown as they show themselves: by pictures that are what they claim to be, and names that their owner chose."""

import base64
import hashlib

import pytest

from bridge.model.events import ProfileChange
from bridge.testing import until
from tests.doubles.account_server import BOOKMARKS, JID, PUBSUB
from tests.unit.xmpp.accounts.stage import ROMEO, Stage, playing, said

PNG = b"\x89PNG\r\n\x1a\n" + b"rose" * 100
HASH = hashlib.sha1(PNG, usedforsecurity=False).hexdigest()


def wears(digest: str, who: str = f"{ROMEO}/phone") -> str:
    return f"<presence from='{who}' to='{JID}'><x xmlns='vcard-temp:x:update'><photo>{digest}</photo></x></presence>"


def publishes(node: str, inner: str, who: str = ROMEO) -> str:
    item = f"<items node='{node}'><item id='current'>{inner}</item></items>"
    return f"<message from='{who}' to='{JID}' type='headline'><event xmlns='{PUBSUB}#event'>{item}</event></message>"


def metadata(digest: str) -> str:
    info = f"<info id='{digest}' type='image/png' bytes='{len(PNG)}'/>" if digest else ""
    return publishes("urn:xmpp:avatar:metadata", f"<metadata xmlns='urn:xmpp:avatar:metadata'>{info}</metadata>")


async def ready(stage: Stage, name: str = "") -> None:
    stage.server.roster = [(ROMEO, name, "both")]
    stage.server.picture = base64.b64encode(PNG).decode()
    await stage.start()


def asked(stage: Stage) -> list[str | None]:
    wanted = ("{vcard-temp}vCard", f"{{{PUBSUB}}}pubsub")
    questions = (one for one in stage.server.seen if len(one) and one[0].tag in wanted)
    return [one.get("to") for one in questions if one.find(f".//*[@node='{BOOKMARKS}']") is None]


@pytest.mark.parametrize("shows", [wears(HASH), metadata(HASH)])
async def test_a_picture_is_fetched_once_for_its_content(shows: str) -> None:
    async with playing() as stage:
        await ready(stage)
        stage.server.send(shows, shows)
        await until(lambda: stage.web.kept)
        assert stage.web.kept == [("image/png", PNG)]
        stage.server.send(said("hello", "m1"))
        await until(lambda: stage.inlet.events)
        assert stage.inlet.events[0].author.profile.avatar == "mxc://matrix.org/1"
        await stage.stop()
        await stage.start()
        stage.server.send(shows, said("again", "m2"))
        await until(lambda: len(stage.inlet.events) >= 2)
        assert len(asked(stage)) == 1


async def test_a_new_picture_is_shown_in_a_chat_that_is_there() -> None:
    async with playing() as stage:
        await ready(stage)
        stage.server.send(said("hello", "m1"))
        await stage.heard(1)
        stage.server.send(wears(HASH))
        await until(lambda: len(stage.inlet.events) == 2)
        change = stage.inlet.events[1].body
        assert isinstance(change, ProfileChange)
        assert change.profile.avatar == "mxc://matrix.org/1"
        stage.server.send(metadata(""))
        await until(lambda: len(stage.inlet.events) == 3)
        gone = stage.inlet.events[2].body
        assert isinstance(gone, ProfileChange)
        assert gone.profile.avatar == ""


@pytest.mark.parametrize("lie", [b"<svg onload='x'/>", PNG + b"x", b""])
async def test_what_is_no_such_picture_is_not_shown(lie: bytes) -> None:
    async with playing() as stage:
        await ready(stage)
        stage.server.picture = base64.b64encode(lie).decode()
        stage.server.send(wears(HASH))
        await until(lambda: stage.metrics.counts.get("xmpp_pictures_refused"))
        assert stage.web.kept == []


@pytest.mark.parametrize("digest", ["x" * 40, "../../etc/passwd", "0" * 39, " "])
async def test_a_hash_that_is_none_asks_for_nothing(digest: str) -> None:
    async with playing() as stage:
        await ready(stage)
        stage.server.send(wears(digest), metadata(digest), said("hello", "m1"))
        await stage.heard(1)
        assert asked(stage) == []


async def test_strangers_pictures_and_names_are_not_asked_for() -> None:
    async with playing() as stage:
        await ready(stage)
        nick = "<nick xmlns='http://jabber.org/protocol/nick'>Juliet</nick>"
        for who in ("tybalt@evil.example", "tybalt@evil.example/x"):
            stage.server.send(wears(HASH, who), publishes("http://jabber.org/protocol/nick", nick, who))
        stage.server.send(said("hello", "m1", sender="tybalt@evil.example/x"))
        await stage.heard(1)
        assert asked(stage) == []
        assert stage.inlet.events[0].author.name == "tybalt"


async def test_a_contact_without_a_name_in_the_roster_is_called_as_they_call_themselves() -> None:
    async with playing() as stage:
        await ready(stage)
        nick = "<nick xmlns='http://jabber.org/protocol/nick'>Romeo &#x202e; Montague</nick>"
        stage.server.send(publishes("http://jabber.org/protocol/nick", nick), said("hello", "m1"))
        await stage.heard(1)
        assert stage.inlet.events[0].author.name == "Romeo Montague"
        push = f"<query xmlns='jabber:iq:roster'><item jid='{ROMEO}' name='My love' subscription='both'/></query>"
        stage.server.send(f"<iq type='set' id='r1'>{push}</iq>")
        await until(lambda: len(stage.inlet.events) == 2)
        change = stage.inlet.events[1].body
        assert isinstance(change, ProfileChange)
        assert change.profile.name == "My love"
