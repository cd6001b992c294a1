"""Who sees whom: nobody without having been asked, whatever was agreed outlives the bridge, and floods are only counted."""

import hashlib
from base64 import b64encode

from bridge.contract.logins import Login
from bridge.contract.words import Answer, Asker
from bridge.model.events import ProfileChange
from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Profile
from bridge.model.permissions import Permission
from bridge.model.signals import Availability, Presence
from bridge.testing import RecordingInlet, until
from bridge.testing.doubles import MemoryLogins
from tests.doubles.component_server import HOST
from tests.unit.xmpp.gateway.parlour import ALICE, ALICE_JID, CHAT, JULIET, NET, PHONE, Parlour, Street, inside, parlour

PNG = b"\x89PNG\r\n\x1a\n" + b"rose" * 100
HASH = hashlib.sha1(PNG, usedforsecurity=False).hexdigest()
ALICE_HERE = f"{ALICE_JID}/unabridged"


def came(one: Parlour, type: str = "", inside: str = "", sender: str = JULIET, to: str = ALICE_JID) -> None:
    one.hear(inside, name="presence", type=type, sender=sender, to=to)


def told(street: Street, who: str = JULIET) -> list[str]:
    """The kinds of presence that somebody got."""
    return [one.get("type", "available") for one in street.to(who, "presence")]


async def word(one: Parlour, name: str, who: str = JULIET, user: str = ALICE.id.id) -> Answer:
    found = next(each for each in one.adapter.words() if each.name == name)
    return await found.run(Asker(user=user, permission=Permission.USER), {"who": who})


async def agree(one: Parlour) -> None:
    """Both see each other."""
    await one.open()
    came(one, "subscribe")
    await until(one.words)
    await word(one, "accept")
    came(one, "subscribed")
    await until(lambda: len(one.words()) == 2)


async def test_who_asks_is_asked_about_in_the_room_and_seen_once_accepted(street: Street) -> None:
    async with parlour(street) as one:
        one.houses.profiles[ALICE.id] = Profile(name="Alice")
        came(one, "subscribe", "<status>it is me</status><nick xmlns='http://jabber.org/protocol/nick'>Juliet</nick>")
        came(one, "subscribe")
        await until(one.words)
        await one.heard_all()
        (event,) = one.events()
        assert event.channel == CHAT and event.author.name == "Juliet"
        assert f"accept {JULIET}" in one.words()[0] and "it is me" in one.words()[0]
        assert told(street) == []
        assert "sees when you are there" in (await word(one, "accept")).text
        await until(lambda: len(told(street)) == 3)
        assert sorted(told(street)) == ["available", "subscribe", "subscribed"]
        here = next(one for one in street.to(JULIET, "presence") if one.get("type") is None)
        nick, photo = inside(here, "nick"), inside(here, "photo")
        assert here.get("from") == ALICE_HERE and nick is not None and nick.text == "Alice"
        assert photo is not None and not photo.text
        assert "has not asked" in (await word(one, "accept")).text


async def test_who_asked_before_a_crash_and_asks_again_is_asked_about(street: Street) -> None:
    """That they asked was on disk, what was to be said about it was not: the room was still being made."""
    after = RecordingInlet()
    async with parlour(street) as one:
        one.houses.gate.clear()
        came(one, "subscribe")
        await until(lambda: one.inlet.cursors)
        after.cursors = dict(one.inlet.cursors)
    async with parlour(street, after) as again:
        came(again, "subscribe")
        await until(again.words)
        came(again, "subscribe")
        await again.heard_all()
        assert [f"accept {JULIET}" in words for words in again.words()] == [True]


async def test_who_is_denied_sees_nobody(street: Street) -> None:
    async with parlour(street) as one:
        came(one, "subscribe")
        await until(one.words)
        await word(one, "deny")
        came(one, "probe")
        await until(lambda: told(street) == ["unsubscribed", "unsubscribed"])


async def test_nobody_is_subscribed_to_who_is_not_there(street: Street) -> None:
    async with parlour(street) as one:
        for to in (f"nobody\\3aexample.org@{HOST}", f"plain@{HOST}", f"local\\2fbob@{HOST}"):
            came(one, "subscribe", to=to)
        await until(lambda: told(street) == ["unsubscribed"] * 3)
        assert not one.events()


async def test_what_was_agreed_outlives_the_bridge(street: Street) -> None:
    async with parlour(street) as one:
        await agree(one)
        inlet = one.inlet
    street.seen.clear()
    async with parlour(street, inlet) as again:
        await again.open()
        await until(lambda: sorted(told(street)) == ["available", "probe"])
        came(again, sender=PHONE, inside="<show>away</show><status>busy</status>")
        who = IdentityId(NET, JULIET)
        await until(lambda: Presence(who=who, availability=Availability.AWAY, status="busy") in again.inlet.signals)
        came(again, "probe")
        await until(lambda: told(street).count("available") == 2)
        came(again, "unavailable", sender=PHONE)
        await until(lambda: Presence(who=who, availability=Availability.OFFLINE) in again.inlet.signals)
    assert told(street)[-1] == "unavailable"


async def test_who_leaves_is_let_go_and_what_nobody_asked_for_changes_nothing(street: Street) -> None:
    async with parlour(street) as one:
        came(one, "subscribed")
        came(one, "unsubscribed")
        came(one, sender=PHONE)
        await one.heard_all()
        assert not one.words() and not one.inlet.signals
        await agree(one)
        street.seen.clear()
        came(one, "unsubscribe")
        await until(lambda: told(street) == ["unavailable", "unsubscribed"])
        came(one, "unsubscribed")
        await until(lambda: "does not let you see" in one.words()[-1])
        street.seen.clear()
        came(one, "probe")
        await until(lambda: told(street) == ["unsubscribed"])


