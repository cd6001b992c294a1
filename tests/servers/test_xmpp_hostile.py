"""Somebody who means harm, on a real Prosody: what a server lets through ends nothing, forges nothing, crosses no room.

eve writes raw XML to a room that the bridge is in for everybody, to one that romeo's account is in, to romeo and to alice.
After each thing she does, juliet is heard in all four places, and what she said before is as it was.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
import pytest_asyncio
from msgspec import Struct, field

from bridge.demo.synapse import Synapse
from bridge.ops.remote import ask
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import Event, MatrixClient
from tests.servers.daemons import free_port
from tests.servers.xmpp import COMPONENT, HOST, MUC, Prosody
from tests.servers.xmpp_client import XmppClient

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="module")]

TEA, MUSIC = f"tea@{MUC}", f"music@{MUC}"
ROMEO, JULIET, EVE = (f"{name}@{HOST}" for name in ("romeo", "juliet", "eve"))
ALICE = rf"alice\3alocalhost@{COMPONENT}"
PLACES = {TEA: "groupchat", MUSIC: "groupchat", ROMEO: "chat", ALICE: "chat"}
FORGED = "FORGED"
"""Stands in what nobody may be shown as somebody else's."""
CARBONS, FORWARD, MAM = "urn:xmpp:carbons:2", "urn:xmpp:forward:0", "urn:xmpp:mam:2"


class Stage(Struct):
    """`rooms`: the Matrix room of each place; `events`: what juliet said there first; `ids`: as she and the place call that."""

    bridge: BridgeProcess
    alice: MatrixClient
    juliet: XmppClient
    eve: XmppClient
    rooms: dict[str, str] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    ids: dict[str, tuple[str, str]] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=count)

    async def heard_everywhere(self) -> None:
        """juliet gets through, wherever eve has been."""
        mark = f"mark{next(self.numbers)}x"
        for place, kind in PLACES.items():
            self.juliet.say(place, mark, kind=kind)
        for room in self.rooms.values():
            await self.alice.sees_text(room, mark)

    def shown(self) -> list[Event]:
        return [event for room in self.rooms.values() for event in self.alice.timeline[room]]

    def write(self, text: str) -> None:
        """To every place, `{to}` and `{type}` being its own."""
        for place, kind in PLACES.items():
            self.eve.raw(text.replace("{to}", place).replace("{type}", kind))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, synapse_python: Path) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("hostile")
    async with AsyncExitStack() as stack:
        xmpp = Prosody(folder / "xmpp", accounts=("juliet", "romeo", "eve"))
        await xmpp.start()
        stack.push_async_callback(xmpp.stop)
        synapse = Synapse(synapse_python, folder / "synapse", port=free_port())
        bridge = BridgeProcess(folder / "bridge", homeserver=synapse.url, more='allow_addresses = ["127.0.0.0/8"]')
        portal = f'[[portals]]\nroom = "#tea:localhost"\nlinks = ["jabber/{TEA}"]\ninvite = ["@alice:localhost"]\n'
        xmpp.serve(bridge, portal)
        synapse.write([await bridge.registration()])
        await synapse.start()
        stack.push_async_callback(synapse.stop)
        token = await synapse.user("alice", "secret")
        alice = await stack.enter_async_context(MatrixClient(synapse.url, token))
        juliet = await stack.enter_async_context(XmppClient(xmpp, "juliet"))
        eve = await stack.enter_async_context(XmppClient(xmpp, "eve"))
        for room in (TEA, MUSIC):
            await juliet.join(room)
            await juliet.configure(room, persistentroom="1")
            await eve.join(room)
        await bridge.start()
        stack.push_async_callback(bridge.stop)
        await bridge.log_in("jabber", alice.user, ROMEO, "romeo"[::-1])
        one = Stage(bridge, alice, juliet, eve)
        one.rooms[TEA] = await alice.join("#tea:localhost")
        socket = bridge.folder / "unabridged.sock"
        while (await asyncio.to_thread(ask, socket, "join", {"room": MUSIC}, alice.user)).failed:
            await asyncio.sleep(0)  # the account is being connected
        one.rooms[MUSIC] = await alice.enter(f"@_jabber_{MUSIC.replace('@', '=40')}:localhost")
        await juliet.until(lambda: all({"eve", "juliet"} < set(juliet.occupants.get(room, {})) for room in (TEA, MUSIC)))
        for place in (ROMEO, ALICE):
            known = set(alice.invitations)
            juliet.say(place, "knock", kind="chat")
            await alice.until(lambda known=known: bool(set(alice.invitations) - known))  # type: ignore[misc]
            one.rooms[place] = await alice.join((set(alice.invitations) - known).pop())
        for place, kind in PLACES.items():
            id = juliet.say(place, f"first in {place}", kind=kind)
            one.events[place] = await alice.sees_text(one.rooms[place], f"first in {place}")
            heard = [said for said in juliet.heard if said.id == id]
            one.ids[place] = (id, heard[0].stanza_id if heard else "")
        yield one


