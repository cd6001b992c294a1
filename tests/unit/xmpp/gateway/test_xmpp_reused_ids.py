"""Clients that count "1", "2", "3" anew after each start: what is new is never taken for what was, and nothing comes twice."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapters.xmpp.ids import place_of, sent_id
from adapters.xmpp.inbound import Scene, events
from adapters.xmpp.inbound.reused import SHORT, SLOT_SECONDS, told_apart
from adapters.xmpp.stanza.said import Said
from bridge.model.events import Edit, Event, Message, Reactions
from bridge.model.ids import IdentityId
from bridge.testing import until
from tests.doubles.account_server import JID
from tests.doubles.clock import START
from tests.unit.xmpp.accounts.stage import ROMEO, carbon, playing, said
from tests.unit.xmpp.gateway.parlour import NET, Street, parlour

LATER = timedelta(seconds=2 * SLOT_SECONDS)
"""As soon as that it is surely something new: each second of it is played, and a day has 86,400."""
MINE = f"{JID}/phone"
REPLACE = "<replace xmlns='urn:xmpp:message-correct:0' id='{}'/>"
REACTION = "<reactions xmlns='urn:xmpp:reactions:0' id='{}'><reaction>👍</reaction></reactions>"


def scene(**more: object) -> Scene:
    usual = {"network": NET, "place": place_of(f"direct/{ROMEO}@me"), "me": JID, "now": START, "stanza_ids": False}
    return Scene(**{**usual, **more})  # type: ignore[arg-type]


def key_of(words: Said, where: Scene) -> str:
    (event,) = events(words, where)
    assert isinstance(event, Event)
    return event.key.id


class TestThroughTheComponent:
    async def test_the_first_message_of_a_new_start_is_not_that_of_the_one_before(self, street: Street) -> None:
        async with parlour(street) as one:
            one.say("good morning", id="1")
            one.say("how are you?", id="2")
            await until(lambda: len(one.words()) == 2)
            await one.clock.advance(LATER.total_seconds())
            one.say("good morning", id="1")
            one.say("are you well?", id="2")
            await until(lambda: len(one.words()) == 4)
            assert one.words()[2:] == ["good morning", "are you well?"]

    async def test_a_client_that_begins_anew_at_once_is_heard(self, street: Street) -> None:
        async with parlour(street) as one:
            one.say("one moment", id="1")
            one.say("here I am again", id="1")
            await until(lambda: one.words() == ["one moment", "here I am again"])

    async def test_what_a_mended_line_brings_again_comes_once(self, street: Street) -> None:
        async with parlour(street) as one:
            for _ in range(2):
                one.say("once", id="1")
                await one.heard_all()
                await one.clock.advance(SLOT_SECONDS)
            one.say("more", id="2")
            await until(lambda: one.words()[-1:] == ["more"])
            assert one.words() == ["once", "more"]

    async def test_a_correction_and_a_reaction_are_of_the_newest_of_that_id(self, street: Street) -> None:
        async with parlour(street) as one:
            one.say("yesterday", id="7")
            await until(lambda: len(one.words()) == 1)
            await one.clock.advance(LATER.total_seconds())
            one.say("todya", id="7")
            one.hear(f"<body>today</body>{REPLACE.format(7)}", id="8")
            one.hear(REACTION.format(7), id="9")
            await until(lambda: len(one.events()) == 4)
            old, new, edit, reaction = one.events()
            assert isinstance(edit.body, Edit) and isinstance(reaction.body, Reactions)
            assert edit.body.target.key == reaction.body.target.key == new.key != old.key


class TestThroughAnAccount:
    async def test_what_the_owner_writes_with_such_a_client_is_all_told_and_once(self) -> None:
        async with playing() as stage:
            await stage.start()
            old, new = (said(words, "1", sender=MINE, to=ROMEO) for words in ("good night", "good morning"))
            stage.server.send(carbon(old))
            assert await stage.heard(1) == ["good night"]
            await stage.clock.advance(LATER.total_seconds())
            stage.server.send(carbon(new))
            assert await stage.heard(2) == ["good night", "good morning"]
            await stage.stop()
            stage.server.archive = [("s1", old, START), ("s2", new, START + LATER)]
            await stage.start()
            stage.server.send(said("who is there?", "1"))
            assert await stage.heard(3) == ["good night", "good morning", "who is there?"]

    async def test_a_copy_that_comes_late_is_known_by_when_it_was_written(self) -> None:
        """The line was down for an hour; the archive has the message, and then the copy comes, too."""
        async with playing() as stage:
            mine = said("from my phone", "1", sender=MINE, to=ROMEO)
            stage.server.archive = [("s1", mine, START)]
            await stage.clock.advance(3600)
            await stage.start()
            assert await stage.heard(1) == ["from my phone"]
            stamp = f"<delay xmlns='urn:xmpp:delay' from='{JID}' stamp='{START:%Y-%m-%dT%H:%M:%SZ}'/></forwarded>"
            stage.server.send(carbon(mine).replace("</forwarded>", stamp), said("hello", "1"))
            assert await stage.heard(2) == ["from my phone", "hello"]

    async def test_what_a_contact_says_has_the_archives_name_and_the_newest_is_corrected(self) -> None:
        async with playing() as stage:
            await stage.start()
            stage.server.send(said("yesterday", "1", stanza_id="s1"), said("todya", "1", stanza_id="s2"))
            stage.server.send(said("today", "2", more=REPLACE.format(1), stanza_id="s3"))
            await until(lambda: len(stage.inlet.events) == 3)
            *_, new, edit = stage.inlet.events
            assert isinstance(edit.body, Edit) and edit.body.target.key == new.key


@given(st.text(min_size=1, max_size=SHORT - 1), st.text(max_size=20), st.integers(0, 10**9))
def test_one_stanza_is_one_whenever_it_is_shown_and_no_other_is_it(id: str, words: str, seconds: int) -> None:
    first, at = Said(sender=ROMEO, to=JID, id=id, body=words), START + timedelta(seconds=seconds)
    who = IdentityId(NET, ROMEO)
    names = told_apart(first, scene(), who, at)
    near = told_apart(first, scene(), who, at + timedelta(seconds=SLOT_SECONDS))
    far = told_apart(first, scene(), who, at + timedelta(seconds=2 * SLOT_SECONDS))
    other = told_apart(Said(sender=ROMEO, to=JID, id=id, body=f"{words}."), scene(), who, at)
    assert near[0] in names and far[0] not in names and not {*other} & {*names}
    assert sent_id(scene().where, ROMEO, id) not in names


@given(st.text(alphabet="0123456789abcdef-", min_size=SHORT, max_size=40), st.integers(0, 10**9))
def test_an_id_that_is_its_own_is_the_key_however_late_it_comes_again(id: str, seconds: int) -> None:
    words = Said(sender=f"{ROMEO}/x", to=JID, id=id, body="hello")
    later = scene(now=START + timedelta(seconds=seconds))
    assert key_of(words, scene()) == key_of(words, later) == sent_id(scene().where, ROMEO, id)


def test_a_short_id_beside_a_long_origin_id_is_known_by_the_long_one() -> None:
    words = Said(sender=f"{ROMEO}/x", to=JID, id="1", origin_id="f" * SHORT, body="hello")
    again = Said(sender=f"{ROMEO}/x", to=JID, id="1", origin_id="e" * SHORT, body="hello")
    assert key_of(words, scene()) == sent_id(scene().where, ROMEO, "f" * SHORT) != key_of(again, scene())


def test_it_is_words_all_the_same() -> None:
    (event,) = events(Said(sender=f"{ROMEO}/x", to=JID, id="1", body="hello"), scene())
    assert isinstance(event, Event) and isinstance(event.body, Message)
    assert sent_id(scene().where, ROMEO, "1") in event.aliases
