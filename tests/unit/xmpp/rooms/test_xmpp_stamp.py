"""Our mark in the ids of what we say in rooms."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.xmpp.rooms.stamp import Stamp

_STAMP = Stamp("secret")


@given(delivery=st.text(min_size=1), room=st.text())
def test_what_is_put_is_read_again(delivery: str, room: str) -> None:
    assert _STAMP.read(_STAMP.put(delivery, room), room) == delivery


@given(id=st.text() | st.none(), room=st.text())
def test_what_others_call_their_messages_is_not_ours(id: str | None, room: str) -> None:
    assert _STAMP.read(id, room) is None


@given(st.data())
def test_an_id_of_ours_changed_by_one_letter_is_not_ours(data: st.DataObject) -> None:
    ours = _STAMP.put("0123456789abcdef", "tea@rooms.example.org")
    place = data.draw(st.integers(0, len(ours) - 1))
    letter = data.draw(st.characters(exclude_characters=ours[place]))
    assert _STAMP.read(ours[:place] + letter + ours[place + 1 :], "tea@rooms.example.org") is None


def test_a_mark_is_for_one_room_and_one_secret() -> None:
    ours = _STAMP.put("0123456789abcdef", "tea@rooms.example.org")
    assert _STAMP.read(ours, "coffee@rooms.example.org") is None
    assert Stamp("another").read(ours, "tea@rooms.example.org") is None