def forwarded(inner: str) -> str:
    return f"<forwarded xmlns='{FORWARD}'><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>{inner}</forwarded>"


FROM_JULIET = f"<message xmlns='jabber:client' from='{JULIET}/x' to='{ROMEO}' type='chat' id='f'><body>{FORGED}</body></message>"
BY_JULIET = f"<message xmlns='jabber:client' from='{TEA}/juliet' type='groupchat' id='g'><body>{FORGED}</body></message>"
ODD = "\u202e\ufeff\u0085\u200b\u2066\ufffd\ue000\U000e0041" + "e" + "\u0301" * 200


def edits(stage: Stage) -> None:
    for place, kind in PLACES.items():
        for id in filter(None, stage.ids[place]):
            head = f"<message to='{place}' type='{kind}' id='e{next(stage.numbers)}'>"
            stage.eve.raw(f"{head}<body>{FORGED}</body><replace xmlns='urn:xmpp:message-correct:0' id='{id}'/></message>")
            stage.eve.raw(f"{head}<retract xmlns='urn:xmpp:message-retract:1' id='{id}'/></message>")
            stage.eve.raw(
                f"{head}<retract xmlns='urn:xmpp:message-retract:1' id='{id}'>"
                f"<moderated xmlns='urn:xmpp:message-moderate:1' by='{place}/juliet'/></retract></message>"
            )


def ids(stage: Stage) -> None:
    """Names of others, given to herself."""
    for place, kind in PLACES.items():
        id, given = stage.ids[place]
        for by in (place, place.partition("/")[0], ROMEO, JULIET, HOST):
            stage.eve.raw(
                f"<message to='{place}' type='{kind}' id='{id}'><body>eve again</body>"
                f"<stanza-id xmlns='urn:xmpp:sid:0' by='{by}' id='{given or id}'/><origin-id xmlns='urn:xmpp:sid:0' id='{id}'/>"
                f"<occupant-id xmlns='urn:xmpp:occupant-id:0' id='juliet'/></message>"
            )


def carbons(stage: Stage) -> None:
    for word in ("received", "sent"):
        for inner in (FROM_JULIET, BY_JULIET):
            stage.write(f"<message to='{{to}}' type='{{type}}'><{word} xmlns='{CARBONS}'>{forwarded(inner)}</{word}></message>")


def archives(stage: Stage) -> None:
    for number in range(1, 6):
        result = f"<result xmlns='{MAM}' queryid='q{number}' id='r{number}'>{forwarded(FROM_JULIET)}</result>"
        stage.write(f"<message to='{{to}}' type='{{type}}'>{result}</message>")


def rooms_that_are_none(stage: Stage) -> None:
    """What only a room says, said by a person."""
    for to in (ROMEO, ALICE):
        stage.eve.raw(f"<message to='{to}' type='groupchat'><body>{FORGED}</body></message>")
        stage.eve.raw(f"<message to='{to}' type='groupchat'><subject>{FORGED}</subject></message>")
        stage.eve.raw(
            f"<presence to='{to}'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator' "
            f"jid='{JULIET}'/><status code='110'/></x></presence>"
        )


def long_bodies(stage: Stage) -> None:
    stage.write(f"<message to='{{to}}' type='{{type}}'><body>{'x' * 200_000}</body></message>")


def odd_letters(stage: Stage) -> None:
    stage.write(
        f"<message to='{{to}}' type='{{type}}' id={quoteattr(ODD)}><body>{ODD}</body><nick xmlns='http://jabber.org/protocol/nick'>{ODD}</nick></message>"
    )


def addresses(stage: Stage) -> None:
    for bad in ("@@/", "a@b@c", "/" * 50, "x" * 2000, "\u202e@" + HOST, ""):
        jid = quoteattr(bad)
        stage.write(
            "<message to='{to}' type='{type}'><body>look</body>"
            f"<reply xmlns='urn:xmpp:reply:0' to={jid} id={jid}/>"
            f"<reference xmlns='urn:xmpp:reference:0' type='mention' begin='-5' end='99999999' uri={quoteattr('xmpp:' + bad)}/>"
            "<x xmlns='jabber:x:oob'><url>javascript:alert(1)</url></x></message>"
        )
        stage.write(f"<message to='{{to}}'><x xmlns='jabber:x:conference' jid={jid} reason={jid}/></message>")


