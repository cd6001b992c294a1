"""An account loses nothing, says nothing twice, claims nothing before it is on disk, and believes nobody but its server."""

import asyncio
from datetime import timedelta

import pytest

from bridge.contract.errors import Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence
from bridge.model.events import Origin
from bridge.model.ids import HUB, IdentityId
from bridge.model.signals import Availability, Presence, ReadMark, Typing
from bridge.testing import until
from tests.doubles.account_server import JID
from tests.doubles.clock import START
from tests.unit.xmpp.accounts.stage import CHAT, NET, OWNER, ROMEO, Stage, body_of, carbon, delivery, playing, said


async def test_a_contact_is_a_direct_chat_under_the_name_in_the_roster() -> None:
    async with playing() as stage:
        stage.server.roster = [(ROMEO, "My Romeo", "both")]
        await stage.start()
        stage.server.send(said("hello", "m1", stanza_id="s1"))
        await until(lambda: stage.inlet.events)
        (event,) = stage.inlet.events
        assert (event.channel, event.author.id, event.author.name) == (CHAT, IdentityId(NET, ROMEO), "My Romeo")
        assert [(channel, login, peer.name) for channel, login, peer in stage.linking.directs] == [(CHAT, "me", "My Romeo")]


async def test_the_server_is_told_only_of_what_is_committed() -> None:
    async with playing() as stage:
        await stage.start()
        await stage.settled()
        stage.inlet.shut()
        stage.server.send(said("hello", "m1"), "<presence from='romeo@example.net'/>")
        await until(lambda: stage.inlet.offered)
        before = stage.server.told
        stage.server.ask()
        await until(lambda: stage.server.told > before)
        assert len(stage.server.owed()) == 2  # what came behind it can't be counted either
        stage.inlet.unshut()
        await stage.settled()


async def test_a_line_that_is_cut_between_receipt_and_commit_loses_and_doubles_nothing() -> None:
    async with playing() as stage:
        await stage.start()
        stage.inlet.shut()
        stage.server.send(said("one", "m1"), said("two", "m2"))
        await until(lambda: len(stage.inlet.offered) == 2)
        stage.server.cut()
        await stage.again()
        assert stage.server.logins == 2
        stage.server.send(said("three", "m3"))
        stage.inlet.unshut()
        assert await stage.heard(3) == ["one", "two", "three"]
        (session,) = stage.server.sessions
        await until(lambda: not stage.server.sessions[session])


async def test_a_bridge_that_falls_before_the_commit_finds_it_in_the_archive() -> None:
    async with playing() as stage:
        await stage.start()
        stage.inlet.shut()
        stage.server.send(said("hello", "m1", stanza_id="s1"))
        await until(lambda: stage.inlet.offered)
        stage.server.archive.append(("s1", said("hello", "m1"), START - timedelta(hours=1)))
        await stage.fall()
        assert stage.texts() == []
        await stage.start()
        assert await stage.heard(1) == ["hello"]
        (event,) = stage.inlet.events
        assert (event.origin, event.happened_at) == (Origin.HISTORY, START - timedelta(hours=1))


async def test_the_past_comes_before_the_present_and_nothing_comes_twice() -> None:
    async with playing() as stage:
        stage.server.archive = [(f"s{number}", said(f"old {number}", f"o{number}"), START) for number in range(250)]
        starting = asyncio.create_task(stage.start())
        await until(lambda: any(one.tag.endswith("presence") for one in stage.server.seen))
        stage.server.send(said("old 249", "o249", stanza_id="s249"), said("new", "n1", stanza_id="s250"))
        await starting
        assert await stage.heard(251) == [*(f"old {number}" for number in range(250)), "new"]
        scope = f"account/me/{JID}"
        await until(lambda: stage.inlet.cursors[scope].value == "s250")
        await stage.stop()
        stage.server.archive.append(("s250", said("new", "n1"), START))
        stage.server.archive.append(("s251", said("while away", "a1"), START))
        await stage.start()
        assert (await stage.heard(252))[-1] == "while away"
        assert len(stage.inlet.events) == 252


