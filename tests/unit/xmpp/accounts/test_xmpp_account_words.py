"""An account's owner, and nobody else, answers for it."""

from adapters.xmpp.accounts.words import Words
from bridge.contract.words import Answer, Asker
from bridge.model.permissions import Permission
from bridge.testing import until
from tests.unit.xmpp.accounts.stage import NET, OWNER, ROMEO, Stage, playing

ASKS = f"<presence from='{ROMEO}' to='x' type='subscribe'/>"
STRANGER = "@nurse:matrix.org"


async def say(stage: Stage, name: str, *, user: str = OWNER, **given: str) -> Answer:
    words = {word.name: word for word in Words(NET, stage.crew.account, stage.tools).all()}
    return await words[name].run(Asker(user=user, permission=Permission.USER), given)


def presences(stage: Stage) -> list[tuple[str | None, str | None]]:
    return [(one.get("type"), one.get("to")) for one in stage.server.seen if one.tag.endswith("}presence") and one.get("to")]


async def test_who_asked_is_let_in_and_asked_in_turn() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.send(ASKS)
        await stage.heard(1)
        answer = await say(stage, "contacts")
        assert answer.rows[0][:3] == (ROMEO, "", "asks to see you")
        assert not (await say(stage, "accept", who=ROMEO)).failed
        await until(lambda: presences(stage) == [("subscribed", ROMEO), ("subscribe", ROMEO)])
        assert (await say(stage, "accept", who=ROMEO)).failed


async def test_who_is_denied_is_told_so() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.send(ASKS)
        await stage.heard(1)
        await say(stage, "deny", who=f"xmpp:{ROMEO}/phone")
        await until(lambda: presences(stage) == [("unsubscribed", ROMEO)])
        assert (await say(stage, "contacts")).rows == ()


async def test_nobody_answers_for_anothers_account() -> None:
    async with playing() as stage:
        await stage.start()
        stage.server.send(ASKS)
        await stage.heard(1)
        for word in ("accept", "deny", "subscribe", "block", "contacts"):
            assert (await say(stage, word, user=STRANGER, who=ROMEO)).failed
        assert presences(stage) == []


async def test_contacts_are_asked_for_taken_off_and_blocked() -> None:
    async with playing() as stage:
        stage.server.roster = [("nurse@example.net", "Nurse", "both")]
        await stage.start()
        for word, who in (("subscribe", ROMEO), ("unsubscribe", "nurse@example.net"), ("block", ROMEO), ("unblock", ROMEO)):
            assert not (await say(stage, word, who=who)).failed
        sent = [
            (one[0].tag.partition("}")[2], one[0][0].attrib)
            for one in stage.server.seen
            if one.get("type") == "set" and len(one[0]) and one[0][0].tag.endswith("}item")
        ]
        assert sent == [
            ("query", {"jid": ROMEO}),
            ("query", {"jid": "nurse@example.net", "subscription": "remove"}),
            ("block", {"jid": ROMEO}),
            ("unblock", {"jid": ROMEO}),
        ]
        assert presences(stage) == [("subscribe", ROMEO)]


async def test_what_is_no_address_is_said_so() -> None:
    async with playing() as stage:
        await stage.start()
        for odd in ("", "romeo", "@@", "a b@c"):
            assert (await say(stage, "subscribe", who=odd)).failed


async def test_a_server_that_can_not_block_is_not_asked_to() -> None:
    async with playing() as stage:
        stage.server.features = []
        await stage.start()
        assert (await say(stage, "block", who=ROMEO)).text == "Your server can't block anybody."
