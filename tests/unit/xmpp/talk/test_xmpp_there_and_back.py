"""What is written is read as what it was: every message, answer, correction and reaction, over the wire and back."""

from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.xmpp.ids import by_id, place_of, sent_id
from adapters.xmpp.inbound import Occupant, Scene, events
from adapters.xmpp.outbound import message_for, split
from adapters.xmpp.stanza.clean import size_in_xml
from adapters.xmpp.stanza.said import Said, read_message
from adapters.xmpp.stanza.styled import from_html
from adapters.xmpp.wire.markup import written
from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import Rejected
from bridge.contract.features import Features, Limits, Voice, VoiceKind
from bridge.model.events import Attachment, Body, Edit, Event, Media, Message, Reactions, Redaction, Ref, Style, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.text.escape import strip_controls
from bridge.text.plain import one_line

NET = NetworkName("jabber")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
ROOM, DIRECT = "den@muc.example", "direct/bob@x.org@me"
ALICE = Identity(id=IdentityId(HUB, "@alice:x.org"), profile=Profile(name="Alice"))
THERE = Identity(id=IdentityId(NET, f"{ROOM}#occ"), profile=Profile(name="Alice"))
BOB = Identity(id=IdentityId(NET, f"{ROOM}#bob"), profile=Profile(name="bob > builder:"))
TEXT = st.text(alphabet=st.one_of(st.characters(codec=None, categories=None), st.sampled_from("*_~`> \n/me")), max_size=60)


def delivery(body: Body, channel: str = ROOM, **more: object) -> Delivery:
    plain = Delivery(
        id="0" * 32,
        channel=ChannelId(NET, channel),
        event=EventKey(HUB, "$e"),
        author=ALICE,
        voice=Voice(kind=VoiceKind.PUPPET, name="Alice"),
        body=body,
        happened_at=NOW,
        accepted_at=NOW,
    )
    return replace(plain, **more)


def seen(sent: Delivery) -> list[Event]:
    """What somebody else's bridge would make of it, in the room."""
    room = place_of(sent.channel.id).is_room
    address = place_of(sent.channel.id).jid
    raw = written(message_for(sent, address, sender="alice@m.x/b"))
    said = read_message(fromstring(raw.replace("<message", "<message xmlns='jabber:client'", 1)))
    assert isinstance(said, Said)
    said = replace(said, sender=f"{ROOM}/Alice" if room else "bob@x.org/p", stanza_ids={ROOM: "S1"} if room else {})
    scene = Scene(
        network=NET,
        place=place_of(sent.channel.id),
        me="me@home.example",
        now=NOW,
        stanza_ids=room,
        occupant={"Alice": Occupant(who=THERE)}.get,
        dropped=pytest.fail,
    )
    return [one for one in events(said, scene) if isinstance(one, Event)]


def plainly(text: str) -> str:
    return strip_controls(text).strip("\n").rstrip()


@given(TEXT, st.sampled_from([ROOM, DIRECT]))
def test_words_come_through_as_they_were_said(text: str, channel: str) -> None:
    sent = delivery(Message(text=Text(plain=text)), channel)
    if not plainly(text).strip():
        with pytest.raises(Rejected):
            message_for(sent, ROOM)
        return
    (event,) = seen(sent)
    assert isinstance(event.body, Message)
    assert event.body.text.plain.removeprefix(" ") == plainly(text).removeprefix(" ")
    assert (event.body.text.html, event.body.style, event.body.reply_to) == (None, Style.SAY, None)


@given(TEXT.filter(lambda text: bool(plainly(text).strip())), TEXT)
def test_an_answer_comes_through_without_its_quote(text: str, quoted: str) -> None:
    ref = Ref(key=EventKey(NET, by_id(ROOM, "S0")), author=BOB, excerpt=quoted)
    target = Target(event=ref.key, ids=(ref.key.id,), author=BOB, ours=False)
    (event,) = seen(delivery(Message(text=Text(plain=text), reply_to=ref), reply_to=target))
    assert isinstance(event.body, Message) and event.body.reply_to is not None
    assert event.body.reply_to.key == ref.key
    assert event.body.text.plain.removeprefix(" ") == plainly(text).removeprefix(" ")