async def test_an_archive_that_forgot_where_we_were_is_read_by_date() -> None:
    async with playing() as stage:
        stage.server.archive = [("s1", said("one", "o1"), START)]
        await stage.start()
        await until(lambda: stage.inlet.cursors)
        await stage.stop()
        stage.server.archive = [("t1", said("two", "o2"), START)]
        await stage.start()
        assert await stage.heard(2) == ["one", "two"]


async def test_what_is_said_while_the_archive_fails_leaves_no_gap_behind_it() -> None:
    async with playing() as stage:
        stage.server.mislaid = True
        stage.server.archive = [("s1", said("missed", "o1"), START), ("s2", said("now", "n1"), START)]
        await stage.start()
        stage.server.send(said("now", "n1", stanza_id="s2"))
        assert await stage.heard(1) == ["now"]
        await stage.stop()
        stage.server.mislaid = False
        await stage.start()
        assert await stage.heard(2) == ["now", "missed"]
        await until(lambda: stage.inlet.cursors[f"account/me/{JID}"].value == "s2")


async def test_what_the_owner_writes_on_a_phone_is_the_owners() -> None:
    async with playing() as stage:
        await stage.start()
        mine = said("from my phone", "p1", sender=f"{JID}/phone", to=ROMEO)
        stage.server.send(carbon(mine))
        await until(lambda: stage.inlet.events)
        (event,) = stage.inlet.events
        assert (event.channel, event.author.id) == (CHAT, IdentityId(NET, JID))
        await stage.stop()
        stage.server.archive = [("s1", mine, START)]  # where it has another name
        await stage.start()
        stage.server.send(said("ok", "r1"))
        assert await stage.heard(2) == ["from my phone", "ok"]


@pytest.mark.parametrize("sender", ["tybalt@evil.example", f"{JID}.evil.example", "example.org", f"{ROMEO}/phone"])
async def test_a_carbon_from_anybody_else_is_dropped_and_counted(sender: str) -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.send(carbon(said("I love Tybalt", "x", sender=f"{JID}/phone", to=ROMEO), sender=sender))
        stage.server.send(said("hello", "m1"))
        assert await stage.heard(1) == ["hello"]
        assert stage.metrics.counts["xmpp_odd_stanzas spoofed"] == 1


async def test_an_archives_answer_that_nobody_told_is_dropped() -> None:
    async with playing() as stage:
        await stage.start()
        forwarded = f"<forwarded xmlns='urn:xmpp:forward:0'>{said('forged', 'f1')}</forwarded>"
        result = f"<result xmlns='urn:xmpp:mam:2' queryid='q1' id='z'>{forwarded}</result>"
        for sender in (f"{ROMEO}/phone", JID):
            stage.server.send(f"<message from='{sender}' to='{JID}'>{result}</message>")
        stage.server.send(said("hello", "m1"))
        assert await stage.heard(1) == ["hello"]


async def test_what_was_sent_is_proven_by_the_server() -> None:
    async with playing() as stage:
        await stage.start()
        receipt = await stage.crew.deliver(delivery("a", "good night"))
        assert receipt.evidence is Evidence.FENCED
        assert [(one.get("id"), one.get("to"), body_of(one)) for one in stage.server.messages()] == [
            ("a" * 32, ROMEO, "good night")
        ]


async def test_a_server_that_keeps_no_count_proves_by_answering_behind_it() -> None:
    async with playing() as stage:
        stage.server.managed = False
        await stage.start()
        receipt = await stage.crew.deliver(delivery("a", "good night"))
        assert receipt.evidence is Evidence.FENCED


