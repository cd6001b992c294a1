"""Lines in: whatever a server sends, nothing raises, keys are what they should be, and nobody is taken for another."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.irc.ids import Roster
from adapters.irc.inbound import Inbound
from adapters.irc.wire.isupport import Isupport
from adapters.irc.wire.line import parse
from bridge.model.codec import decode_event, encode_event
from bridge.model.events import ChannelChange, Event, Membership, Message, Origin
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.signals import Availability, Presence, Typing

NET = NetworkName("local")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def fresh(**options: Any) -> Inbound:
    isupport = Isupport()
    isupport.load(["me", "STATUSMSG=@+", "PREFIX=(ov)@+", "CHANMODES=b,k,l,imnst", "x"])
    inbound = Inbound(NET, Roster(NET), isupport, **options)
    inbound.me = "me"
    return inbound


def feed(inbound: Inbound, *raw: str | bytes, now: datetime = NOW) -> list[Event]:
    events: list[Event] = []
    for number, one in enumerate(raw):
        line = parse(one.encode() if isinstance(one, str) else one)
        if line is not None:
            events += inbound.events(line, now, f"f{number}")
            inbound.signals(line)
    return events


COMMANDS = [
    *("PRIVMSG", "NOTICE", "TAGMSG", "JOIN", "PART", "QUIT", "NICK", "KICK", "MODE", "TOPIC", "INVITE", "REDACT", "ACCOUNT"),
    *("CHGHOST", "AWAY", "332", "333", "353", "366"),
]
WORDS = st.sampled_from(
    [
        *("#a", "#A", "@#a", "#", "", "me", "bob", "bob,carol", "#a,#b", "*", "+b", "-b+o", "*!*@*", "bob!*@*", "="),
        *("9" * 30, "\x01ACTION x\x01", "\x01"),
    ]
) | st.text(max_size=8)
SOURCES = st.sampled_from(["", ":bob!u@h ", ":me!u@h ", ":irc.example ", ":!@ ", ":carol ", ":account/x!u@h ", ": "])
TAGS = st.sampled_from(
    [
        *("", "@time=2026-13-99T;msgid= ", "@time=0001-01-01T00:00:00Z;msgid=x ", "@time=9999-12-31T23:59:59.999-23:59 "),
        *("@+draft/react=x;+reply=y ", "@+typing=active ", "@account=*;bot "),
    ]
)
LIKELY = st.builds(
    lambda tags, source, command, words, last: f"{tags}{source}{command} {' '.join(words)} :{last}".encode("utf-8", "replace"),
    TAGS,
    SOURCES,
    st.sampled_from(COMMANDS),
    st.lists(WORDS, max_size=4),
    WORDS,
)


@given(st.lists(LIKELY | st.binary(max_size=80), max_size=12))
@example([b":bob!u@h KICK #a,#b x,y,z", b"MODE #a +bbbb", b":bob JOIN", b"353 me = #a : @ + !"])
def test_no_lines_raise_and_all_events_can_be_stored(raw: Sequence[bytes]) -> None:
    inbound = fresh()
    for event in feed(inbound, *raw):
        assert event.key.id and event.channel.id and event.author.id.id and event.happened_at.tzinfo is UTC
        assert decode_event(encode_event(event)) == event
        if isinstance(event.body, Message):
            assert event.body.text.plain.strip()


@given(st.lists(LIKELY, max_size=8))
def test_one_line_never_gives_two_events_one_key(raw: Sequence[bytes]) -> None:
    inbound = fresh()
    feed(inbound, ":irc 353 me = #a :bob carol", ":irc 353 me = #b :bob carol")
    for one in raw:
        keys = [event.key for event in feed(inbound, one)]
        assert len(keys) == len(set(keys))


def test_the_same_lines_give_the_same_keys_after_a_restart() -> None:
    said = ["@msgid=1 :bob!u@h JOIN #a", "@msgid=2 :bob!u@h PRIVMSG #a :x"]
    raw = [*said, ":i 332 me #a :t", ":i 333 me #a bob 1700000000", "@msgid=3 :bob!u@h QUIT"]
    assert [event.key for event in feed(fresh(), *raw)] == [event.key for event in feed(fresh(), *raw)]


@pytest.mark.parametrize("msgid", ["", "x" * 300, "a\\sb", "\\n"])
def test_a_msgid_that_can_be_none_is_not_used(msgid: str) -> None:
    (event,) = feed(fresh(), f"@msgid={msgid} :bob!u@h PRIVMSG #a :x")
    assert event.key.id == "f0"


@pytest.mark.parametrize(
    ("stamp", "happened"),
    [
        ("2026-01-01T00:00:00.500Z", datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-01T01:00:00.000+01:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-02T03:30:00.000Z", datetime(2026, 1, 2, 3, 30, tzinfo=UTC)),
        ("2027-01-01T00:00:00.000Z", NOW),
        ("yesterday", NOW),
        ("9999-12-31T23:59:59.999-23:59", NOW),
        ("0001-01-01T00:00:00+23:59", NOW),
    ],
)
def test_the_networks_clock_is_believed_within_reason(stamp: str, happened: datetime) -> None:
    (event,) = feed(fresh(), f"@time={stamp} :bob!u@h PRIVMSG #a :x")
    assert event.happened_at == happened


def test_an_operators_slip_does_not_ban_the_room() -> None:
    dropped: list[str] = []
    inbound = fresh(dropped=dropped.append)
    feed(inbound, ":i 353 me = #a :" + " ".join(f"n{number}!u@h" for number in range(21)))
    assert feed(inbound, ":op!u@h MODE #a +b *!*@*") == []
    assert dropped == ["ban of nobody known"]


def test_a_ban_never_means_ourselves() -> None:
    inbound = fresh()
    feed(inbound, ":i 353 me = #a :@me!u@h")
    assert feed(inbound, ":op!o@p MODE #a +b *!*@h", ":op!o@p MODE #a +b me!*@*") == []


def test_an_unban_names_who_was_banned_though_they_left() -> None:
    inbound = fresh()
    feed(inbound, ":i 353 me = #a :bob!u@h", ":op!o@p MODE #a +b *!*@h", ":op!o@p KICK #a bob :out")
    (event,) = feed(inbound, ":op!o@p MODE #a -b *!*@h")
    assert isinstance(event.body, Membership) and event.body.who.id.id == "bob"


def test_mode_arguments_are_taken_as_isupport_says() -> None:
    inbound = fresh()
    feed(inbound, ":i 353 me = #a :bob!u@h carol!v@g")
    events = feed(inbound, ":op!o@p MODE #a +kmlb-l secret 5 bob!*@*")
    assert [event.body.who.id.id for event in events if isinstance(event.body, Membership)] == ["bob"]


def test_who_is_in_a_channel_is_learnt_anew_when_we_join_again() -> None:
    inbound = fresh()
    feed(inbound, ":i 353 me = #a :bob carol", ":me!u@h JOIN #a", ":i 353 me = #a :me carol")
    assert feed(inbound, ":bob!u@h QUIT :x") == []
    assert len(feed(inbound, ":carol!u@h QUIT :x")) == 1


def test_joins_can_be_left_out_and_kicks_are_told_all_the_same() -> None:
    inbound = fresh(show_joins=False)
    events = feed(inbound, ":bob!u@h JOIN #a", ":carol!u@h JOIN #a", ":carol!u@h PART #a", ":op!u@h KICK #a bob :x")
    assert [type(event.body) for event in events] == [Membership]


def test_messages_to_ranks_are_passed_on_only_where_somebody_wants_that() -> None:
    dropped: list[str] = []
    assert feed(fresh(dropped=dropped.append), ":bob!u@h PRIVMSG @#a :secret") == []
    assert dropped == ["to ranks only"]
    (event,) = feed(fresh(to_ranks=True), ":bob!u@h PRIVMSG @#a :who kicked him?")
    assert isinstance(event.body, Message) and event.body.text.plain == "[@] who kicked him?"


def test_the_topic_is_told_again_only_when_it_is_another() -> None:
    inbound = fresh()
    shown = [":i 332 me #a :one", ":i 333 me #a bob 1700000000"]
    assert len(feed(inbound, *shown)) == 1
    assert feed(inbound, *shown) == []
    (event,) = feed(inbound, ":i 332 me #a :two", ":i 333 me #a bob 1700000001")
    assert event.body == ChannelChange(topic="two")


def test_a_private_line_of_a_stranger_makes_no_event_and_no_trouble() -> None:
    assert feed(fresh(), ":x!u@h PRIVMSG me :hello", ":x!u@h NOTICE * :hello", "PRIVMSG", ":x PRIVMSG #a") == []


def test_history_is_marked() -> None:
    line = parse(b":bob!u@h PRIVMSG #a :x")
    assert line is not None
    (event,) = fresh().events(line, NOW, "f", origin=Origin.HISTORY)
    assert event.origin is Origin.HISTORY


def signals(raw: str) -> tuple[object, ...]:
    line = parse(raw.encode())
    assert line is not None
    return fresh().signals(line)


def test_typing_and_away_are_signals() -> None:
    channel = ChannelId(NET, "#a")
    (typing,) = signals("@+typing=active :bob!u@h TAGMSG #A")
    assert isinstance(typing, Typing) and typing.channel == channel and typing.active
    (done,) = signals("@+typing=done :bob!u@h TAGMSG #A")
    assert isinstance(done, Typing) and not done.active
    (away,) = signals(":bob!u@h AWAY :lunch")
    assert isinstance(away, Presence) and (away.availability, away.status) == (Availability.AWAY, "lunch")
    (back,) = signals(":bob!u@h AWAY")
    assert isinstance(back, Presence) and back.availability is Availability.ONLINE
    assert signals(":me!u@h AWAY :x") == () == signals("@+typing=active :bob!u@h TAGMSG me")
