"""The core's words over a small office: rights are those of the asker in the room meant, and strangers' rooms stay hidden."""

import json

import pytest

from bridge.commands.desk import Desk
from bridge.commands.linking import linking_words
from bridge.commands.render import as_json, as_text
from bridge.commands.watching import watching_words
from bridge.contract.adapter import ChannelInfo, NetworkState, Phase
from bridge.contract.features import Evidence
from bridge.contract.words import Answer, Asker
from bridge.ledger.rows import Copy, Entry, Sighting, State, Trace
from bridge.model.events import Event, Message, Text
from bridge.model.ids import HUB, ChannelId, EventKey
from bridge.model.permissions import Permission
from bridge.model.portals import Direction, Source
from tests.unit.commands.office import ADMIN, AT, BOB, LOCAL, OTHER, ROOM, SmallOffice, asker, channel, delivery

pytestmark = pytest.mark.asyncio
ONE, TWO = "a1" * 16, "a2" * 16


@pytest.fixture
def office() -> SmallOffice:
    return SmallOffice()


@pytest.fixture
def desk(office: SmallOffice) -> Desk:
    return Desk((*linking_words(office), *watching_words(office, "1.2.3", "mark")))


async def say(desk: Desk, line: str, who: Asker = ADMIN) -> Answer:
    word, *rest = line.split()
    return await desk.ask(who, word, rest)


async def test_link_joins_this_room(desk: Desk, office: SmallOffice) -> None:
    answer = await say(desk, "link local/#New --direction in --relay no", asker(power=50))
    assert answer.text == "Linked local/#new (in)."
    link = office.made[-1]
    assert (link.channel, link.direction, link.relay, link.portal) == (channel("#new"), Direction.IN, False, 1)
    assert office.by == ["@alice:localhost"]


async def test_link_needs_power_in_the_room_it_changes_not_where_it_is_said(desk: Desk, office: SmallOffice) -> None:
    answer = await say(desk, "link local/#new #other:localhost", asker(power=100))
    assert answer == Answer(text="That needs power level 50 in the room; yours is 0.", failed=True)
    assert len(office.made) == 1
    office.powers[OTHER, "@alice:localhost"] = 50
    assert not (await say(desk, "link local/#new #other:localhost", asker(power=0))).failed


async def test_in_the_terminal_a_named_user_has_their_own_rights_only(desk: Desk, office: SmallOffice) -> None:
    alice = asker(room=None)
    assert (await say(desk, "link local/#new", alice)).text == "Which room? Name an alias or a room id."
    assert (await say(desk, f"link local/#new {ROOM}", alice)).failed
    office.powers[ROOM, "@alice:localhost"] = 100
    assert not (await say(desk, f"link local/#new {ROOM}", alice)).failed


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("link local/#LOBBY #lobby:localhost", "local/#lobby is linked to this room already."),
        ("link odd/#x #lobby:localhost", "There is no channel odd/#x."),
        ("link local/#x #nowhere:localhost", "There is no room #nowhere:localhost."),
        ("link local/#x #lobby:localhost --direction up", 'direction is "in", "out" or "both".'),
        ("link local/#x #lobby:localhost --relay perhaps", 'relay is "yes" or "no".'),
        ("unlink local/#x #lobby:localhost", "local/#x is not linked to this room."),
        ("unlink local/#lobby #lobby:localhost", "The link to local/#lobby stands in the configuration file: take it out there."),
        ("trace nonsense", 'An event is a Matrix event id ("$…") or "network/id".'),
        ("trace $unknown", "Nothing is known of $unknown."),
        ("dead --limit 0", "limit is a number from 1 to 10000."),
        ("dead --limit ²", "limit is a number from 1 to 10000."),
        ("replay", 'Name deliveries (see "dead"), or say "all".'),
        ("replay ffff", "ffff: no dead letters begin so."),
    ],
)
async def test_what_cannot_be_done_is_told_why(desk: Desk, line: str, told: str) -> None:
    assert await say(desk, line) == Answer(text=told, failed=True)


async def test_a_link_that_the_network_refuses_is_made_and_the_reason_told(desk: Desk, office: SmallOffice) -> None:
    office.infos[channel("#new")] = ChannelInfo(channel=channel("#new"), error="invite only")
    answer = await say(desk, "link local/#new #lobby:localhost")
    assert answer.text == "Linked local/#new (both), but it can't be opened: invite only."


async def test_linking_tells_at_once_what_the_bot_lacks_in_the_room(desk: Desk, office: SmallOffice) -> None:
    office.troubles[OTHER] = ("the bot may not invite", "the room is encrypted: the bridge cannot read it")
    answer = await say(desk, f"link local/#tea {OTHER}")
    assert not answer.failed
    assert "But the bot may not invite." in answer.text and "encrypted" in answer.text


async def test_unlink_takes_back_what_link_made(desk: Desk, office: SmallOffice) -> None:
    await say(desk, "link local/#new #lobby:localhost")
    assert (await say(desk, "unlink local/#new", asker(power=49))).failed
    assert (await say(desk, "unlink local/#NEW", asker(power=50))).text == "Unlinked local/#new."
    assert [link.source for link in office.made] == [Source.FILE]


async def test_links_shows_an_admin_all_and_others_their_room(desk: Desk, office: SmallOffice) -> None:
    await say(desk, "link local/#secret #other:localhost")
    assert len((await say(desk, "links")).rows) == 2
    mine = await say(desk, "links", asker())
    assert mine.rows == (("#lobby:localhost", "local/#lobby", "both", "open", "file"),)
    assert await say(desk, "links #other:localhost", asker()) == Answer(text="You are not in that room.", failed=True)
    office.powers[OTHER, "@alice:localhost"] = 0
    assert (await say(desk, "links #other:localhost", asker())).rows[0][1:4] == ("local/#secret", "both", "waiting")