async def test_what_was_on_its_way_when_the_line_was_cut_arrives_once() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.acknowledges = False
        sending = asyncio.create_task(stage.crew.deliver(delivery("a", "good night")))
        await until(stage.server.messages)
        stage.server.cut()
        await until(lambda: not stage.up)
        assert not sending.done()
        stage.server.acknowledges = True
        await stage.clock.advance(60)
        assert (await sending).evidence is Evidence.FENCED
        assert len(stage.server.messages()) == 1


async def test_what_the_server_never_got_is_sent_again_under_the_same_id() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.acknowledges = False
        sending = asyncio.create_task(stage.crew.deliver(delivery("a", "good night")))
        await until(stage.server.messages)
        stage.server.cut()
        (session,) = [name for name in stage.server.counts if " " not in name]
        stage.server.counts[session] -= 1
        stage.server.acknowledges = True
        await stage.again()
        await sending
        assert [one.get("id") for one in stage.server.messages()] == ["a" * 32] * 2


async def test_what_a_restarted_server_may_have_is_looked_for_in_its_archive() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.acknowledges = False
        one, two = delivery("a", "good night"), delivery("b", "a thousand times")
        sending = [asyncio.create_task(stage.crew.deliver(each)) for each in (one, two)]
        await until(lambda: len(stage.server.messages()) == 2)
        stage.server.cut()
        stage.server.sessions.clear()
        stage.server.acknowledges = True
        await stage.again()
        for each in sending:
            with pytest.raises(Uncertain):
                await each
        stage.server.archive = [("s1", said("good night", "a" * 32, sender=f"{JID}/x", to=ROMEO), START)]
        found = await stage.crew.find(one)
        assert found is not None
        assert found.ids == (f"{JID}&{ROMEO}/@{JID}/{'a' * 32}", f"{JID}&{ROMEO}//{'a' * 32}")
        assert await stage.crew.find(two) is None


@pytest.mark.parametrize("cut", [False, True])
async def test_who_waits_for_a_proof_when_the_network_ends_is_told_that_there_will_be_none(cut: bool) -> None:
    """The session ends with the account: its lane would wait for ever, and the message be lost where it never arrived."""
    async with playing() as stage:
        await stage.start()
        stage.server.acknowledges = False
        sending = asyncio.create_task(stage.crew.deliver(delivery("a", "good night")))
        await until(stage.server.messages)
        if cut:
            stage.server.cut()
            await until(lambda: not stage.up)
        await stage.stop()
        async with asyncio.timeout(10):
            with pytest.raises(Uncertain):
                await sending


async def test_a_copy_that_somebody_else_sent_is_no_proof() -> None:
    async with playing() as stage:
        stage.server.archive = [("s1", said("good night", "a" * 32), START)]
        await stage.start()
        assert await stage.crew.find(delivery("a", "good night")) is None


async def test_without_an_archive_nobody_can_tell() -> None:
    async with playing() as stage:
        stage.server.features = []
        await stage.start()
        with pytest.raises(Uncertain, match="no archive"):
            await stage.crew.find(delivery("a", "good night"))


async def test_nothing_is_sent_without_a_connection() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.cut()
        await until(lambda: not stage.up)
        with pytest.raises(Unavailable):
            await stage.crew.deliver(delivery("a", "good night"))


async def test_only_the_owner_writes_with_an_account() -> None:
    async with playing() as stage:
        await stage.start()
        with pytest.raises(Rejected, match="only its owner"):
            await stage.crew.deliver(delivery("a", "hehe", author="@nurse:matrix.org"))
        assert not stage.server.messages()


async def test_what_comes_back_is_told_its_author() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.acknowledges = False
        sending = asyncio.create_task(stage.crew.deliver(delivery("a", "good night")))
        await until(stage.server.messages)
        error = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        stage.server.send(f"<message from='{ROMEO}' to='{JID}' type='error' id='{'a' * 32}'>{error}</message>")
        with pytest.raises(Rejected, match="does not take messages"):
            await sending


