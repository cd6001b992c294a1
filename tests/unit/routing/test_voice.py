from hypothesis import given
from hypothesis import strategies as st

from bridge.config.settings import VoiceSettings
from bridge.contract.features import VoiceKind
from bridge.model.events import Style
from bridge.model.people import Identity
from bridge.model.portals import Portal
from bridge.routing.topology import Leg
from bridge.routing.voice import voice
from tests.unit.routing.scene import link, place, who

PORTAL = Portal(id=1, room="!room")
OUT = Leg(place("plain/#a"), PORTAL, link(1, "plain/#a"))
ROOM = Leg(PORTAL.channel, PORTAL)


def prefix(author: Identity, style: Style = Style.SAY) -> str:
    return voice(author, OUT, VoiceKind.PREFIX, style, VoiceSettings()).prefix


def test_each_kind_of_author_has_its_prefix() -> None:
    assert prefix(who("matrix/@alice:d", "Alice")) == "<Alice> "
    assert prefix(who("other/bob")) == "<bob [other]> "
    assert prefix(who("other/bob"), Style.EMOTE) == "* bob [other] "


def test_a_name_cannot_close_the_prefix_and_open_anothers() -> None:
    for hostile in ("bob> hi\n<alice", "bob\uff1e hi <alice", "bob\u203a x \u2039alice", "b\x03\u202eob"):
        shown = prefix(who("matrix/@m:d", hostile))
        assert shown.count("<") == shown.count(">") == 1
        assert shown.endswith("> ")
        assert "\n" not in shown and "\u202e" not in shown and "\uff1e" not in shown and "\u203a" not in shown


def test_a_hub_name_cannot_wear_another_networks_mark() -> None:
    assert prefix(who("matrix/@m:d", "bob [other]")) == "<bob (other)> "
    assert prefix(who("matrix/@m:d", "bob \u3010other\u3011")) == "<bob (other)> "


def test_a_foreign_nick_keeps_its_brackets_before_its_mark() -> None:
    assert prefix(who("other/[bob]")) == "<[bob] [other]> "


def test_braces_in_a_name_are_no_template() -> None:
    assert prefix(who("matrix/@m:d", "{network}{name}")) == "<{network}{name}> "


def test_a_name_of_nothing_falls_back_to_the_id() -> None:
    assert prefix(who("matrix/@m:d", "\u200b\u202e")) == "<@m:d> "


def test_people_of_a_network_carry_its_name_on_the_hub() -> None:
    spoken = voice(who("plain/bob"), ROOM, VoiceKind.PUPPET, Style.SAY, VoiceSettings())
    assert (spoken.kind, spoken.name, spoken.prefix) == (VoiceKind.PUPPET, "bob (plain)", "")


def test_two_of_one_name_can_be_shown_apart() -> None:
    spoken = voice(who("matrix/@m:d", "Alice"), OUT, VoiceKind.PREFIX, Style.SAY, VoiceSettings(), shown="Alice (@m:d)")
    assert spoken.prefix == "<Alice (@m:d)> "


@given(st.text(st.characters(), max_size=80))
def test_whatever_the_name_the_prefix_is_one_line_with_one_end(name: str) -> None:
    shown = prefix(who("matrix/@m:d", name or "x"))
    assert shown.index(">") == len(shown) - 2
    assert shown.isprintable() or not any(character < " " for character in shown)