async def test_status_counts_links_and_deliveries(desk: Desk, office: SmallOffice) -> None:
    office.infos[channel("#lobby")] = ChannelInfo(channel=channel("#lobby"), error="banned")
    answer = await say(desk, "status")
    assert answer.text == "2 rooms, 1 link, 3 waiting, 0 dead.\nlocal/#lobby: banned"
    assert answer.rows == (("local", "transient", "0 of 1", "connection refused"),)
    data = json.loads(as_json(answer))
    assert data["networks"][0]["failed"] == {"local/#lobby": "banned"}
    assert data["deliveries"]["pending"] == 2


async def test_status_hides_other_rooms_channels_from_users(desk: Desk, office: SmallOffice) -> None:
    office.infos[channel("#lobby")] = ChannelInfo(channel=channel("#lobby"), error="banned")
    office.states.append(NetworkState(network=HUB, phase=Phase.CONNECTED, reason="#lobby:localhost: not invited"))
    answer = await say(desk, "status", asker())
    assert "#lobby" not in as_text(answer) + as_json(answer)
    assert "connection refused" in as_text(answer)
    assert "not invited" in as_text(await say(desk, "status"))


KEY = EventKey(LOCAL, "m1")
TRACE = Trace(
    key=KEY,
    event=Event(key=KEY, channel=channel("#lobby"), author=BOB, happened_at=AT, body=Message(text=Text(plain="private words"))),
    accepted_at=AT,
    note=None,
    sightings=(Sighting(channel=channel("#mirror"), at=AT),),
    entries=(
        Entry(seq=1, delivery=delivery(ONE), state=State.DONE),
        Entry(seq=2, delivery=delivery(TWO, to="#x"), state=State.DEAD, attempts=3, reason="banned"),
    ),
    copies=(
        Copy(event=KEY, channel=channel("#lobby"), id="m1", at=AT),
        Copy(event=KEY, channel=ChannelId(HUB, ROOM), id="$e", at=AT, delivery=ONE, evidence=Evidence.ASSIGNED, line=1, part=1),
    ),
)


async def test_trace_shows_each_copy_with_its_proof_and_each_failure_with_its_reason(desk: Desk, office: SmallOffice) -> None:
    office.traces[EventKey(HUB, "$e")] = TRACE
    answer = await say(desk, "trace $e")
    when = "2026-01-02 03:04:05 UTC"
    assert answer.rows == (
        ("local/#lobby", "original", "", "m1", when, ""),
        ("local/#mirror", "seen again", "", "", when, ""),
        (f"matrix/{ROOM}", "done", "assigned", "$e", when, "part 2, line 2 of a joined message"),
        ("local/#x", "dead", "", "", "", "banned, tried 3 times"),
    )
    assert "private words" not in as_text(answer) + as_json(answer)
    data = json.loads(as_json(answer))
    assert data["copies"][1]["proof"] == "assigned"
    assert data["deliveries"][1]["state"] == "dead"


async def test_trace_tells_people_outside_the_room_nothing(desk: Desk, office: SmallOffice) -> None:
    office.traces[KEY] = TRACE
    assert not (await say(desk, "trace local/m1", asker(room=ROOM))).failed
    elsewhere = await say(desk, "trace local/m1", asker(room=OTHER))
    assert elsewhere == Answer(text="Nothing is known of m1.", failed=True)
    assert (await say(desk, "trace local/m1", asker(room=None))).failed
    office.powers[ROOM, "@alice:localhost"] = 0
    assert not (await say(desk, "trace local/m1", asker(room=None))).failed


async def test_a_quarantined_event_is_traced_by_the_last_line_of_its_report(desk: Desk, office: SmallOffice) -> None:
    office.traces[KEY] = Trace(
        key=KEY, event=None, accepted_at=None, note="Traceback\n  x\nValueError: odd\n", sightings=(), entries=(), copies=()
    )
    assert (await say(desk, "trace local/m1")).text == "local/m1\nValueError: odd"


async def test_dead_letters_are_listed_and_replayed_by_their_first_digits(desk: Desk, office: SmallOffice) -> None:
    office.letters = [
        Entry(seq=1, delivery=delivery(ONE, "hello " * 30), state=State.DEAD, reason="banned"),
        Entry(seq=2, delivery=delivery(TWO, to="#x"), state=State.DEAD, reason="late"),
    ]
    rows = (await say(desk, "dead")).rows
    assert rows[0][:3] == (ONE[:12], "local/#lobby", "Bob")
    assert len(rows[0][3]) == 60
    assert (await say(desk, "dead local/#x")).rows[0][4] == "late"
    assert (await say(desk, f"replay {rows[1][0]}")).text == "1 put back into their lanes."
    assert office.replayed == [([TWO], None)]
    assert (await say(desk, "replay a")).text == "a: several dead letters begin so."
    assert (await say(desk, f"replay {ONE} {TWO}")).text == "2 put back into their lanes."
    assert (await say(desk, "replay all --channel local/#x")).text == "2 put back into their lanes."
    assert office.replayed[2:] == [(None, channel("#x"))]


@pytest.mark.parametrize("line", ["dead", "replay all"])
async def test_the_dead_are_for_admins(desk: Desk, line: str) -> None:
    assert (await say(desk, line, asker(power=100))).failed


async def test_version_is_told_to_everybody(desk: Desk) -> None:
    assert (await say(desk, "version", asker(Permission.RELAY))).text == "unabridged 1.2.3"


async def test_no_dead_and_no_links_are_said_in_words(desk: Desk, office: SmallOffice) -> None:
    office.made.clear()
    assert (await say(desk, "dead")).text == "No dead letters."
    assert (await say(desk, "links")).text == "No links."