async def test_what_comes_back_late_is_told_in_the_chat_and_only_of_what_was_sent_there() -> None:
    async with playing() as stage:
        await stage.start()
        await stage.crew.deliver(delivery("a", "good night"))
        error = "<error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        for sender in ("tybalt@evil.example", ROMEO, ROMEO):
            stage.server.send(f"<message from='{sender}' to='{JID}' type='error' id='{'a' * 32}'>{error}</message>")
        stage.server.send(said("hello", "m1"))
        assert await stage.heard(2) == ["This message did not arrive: the other server can't be found.", "hello"]


async def test_what_comes_back_after_a_restart_is_told_where_there_is_a_room() -> None:
    error = "<error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    async with playing() as stage:
        await stage.start()
        for id, heard in (("a" * 32, 1), ("b" * 32, 3)):
            stage.server.send(f"<message from='{ROMEO}' to='{JID}' type='error' id='{id}'>{error}</message>")
            stage.server.send(said(f"hello {id[0]}", f"m{id}"))
            await stage.heard(heard)
        assert stage.texts() == ["hello a", "This message did not arrive: the other server can't be found.", "hello b"]


async def test_a_receipt_is_given_when_it_is_true_and_only_to_those_who_see_us() -> None:
    async with playing() as stage:
        stage.server.roster = [(ROMEO, "", "both")]
        await stage.start()
        wants = "<request xmlns='urn:xmpp:receipts'/>"
        stage.inlet.shut()
        stage.server.send(said("hello", "m1", more=wants), said("hi", "m2", sender="tybalt@evil.example/x", more=wants))
        await until(lambda: len(stage.inlet.offered) >= 1)
        assert not stage.server.messages()
        stage.inlet.unshut()
        await until(stage.server.messages)
        await stage.heard(2)
        (receipt,) = stage.server.messages()
        assert receipt.get("to") == f"{ROMEO}/phone"
        received = receipt.find("{urn:xmpp:receipts}received")
        assert received is not None
        assert received.get("id") == "m1"


async def test_typing_and_read_marks_go_both_ways() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.send(said("hello", "m1", more="<markable xmlns='urn:xmpp:chat-markers:0'/>", stanza_id="s1"))
        stage.server.send(
            f"<message from='{ROMEO}/x' to='{JID}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
        )
        await until(lambda: stage.inlet.signals)
        assert stage.inlet.signals == [Typing(channel=CHAT, who=IdentityId(NET, ROMEO), active=True)]
        (event,) = stage.inlet.events
        owner = delivery("a", "").author.id
        await stage.crew.send_signal(Typing(channel=CHAT, who=owner, active=True))
        await stage.crew.send_signal(Typing(channel=CHAT, who=IdentityId(NET, "x"), active=True))
        await stage.crew.send_signal(ReadMark(channel=CHAT, who=owner, event=event.key))
        await until(lambda: len(stage.server.messages()) == 2)
        typing, read = stage.server.messages()
        assert typing.find("{http://jabber.org/protocol/chatstates}composing") is not None
        mark = read.find("{urn:xmpp:chat-markers:0}displayed")
        assert mark is not None
        assert mark.get("id") == "m1"


async def test_presence_is_of_contacts_alone() -> None:
    async with playing() as stage:
        stage.server.roster = [(ROMEO, "", "both")]
        await stage.start()
        for sender in ("tybalt@evil.example/x", f"{ROMEO}/phone"):
            stage.server.send(f"<presence from='{sender}' to='{JID}'><show>away</show><status>in Mantua</status></presence>")
        await until(lambda: stage.inlet.signals)
        assert stage.inlet.signals == [Presence(who=IdentityId(NET, ROMEO), availability=Availability.AWAY, status="in Mantua")]


