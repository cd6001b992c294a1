"""Who is who: nick changes are the same person, and nobody becomes somebody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from adapters.irc.ids import Roster, channel_id, fold, matches
from bridge.model.ids import HUB, ChannelId, IdentityId, NetworkName

NET = NetworkName("local")


def name_of(roster: Roster, nick: str, account: str | None = None) -> str:
    return roster.identity(nick, "user", "host", account).id.id


@pytest.mark.parametrize(
    ("mapping", "folded"),
    [
        ("ascii", "nick[]\\~"),
        ("rfc1459", "nick{}|^"),
        ("rfc1459-strict", "nick{}|~"),
        ("strict-rfc1459", "nick{}|~"),
        ("rfc7613", "nick[]\\~"),
        ("what is this", "nick{}|^"),
    ],
)
def test_names_fold_as_the_server_says(mapping: str, folded: str) -> None:
    assert fold("NICK[]\\~", mapping) == folded
    assert fold(folded, mapping) == folded


def test_channels_that_are_one_to_the_server_are_one_to_us() -> None:
    assert channel_id(NET, "#Lobby[1]") == ChannelId(NET, "#lobby{1}")
    assert channel_id(NET, "#ÜBER", "rfc7613").id == "#über" != channel_id(NET, "#ÜBER", "ascii").id


@given(st.text(), st.sampled_from(["ascii", "rfc1459", "rfc1459-strict", "rfc7613"]))
def test_folding_twice_is_folding_once(text: str, mapping: str) -> None:
    assert fold(fold(text, mapping), mapping) == fold(text, mapping)


def test_a_nick_change_is_the_same_person() -> None:
    roster = Roster(NET)
    roster.join("#a", "Alice")
    before = roster.identity("alice")
    after = roster.rename("Alice", "Alice|away")
    assert (before.id, before.name, after.id, after.name) == (after.id, "Alice", before.id, "Alice|away")
    assert roster.nick_of(before.id) == "Alice|away"


def test_an_account_known_at_first_sight_is_the_identity_and_a_later_one_is_not() -> None:
    roster = Roster(NET)
    assert name_of(roster, "alice", "AliceAcc") == "account/aliceacc"
    assert name_of(roster, "bob") == "bob"
    assert name_of(roster, "bob", "bobacc") == "bob"
    assert name_of(Roster(NET, identify_by="nick"), "alice", "AliceAcc") == "alice"


def test_a_list_of_names_fixes_nothing_so_accounts_are_the_same_after_a_restart() -> None:
    roster = Roster(NET)
    roster.join("#a", "alice")
    assert name_of(roster, "alice", "acc") == "account/acc"


def test_who_takes_the_nick_of_somebody_renamed_is_not_that_person() -> None:
    roster = Roster(NET)
    roster.join("#a", "alice")
    assert name_of(roster, "alice") == "alice"
    roster.rename("alice", "away")
    roster.join("#a", "alice")
    assert name_of(roster, "alice") == "alice/2"
    assert name_of(roster, "away") == "alice"


def test_the_identity_of_who_has_left_is_free_again() -> None:
    roster = Roster(NET)
    roster.join("#a", "alice")
    name_of(roster, "alice")
    roster.rename("alice", "away")
    roster.quit("away")
    roster.join("#a", "alice")
    assert name_of(roster, "alice") == "alice"


def test_a_stranger_long_gone_does_not_keep_the_name_from_its_owner() -> None:
    roster = Roster(NET)
    name_of(roster, "alice")
    roster.rename("alice", "ghost")
    roster.join("#a", "alice")
    assert name_of(roster, "alice") == "alice"


def test_two_sessions_of_one_account_are_two_identities() -> None:
    roster = Roster(NET)
    roster.join("#a", "phone", account="acc")
    roster.join("#a", "desk", account="acc")
    assert (name_of(roster, "phone"), name_of(roster, "desk")) == ("account/acc", "desk")


@pytest.mark.parametrize("nick", ["account/root", "nick/account/root", "Account/Root"])
def test_a_relayed_name_cannot_pose_as_an_account(nick: str) -> None:
    roster = Roster(NET)
    assert name_of(roster, nick) != "account/root"
    roster.join("#a", "root", account="root")
    assert name_of(roster, "root", "root") == "account/root"


def test_quit_and_part_know_the_channels() -> None:
    roster = Roster(NET)
    for channel in ("#B", "#a"):
        roster.join(channel, "alice")
    assert roster.channels_of("ALICE") == ("#a", "#b")
    roster.part("#A", "alice")
    assert roster.channels_of("alice") == ("#b",)
    assert roster.is_member("#b", "Alice") and not roster.is_member("#a", "alice")
    roster.quit("alice")
    assert roster.channels_of("alice") == ()


def test_leaving_a_channel_ourselves_forgets_who_is_in_it_but_not_who_they_are() -> None:
    roster = Roster(NET)
    roster.join("#a", "alice", account="acc")
    known = roster.identity("alice").id
    roster.leave("#a")
    assert roster.members("#a") == ()
    assert roster.identity("alice").id == known
    roster.join("#a", "alice")
    roster.restart("rfc1459")
    assert roster.members("#a") == ()


def renamed() -> Roster:
    roster = Roster(NET)
    roster.join("#a", "alice", "u", "h")
    roster.identity("alice")
    roster.rename("alice", "away")
    roster.restart("rfc1459")
    return roster


def test_who_was_renamed_before_a_reconnect_is_known_again() -> None:
    roster = renamed()
    roster.join("#a", "away")
    assert roster.identity("away", "u", "h").id.id == "alice"


@pytest.mark.parametrize(("user", "host", "account"), [("u", "elsewhere", None), ("x", "h", None), ("u", "h", "mallory")])
def test_who_took_the_nick_of_somebody_renamed_while_we_were_away_is_not_them(user: str, host: str, account: str | None) -> None:
    roster = renamed()
    if account:
        roster.session("away").account = "alice"
    roster.join("#a", "away")
    assert roster.identity("away", user, host, account).id.id != "alice"


def test_an_account_is_who_they_are_whatever_the_address_after_a_reconnect() -> None:
    roster = Roster(NET)
    roster.join("#a", "alice", "u", "h", "acc")
    roster.identity("alice")
    roster.restart("rfc1459")
    roster.join("#a", "alice")
    assert roster.identity("alice", "u", "elsewhere", "acc").id.id == "account/acc"


def test_another_casemapping_after_a_reconnect_starts_the_books_anew() -> None:
    roster = renamed()
    roster.restart("ascii")
    roster.join("#a", "away")
    assert roster.identity("away", "u", "h").id.id == "away"


def test_only_identities_of_this_network_have_a_nick() -> None:
    roster = Roster(NET)
    name_of(roster, "alice")
    assert roster.nick_of(IdentityId(NET, "alice")) == "alice"
    assert roster.nick_of(IdentityId(HUB, "alice")) is None
    assert roster.nick_of(IdentityId(NET, "bob")) is None


def test_memory_is_bounded_whatever_the_network_says() -> None:
    roster = Roster(NET, strangers=10, most=100)
    for number in range(1000):
        name_of(roster, f"stranger{number}")
    assert sum(roster.nick_of(IdentityId(NET, f"stranger{number}")) is not None for number in range(1000)) == 10
    for number in range(1000):
        roster.join("#a", f"member{number}")
    assert len(roster.members("#a")) == 100


@pytest.mark.parametrize(
    ("mask", "source", "meant"),
    [
        ("bob!*@*", "bob!u@h", True),
        ("BOB!*@*", "bob!u@h", True),
        ("b?b!*@*", "bob!u@h", True),
        ("*!*@10.*", "bob!u@10.1.2.3", True),
        ("*!*@10.*", "bob!u@11.1.2.3", False),
        ("*!u*@*h", "bob!user@hh", True),
        ("bob", "bob!u@h", False),
        ("[a]!*@*", "{A}!u@h", True),
        ("*a*b*c*", "xxabxxc", True),
        ("*a*b*c", "abcb", False),
        ("*.*", "xyz", False),
    ],
)
def test_ban_masks_mean_whom_the_server_means(mask: str, source: str, meant: bool) -> None:
    assert matches(mask, source) is meant


def test_a_hostile_mask_is_not_slow() -> None:
    assert not matches("*a" * 100, "a" * 90 + "b" * 400)


NICKS = st.sampled_from(["alice", "Bob", "carol", "account/x", "alice/2", "[z]"])
CHANNELS = st.sampled_from(["#a", "#B", "#c"])
ACCOUNTS = st.sampled_from([None, "x", "alice", "*"])


class Network(RuleBasedStateMachine):
    """Random comings and goings, against the plainest model: nick → (identity, channels)."""

    def __init__(self) -> None:
        super().__init__()
        self.roster = Roster(NET)
        self.here: dict[str, set[str]] = {}
        self.fixed: dict[str, str] = {}

    @rule(channel=CHANNELS, nick=NICKS, account=ACCOUNTS)
    def join(self, channel: str, nick: str, account: str | None) -> None:
        self.roster.join(channel, nick, "u", "h", account)
        self.here.setdefault(fold(nick), set()).add(fold(channel))

    @rule(nick=NICKS, account=ACCOUNTS)
    def speak(self, nick: str, account: str | None) -> None:
        if fold(nick) in self.here:
            who = self.roster.identity(nick, "u", "h", account).id.id
            assert self.fixed.setdefault(fold(nick), who) == who

    @rule(old=NICKS, new=NICKS)
    def rename(self, old: str, new: str) -> None:
        if fold(old) in self.here and (fold(new) not in self.here or fold(old) == fold(new)):
            who = self.roster.rename(old, new).id.id
            assert self.fixed.pop(fold(old), who) == who
            self.fixed[fold(new)] = who
            self.here[fold(new)] = self.here.pop(fold(old))

    @rule(nick=NICKS)
    def leave_network(self, nick: str) -> None:
        self.roster.quit(nick)
        self.here.pop(fold(nick), None)
        self.fixed.pop(fold(nick), None)

    @invariant()
    def nobody_shares_an_identity(self) -> None:
        ids = [self.fixed[nick] for nick in self.fixed]
        assert len(ids) == len(set(ids))

    @invariant()
    def channels_agree(self) -> None:
        for nick, channels in self.here.items():
            assert self.roster.channels_of(nick) == tuple(sorted(channels))


TestNetwork = Network.TestCase