async def test_a_matrix_users_words_ask_and_leave(street: Street) -> None:
    async with parlour(street) as one:
        assert "has been asked" in (await word(one, "subscribe")).text
        await until(lambda: told(street) == ["subscribe"])
        came(one, "subscribe")  # both want it
        await until(lambda: sorted(told(street)) == ["available", "subscribe", "subscribed"])
        came(one, "subscribed")
        await until(one.words)
        assert "already" in (await word(one, "subscribe")).text
        street.seen.clear()
        await word(one, "unsubscribe")
        await until(lambda: sorted(told(street)) == ["unavailable", "unsubscribe", "unsubscribed"])
        assert (await word(one, "subscribe", "no address")).failed
        assert (await word(one, "subscribe", JULIET, "terminal")).failed


async def test_whoever_has_an_account_answers_with_it_unless_the_chat_is_without_one(street: Street) -> None:
    async with parlour(street) as one:
        one.use(logins=MemoryLogins(Login(user=ALICE.id.id, network=NET, name="me", identity=IdentityId(NET, "a@b"))))
        assert (await word(one, "subscribe", "tybalt@capulet.example")).failed  # that account is not connected
        came(one, "subscribe")
        await until(one.words)
        assert not (await word(one, "accept")).failed


async def test_matrix_presence_is_told_to_those_who_may_see_it(street: Street) -> None:
    async with parlour(street) as one:
        await agree(one)
        await until(lambda: "available" in told(street))
        street.seen.clear()
        carol = IdentityId(HUB, "@carol:example.org")
        await one.adapter.send_signal(Presence(who=carol, availability=Availability.OFFLINE))
        await one.adapter.send_signal(Presence(who=ALICE.id, availability=Availability.AWAY, status="out"))
        await one.adapter.send_signal(Presence(who=ALICE.id, availability=Availability.AWAY, status="out"))
        await until(lambda: street.to(JULIET, "presence"))
        await one.adapter.send_signal(Presence(who=ALICE.id, availability=Availability.OFFLINE))
        await until(lambda: told(street) == ["available", "unavailable"])
        show, status = (inside(street.to(JULIET, "presence")[0], name) for name in ("show", "status"))
        assert show is not None and show.text == "away"
        assert status is not None and status.text == "out"


async def test_strangers_asks_are_capped_and_floods_end_nothing(street: Street) -> None:
    async with parlour(street) as one:
        for number in range(30):
            who = IdentityId(HUB, f"@u{number}:example.org")
            one.houses.profiles[who] = Profile()
            came(one, "subscribe", to=f"u{number}\\3aexample.org@{HOST}")
        await until(lambda: len(one.words()) == 10)
        for number in range(2000):
            came(one, sender=f"s{number}@capulet.example/x")
            came(one, "probe", sender=f"s{number}@capulet.example/x", to=f"plain@{HOST}")
        await one.heard_all()
        assert len(one.words()) == 10
        one.say("still here", sender="tybalt@capulet.example/x")
        await until(lambda: "still here" in one.words())


async def test_the_component_itself_is_there_for_everybody(street: Street) -> None:
    async with parlour(street) as one:
        came(one, "subscribe", to=HOST)
        await until(lambda: told(street) == ["subscribed", "available"])


async def test_who_unregisters_is_forgotten(street: Street) -> None:
    async with parlour(street) as one:
        await agree(one)
        street.seen.clear()
        one.hear("<query xmlns='jabber:iq:register'><remove/></query>", name="iq", type="set", id="r", to=HOST)
        await until(lambda: sorted(told(street)) == ["unavailable", "unsubscribe", "unsubscribed"])
        came(one, "probe")
        await until(lambda: told(street).count("unsubscribed") == 2)


async def test_who_may_be_seen_is_shown_with_the_picture_and_name_they_show(street: Street) -> None:
    async with parlour(street) as one:
        one.use(media=one.web)
        await agree(one)
        look = (
            f"<x xmlns='vcard-temp:x:update'><photo>{HASH}</photo></x><nick xmlns='http://jabber.org/protocol/nick'>Jule</nick>"
        )
        came(one, inside=look, sender=PHONE)
        came(one, inside=look, sender="tybalt@capulet.example/x")  # who shows themselves unasked has no picture with us
        await until(lambda: street.to(JULIET, "iq"))
        (asked,) = street.to(JULIET, "iq")
        card = f"<vCard xmlns='vcard-temp'><PHOTO><BINVAL>{b64encode(PNG).decode()}</BINVAL></PHOTO></vCard>"
        answer = {"type": "result", "id": asked.get("id", ""), "sender": JULIET, "to": asked.get("from", "")}
        one.hear(card, name="iq", **{**answer, "sender": "tybalt@capulet.example"})  # nobody answers for another
        one.hear(card, name="iq", **answer)
        await until(lambda: one.web.kept == [("image/png", PNG)])
        await until(lambda: isinstance(one.events()[-1].body, ProfileChange) and one.events()[-1].author.profile.avatar)
        one.say("good morrow")
        await until(lambda: "good morrow" in one.words())
        assert one.events()[-1].author.profile == Profile(name="Jule", avatar="mxc://matrix.org/1")
        assert street.to("tybalt@capulet.example", "iq") == []
