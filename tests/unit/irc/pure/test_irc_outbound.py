"""Lines out: exactly one, within the limit, and never a second command."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.irc.outbound import RELAY_NICK_BYTES, OutLine, State, line_for, relay_nick
from adapters.irc.wire.line import encode, parse
from bridge.contract.delivery import Target
from bridge.contract.errors import Rejected
from bridge.contract.features import Voice, VoiceKind
from bridge.model.events import (
    Body,
    ChannelChange,
    Edit,
    Membership,
    Mention,
    Message,
    Move,
    ProfileChange,
    Reactions,
    Redaction,
    Ref,
    Style,
    Text,
)
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId
from bridge.model.people import Identity, Profile
from tests.unit.irc.pure.deliveries import ALICE, NETWORK, delivery

NASTY = st.text() | st.lists(
    st.sampled_from(["\r", "\n", "\0", "\x01", " ", ":", "x", ",", "é", "\u2028", "\x85", "\ud800", "/"])
).map("".join)
REF = Ref(key=EventKey(NETWORK, "m1"))
BODIES: st.SearchStrategy[Body] = st.one_of(
    st.builds(
        lambda plain, html, style: Message(text=Text(plain=plain, html=html), style=style),
        NASTY,
        st.none() | NASTY,
        st.sampled_from(Style),
    ),
    st.builds(lambda topic: ChannelChange(topic=topic), NASTY),
    st.builds(lambda reason: Redaction(target=REF, reason=reason), NASTY),
    st.builds(lambda keys: Reactions(target=REF, keys=tuple(keys)), st.lists(NASTY)),
    st.builds(
        lambda move, reason: Membership(who=Identity(id=IdentityId(NETWORK, "bob")), move=move, reason=reason),
        st.sampled_from(Move),
        NASTY,
    ),
)


@given(BODIES, NASTY, NASTY, NASTY, NASTY, st.sampled_from(VoiceKind), st.booleans(), NASTY)
def test_whatever_is_said_one_line_goes_out_and_it_is_the_one_meant(
    body: Body, name: str, prefix: str, native: str, nick: str, kind: VoiceKind, repeat: bool, channel: str
) -> None:
    given_to = delivery(
        body,
        channel=ChannelId(NETWORK, f"#{channel}"),
        voice=Voice(kind=kind, name=name, prefix=prefix),
        target=Target(event=REF.key, ids=(native,)),
        reply_to=Target(event=REF.key, ids=(native,)),
        repeat=repeat,
    )
    state = State(message_tags=True, relaymsg="/", redact=True, op=True, nick_of=lambda who: nick)
    try:
        out = line_for(given_to, state)
    except Rejected:
        return
    wire = encode(out.command, out.params, out.tags)
    assert wire.endswith(b"\r\n") and not set(wire[:-2]) & set(b"\r\n\0")
    read = parse(wire[:-2])
    assert read is not None and (read.command, read.params[: len(out.params) - 1]) == (out.command, out.params[:-1])
    assert len(read.params) == len(out.params)


@given(NASTY, st.integers(64, 400), st.sampled_from(Style), st.booleans(), NASTY)
def test_a_line_fits_even_if_the_limit_shrank_since_it_was_split(
    plain: str, limit: int, style: Style, repeat: bool, prefix: str
) -> None:
    voice = Voice(kind=VoiceKind.PREFIX, name="x", prefix=prefix)
    body = Message(text=Text(plain=plain * 20), style=style)
    try:
        out = line_for(delivery(body, voice=voice, repeat=repeat), State(limit=limit))
    except Rejected:
        return
    assert len(out.params[1].encode()) <= limit


BARE = State()


def refusal(body: Body, state: State = BARE, **changes: object) -> str:
    with pytest.raises(Rejected) as refused:
        line_for(delivery(body, **changes), state)
    return refused.value.reason


@pytest.mark.parametrize("name", ["", ":x", "#a b", "#a,b", "#a\r\nQUIT", "#a\0"])
def test_a_name_that_is_no_channel_is_refused(name: str) -> None:
    assert "no channel" in refusal(Message(text=Text(plain="x")), channel=ChannelId(NETWORK, name))


@pytest.mark.parametrize(
    "body",
    [
        Message(text=Text(plain=" \r\n\0")),
        Message(text=Text(plain="", html="<p></p>")),
        Edit(target=REF, message=Message(text=Text(plain="x"))),
        ChannelChange(name="x"),
        ProfileChange(who=ALICE.id, profile=Profile(name="x")),
        Reactions(target=REF, keys=("x",)),
        Redaction(target=REF),
        Membership(who=ALICE, move=Move.JOIN),
        Membership(who=ALICE, move=Move.KICK),
    ],
)
def test_what_has_no_line_is_refused_in_words(body: Body) -> None:
    assert " " in refusal(body)


@pytest.mark.parametrize("move", [Move.KICK, Move.BAN, Move.UNBAN])
def test_only_an_operator_throws_out(move: Move) -> None:
    bob = Identity(id=IdentityId(NETWORK, "bob"), profile=Profile(name="bob"))
    body = Membership(who=bob, move=move)
    assert "no operator" in refusal(body, State(nick_of=lambda who: "bob"))
    assert line_for(delivery(body), State(op=True, nick_of=lambda who: "bob")).params[:2] in (
        ("#lobby", "bob"),
        ("#lobby", "+b"),
        ("#lobby", "-b"),
    )


def test_a_mention_is_not_renamed_where_it_would_not_fit() -> None:
    bob = Identity(id=IdentityId(NETWORK, "bob"))
    body = Message(text=Text(plain="Bob " + "x" * 40), mentions=(Mention(who=bob, text="Bob"),))
    out = line_for(delivery(body), State(limit=64, nick_of=lambda who: "n" * 30))
    assert out.params[1] == "<Alice> Bob " + "x" * 40


def test_a_mention_is_renamed_where_it_stands_alone() -> None:
    al = Identity(id=IdentityId(NETWORK, "al"))
    body = Message(text=Text(plain="also Al: really"), mentions=(Mention(who=al, text="Al"),))
    assert line_for(delivery(body), State(nick_of=lambda who: "al\\1")).params[1] == "<Alice> also al\\1: really"


def test_only_the_mark_tells_a_repeat_from_the_first_try() -> None:
    body = Message(text=Text(plain="hi"), style=Style.EMOTE)
    voice = Voice(kind=VoiceKind.PUPPET, name="Alice")
    first, again = (line_for(delivery(body, voice=voice, repeat=repeat), State()) for repeat in (False, True))
    assert first == OutLine("PRIVMSG", ("#lobby", "\x01ACTION hi\x01"))
    assert again == OutLine("PRIVMSG", ("#lobby", "\x01ACTION (possible repeat) hi\x01"))


@given(NASTY, NASTY.filter(bool))
@example(name="", network="a" + "\U00010000" * 12)
def test_a_relayed_name_cannot_be_a_nick_nor_break_the_line(name: str, network: str) -> None:
    author = Identity(id=IdentityId(type(HUB)(network), "x"))
    nick = relay_nick(delivery(Message(text=Text(plain="x")), author=author, voice=Voice(kind=VoiceKind.NAME, name=name)), "/")
    assert nick.count("/") == 1 and len(nick.encode()) <= RELAY_NICK_BYTES
    assert not set(nick) & set(" !@*?,:\r\n\0") and nick[0] not in "-/"