async def test_who_asks_to_be_seen_is_shown_once_and_spam_is_capped() -> None:
    async with playing() as stage:
        await stage.start()
        ask = "<presence from='{who}' to='x' type='subscribe'><status>I am &#x202e; rich</status></presence>"
        stage.server.send(ask.format(who=ROMEO), ask.format(who=ROMEO))
        for number in range(300):
            stage.server.send(ask.format(who=f"spam{number}@evil.example"))
        stage.server.send(said("hello", "m1"))
        await until(lambda: "hello" in stage.texts())
        asked = [event for event in stage.inlet.events if event.author.id.id == ROMEO]
        assert len(asked) == 2
        assert len(stage.inlet.events) == 21
        assert stage.metrics.counts["xmpp_odd_stanzas asks-not-shown"] == 180
        assert stage.metrics.counts["xmpp_odd_stanzas asks-without-end"] == 101


async def test_a_wrong_password_troubles_its_own_account_alone() -> None:
    async with playing() as stage:
        stage.log_in("old", "forgotten")
        await stage.start()
        assert [name for name, why in stage.logins.troubles if why] == ["old"]
        assert stage.up
        stage.server.send(said("hello", "m1"))
        assert await stage.heard(1) == ["hello"]
        tries = stage.server.logins
        await stage.clock.advance(600)
        assert stage.server.logins == tries


async def test_a_bug_ends_its_own_account_alone_which_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async with playing() as stage:
        await stage.start()

        async def broken(*given: object, **more: object) -> None:
            raise RuntimeError("a bug of ours")

        with monkeypatch.context() as patch:
            patch.setattr(stage.linking, "direct", broken)
            stage.server.send(said("hello", "m1"))
            await until(lambda: not stage.up)
        account = stage.crew.account("me")
        assert account is not None
        assert account.trouble == "an internal error; it has been reported"
        assert stage.metrics.counts["adapter_crashes"] == 1
        await stage.again()
        stage.server.send(said("are you there?", "m2"))
        assert "are you there?" in await stage.heard(1)


async def test_an_account_that_is_away_is_said_to_be_and_its_owner_is_not_called_for_it() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.cut()
        await until(lambda: not stage.up)
        assert "the connection" in (stage.logins.last["me"] or "")  # closed or lost: that hangs on what the system has read
        assert [why for _, why in stage.logins.troubles if why] == []
        await stage.again()
        assert stage.logins.last["me"] is None


async def test_what_waits_for_an_account_leaves_when_it_is_back() -> None:
    """The network is connected all the time; else its lane would wait for as long as the account was tried in vain."""
    async with playing() as stage:
        await stage.start()
        await stage.crew.open(CHAT)
        assert stage.inlet.looked == []
        stage.server.cut()
        await until(lambda: stage.inlet.looked == [CHAT])
        (info,) = await stage.crew.open(CHAT)
        assert info.error
        await stage.again()
        assert stage.inlet.looked == [CHAT] * 2
        await stage.crew.close(CHAT)
        stage.server.cut()
        await stage.again()
        assert stage.inlet.looked == [CHAT] * 2


async def test_an_account_that_is_logged_in_anew_is_used_at_once() -> None:
    async with playing(password="forgotten") as stage:
        await stage.start()
        assert not stage.up
        stage.log_in("me", "wherefore")
        stage.crew.changed()
        await until(lambda: stage.up)
        assert stage.logins.troubles[-1] == ("me", None)


async def test_a_logout_closes_the_connection() -> None:
    async with playing() as stage:
        await stage.start()
        stage.logins.logins.clear()
        stage.crew.changed()
        await until(lambda: all(one.over.is_set() for one in stage.server.connections))
        assert stage.crew.account("me") is None


async def test_a_silent_server_is_found_out() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.acknowledges = False
        before = stage.server.logins
        for _ in range(3):  # to ask, to give it up, to connect anew
            await stage.clock.advance(61)
        await until(lambda: stage.server.logins > before)