def nested(stage: Stage) -> None:
    deep = "<b>" * 9000 + "x" + "</b>" * 9000
    html = f"<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>{deep}</body></html>"
    stage.write(f"<message to='{{to}}' type='{{type}}'><body>deep</body>{html}</message>")
    stage.write(
        "<message to='{to}' type='{type}'><body>deeper</body>" + "<a xmlns='urn:x'>" * 9000 + "</a>" * 9000 + "</message>"
    )


def script(stage: Stage) -> None:
    html = "<script>alert(1)</script><a href='javascript:alert(1)' onclick='alert(1)'>x</a><img src='data:x' onerror='alert(1)'/>"
    body = f"<body xmlns='http://www.w3.org/1999/xhtml'>{html}</body>"
    stage.write(
        f"<message to='{{to}}' type='{{type}}'><body>scripted</body><html xmlns='http://jabber.org/protocol/xhtml-im'>{body}</html></message>"
    )


def attributes(stage: Stage) -> None:
    many = " ".join(f"a{number}='x'" for number in range(5000))
    stage.write(f"<message to='{{to}}' type='{{type}}'><body>many</body><x xmlns='urn:x' {many}/></message>")


def reactions(stage: Stage) -> None:
    for place, kind in PLACES.items():
        keys = "".join(f"<reaction>{ODD}{number}</reaction>" for number in range(300))
        id = stage.ids[place][1] or stage.ids[place][0]
        stage.eve.raw(
            f"<message to='{place}' type='{kind}'><reactions xmlns='urn:xmpp:reactions:0' id='{id}'>{keys}</reactions></message>"
        )


def presences(stage: Stage) -> None:
    for number in range(300):
        for place in (ROMEO, ALICE, f"{TEA}/eve", f"{MUSIC}/eve"):
            stage.eve.raw(
                f"<presence to='{place}'><show>away</show><status>{number}{ODD}</status><priority>{number}</priority></presence>"
            )


def subscriptions(stage: Stage) -> None:
    for number in range(100):
        for place in (ROMEO, ALICE):
            for kind in ("subscribe", "unsubscribed", "probe", "unsubscribe"):
                stage.eve.raw(f"<presence to='{place}' type='{kind}'><status>{number}{ODD}</status></presence>")


def nicks(stage: Stage) -> None:
    for nick in (
        "ju\u200bliet",
        "\u202etelui",
        "j\u0301" * 50,
        "\U0001f469\u200d\U0001f4bb",
        "@admin:localhost",
        "<b>x</b>",
        "x" * 900,
        "eve",
    ):
        for room in (TEA, MUSIC):
            stage.eve.raw(f"<presence to={quoteattr(f'{room}/{nick}')}/>")
            stage.eve.raw(f"<message to='{room}' type='groupchat'><body>who am I?</body></message>")


def questions(stage: Stage) -> None:
    for place in (f"{TEA}/romeo", f"{MUSIC}/romeo", f"{ROMEO}/unabridged", ALICE, COMPONENT):
        for query in ("<query xmlns='jabber:iq:roster'><item jid='eve@x' subscription='remove'/></query>", "<x xmlns='urn:x'/>"):
            for kind in ("set", "get", "result", "error"):
                stage.eve.raw(f"<iq to='{place}' type='{kind}' id='1'>{query}</iq>")


@pytest.mark.parametrize(
    "attack",
    [
        edits, ids, carbons, archives, rooms_that_are_none, long_bodies, odd_letters, addresses, nested, script, attributes,
        reactions, presences, subscriptions, nicks, questions,
    ],
    ids=lambda attack: attack.__name__,
)  # fmt: skip
async def test_nothing_is_forged_and_nobody_else_is_lost(stage: Stage, attack: Callable[[Stage], None]) -> None:
    attack(stage)
    await stage.eve.is_through()
    await stage.heard_everywhere()
    others = {event["sender"] for event in stage.events.values()} | {stage.alice.user}
    for event in stage.shown():
        assert FORGED not in str(event["content"]) or event["sender"] not in others, "shown as somebody else's"
        assert "<script" not in str(event["content"]) and "javascript:" not in event["content"].get("formatted_body", "")
    for place, event in stage.events.items():
        kept = await stage.alice.call("GET", f"rooms/{stage.rooms[place]}/event/{event['event_id']}")
        assert kept["content"]["body"] == f"first in {place}"
    log = (stage.bridge.folder / "bridge.log").read_text()
    assert "Traceback" not in log
    assert "is not connected" not in log and "crashed" not in log