@given(TEXT.filter(lambda text: bool(plainly(text).strip())), TEXT)
def test_a_warning_comes_through_beside_the_words(text: str, warning: str) -> None:
    (event,) = seen(delivery(Message(text=Text(plain=text), warning=warning)))
    assert isinstance(event.body, Message)
    assert event.body.warning == (one_line(warning) or "spoiler")
    assert event.body.text.plain.removeprefix(" ") == plainly(text).removeprefix(" ")


@given(TEXT, TEXT)
def test_a_file_comes_through_with_its_name_and_alone(name: str, alt: str) -> None:
    file = Attachment(
        source="https://x.org/a%20b.png?x=1&y=2", name=name or "x", media=Media.IMAGE, type="image/png", size=7, alt=alt
    )
    (event,) = seen(delivery(Message(text=Text(plain=""), attachments=(file,))))
    assert isinstance(event.body, Message) and event.body.text.plain == ""
    (found,) = event.body.attachments
    assert (found.source, found.media, found.type, found.size) == (file.source, file.media, file.type, 7)
    assert found.name == (one_line(file.name) or "a b.png")
    assert (found.alt or "") == strip_controls(alt).strip()


def test_an_action_stays_one_and_what_looks_like_one_does_not_become_one() -> None:
    for style, text in ((Style.EMOTE, "waves"), (Style.SAY, "/me waves")):
        (event,) = seen(delivery(Message(text=Text(plain=text), style=style)))
        assert isinstance(event.body, Message)
        assert (event.body.style, event.body.text.plain.strip()) == (style, text)


def ours(channel: str) -> Target:
    where, who = (ROOM, THERE.id.id) if channel == ROOM else ("me@home.example&bob@x.org", "bob@x.org")
    ids = (sent_id(where, who, "f" * 32), *((by_id(ROOM, "S0"),) if channel == ROOM else ()))
    return Target(event=EventKey(HUB, "$first"), ids=ids, author=ALICE)


@pytest.mark.parametrize("channel", [ROOM, DIRECT])
def test_a_correction_and_a_retraction_name_the_message_they_are_of(channel: str) -> None:
    target = ours(channel)
    ref = Ref(key=target.event)
    (edit,) = seen(delivery(Edit(target=ref, message=Message(text=Text(plain="fixed"))), channel, target=target))
    assert isinstance(edit.body, Edit) and edit.body.target.key.id == target.ids[0]
    (gone,) = seen(delivery(Redaction(target=ref), channel, target=target))
    assert isinstance(gone.body, Redaction) and gone.body.target.key.id == target.ids[-1]


@given(st.lists(TEXT, max_size=5))
def test_a_set_of_reactions_comes_through_whole(keys: list[str]) -> None:
    target = ours(ROOM)
    (event,) = seen(delivery(Reactions(target=Ref(key=target.event), keys=tuple(keys)), target=target))
    assert isinstance(event.body, Reactions) and event.body.target.key.id == target.ids[-1]
    if all(one_line(key) and len(key) < 8 for key in keys):
        assert event.body.keys == tuple(dict.fromkeys(one_line(key) for key in keys))


@given(st.text(st.sampled_from("&<>\"'ab \n👍*"), max_size=2_000), st.booleans(), st.integers(256, 600))
def test_no_part_is_larger_than_the_limit_and_no_word_is_lost(text: str, rich: bool, limit: int) -> None:
    html = f"<p><strong>{text.replace('&', '&amp;').replace('<', '&lt;')}</strong></p>" if rich else None
    voice = Voice(kind=VoiceKind.PUPPET, name="Alice")
    parts = split(Message(text=Text(plain=text, html=html)), voice, Features(levels={}, limits=Limits(text=limit)))
    assert parts
    for part in parts:
        assert size_in_xml(part.text.plain if part.text.html is None else from_html(part.text.html)) <= limit
    if not rich:
        assert "".join("".join(part.text.plain.split()) for part in parts) == "".join(text.split())


def test_files_go_alone_and_words_before_them() -> None:
    files = tuple(Attachment(source=f"https://x.org/{n}", name=str(n)) for n in range(2))
    voice, features = Voice(kind=VoiceKind.PUPPET, name="Alice"), Features(levels={})
    parts = split(Message(text=Text(plain="look"), attachments=files), voice, features)
    assert [(part.text.plain, len(part.attachments)) for part in parts] == [("look", 0), ("", 1), ("", 1)]
    assert [len(part.attachments) for part in split(Message(text=Text(plain=""), attachments=files), voice, features)] == [1, 1]