async def test_hostile_stanzas_end_nothing() -> None:
    fool = f"<query xmlns='jabber:iq:roster'><item jid='{ROMEO}' name='Fool'/></query>"
    async with playing() as stage:
        await stage.start()
        for odd in (
            "<message/>",
            f"<message from='@@' to='{JID}'><body>x</body></message>",
            f"<message from='{ROMEO}' to='other@example.org' type='chat'><body>astray</body></message>",
            f"<message from='{ROMEO}' to='{JID}' type='groupchat'><body>no room</body></message>",
            f"<presence from='{ROMEO}' type='nonsense'/>",
            "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='@@'/></query></iq>",
            f"<iq from='tybalt@evil.example' type='set' id='2'>{fool}</iq>",
            "<iq type='get' id='3' from='tybalt@evil.example'/>",
            "<iq type='result' id='u0-1'/>",
            "<strange xmlns='urn:strange'/>",
            f"<message from='{ROMEO}' to='{JID}'><event xmlns='http://jabber.org/protocol/pubsub#event'/></message>",
        ):
            stage.server.send(odd)
        stage.server.send(said("hello", "m1"))
        assert await stage.heard(1) == ["hello"]
        assert stage.inlet.events[-1].author.name == "romeo"


async def test_questions_about_us_are_answered() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.send(
            f"<iq type='get' id='d1' from='{ROMEO}/x' to='{JID}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        )
        stage.server.send(f"<iq type='get' id='p1' from='{ROMEO}/x' to='{JID}'><ping xmlns='urn:xmpp:ping'/></iq>")
        stage.server.send(f"<iq type='get' id='t1' from='{ROMEO}/x' to='{JID}'><time xmlns='urn:xmpp:time'/></iq>")

        def answers() -> dict[str | None, str | None]:
            return {one.get("id"): one.get("type") for one in stage.server.seen if one.get("to") == f"{ROMEO}/x"}

        await until(lambda: len(answers()) == 3)
        assert answers() == {"d1": "result", "p1": "result", "t1": "error"}


async def test_a_stopped_bridge_leaves_no_task_and_no_socket() -> None:
    before = asyncio.all_tasks()
    async with playing() as stage:
        await stage.start()
        await stage.stop()
        await until(lambda: all(one.over.is_set() for one in stage.server.connections))
    await until(lambda: asyncio.all_tasks() <= before)


def _shown(stage: Stage) -> list[tuple[str, str]]:
    """(show, status) of our presences, as the server got them."""
    here = [one for one in stage.server.seen if one.tag.endswith("}presence")]
    return [(one.findtext("{*}show") or "", one.findtext("{*}status") or "") for one in here]


async def test_an_account_is_there_as_its_owner_is_and_after_every_connection() -> None:
    async with playing() as stage:
        await stage.start()
        owner = IdentityId(HUB, OWNER)
        for who in (IdentityId(HUB, "@other:matrix.org"), IdentityId(NET, ROMEO), owner):
            await stage.crew.send_signal(Presence(who=who, availability=Availability.AWAY, status="at tea\x00"))
        await until(lambda: _shown(stage) == [("", ""), ("away", "at tea")])
        stage.server.cut()
        await until(lambda: not stage.up)
        await stage.crew.send_signal(Presence(who=owner, availability=Availability.OFFLINE))
        await stage.again()
        await until(lambda: len(_shown(stage)) == 3)  # still there for the server, which has messages for us
        await stage.crew.send_signal(Presence(who=owner, availability=Availability.ONLINE))
        await until(lambda: _shown(stage)[2:] == [("xa", ""), ("", "")])


async def test_an_account_shows_nothing_of_its_owner_where_that_is_not_wanted() -> None:
    async with playing(follow_presence=False) as stage:
        await stage.start()
        await stage.crew.send_signal(Presence(who=IdentityId(HUB, OWNER), availability=Availability.AWAY))
        await stage.settled()
        assert _shown(stage) == [("", "")]
