"""The registration file: written, read, compared, and never leaking."""

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.settings import BridgeSettings, HomeserverSettings, NetworkSettings, Settings
from bridge.matrix import plain_yaml
from bridge.matrix.registration import (
    Namespace,
    Namespaces,
    Registration,
    RegistrationError,
    make,
    make_double_puppet,
    ownership,
    problems,
    read,
    tokens,
    write,
)
from bridge.model.ids import NetworkName

LIBERA = NetworkName("libera")
SETTINGS = Settings(
    bridge=BridgeSettings(public_url="http://bridge:29320"),
    homeserver=HomeserverSettings(domain="example.org"),
    networks={LIBERA: NetworkSettings(name=LIBERA, adapter="irc", config=None)},
)


def changed(registration: Registration, **changes: Any) -> Registration:
    fields = {name: getattr(registration, name) for name in registration.__struct_fields__}
    return Registration(**(fields | changes))


def test_what_is_written_is_read_again_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "registration.yaml"
    registration = make(SETTINGS)
    write(registration, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read(path) == registration
    assert problems(registration, SETTINGS) == []


def test_a_file_is_not_overwritten_by_mistake(tmp_path: Path) -> None:
    path = tmp_path / "registration.yaml"
    write(make(SETTINGS), path)
    with pytest.raises(RegistrationError, match="there already"):
        write(make(SETTINGS), path)
    second = make(SETTINGS)
    write(second, path, replace=True)
    assert read(path) == second


def test_namespaces_hold_our_names_and_nobody_elses() -> None:
    users = [re.compile(space.regex) for space in make(SETTINGS).namespaces.users]
    for user in ("@_libera_bob:example.org", "@unabridged:example.org"):
        assert any(pattern.fullmatch(user) for pattern in users)
    for user in ("@_oftc_bob:example.org", "@alice:example.org", "@_libera_bob:exampleXorg", "@unabridgedx:example.org"):
        assert not any(pattern.fullmatch(user) for pattern in users)


def test_the_double_puppet_registration_excludes_nobody() -> None:
    second = make_double_puppet(SETTINGS)
    assert second.url is None
    assert [space.exclusive for space in second.namespaces.users] == [False]
    assert json.dumps(None) in plain_yaml.dump({"url": second.url})


def test_tokens_come_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "registration.yaml"
    registration, second = make(SETTINGS), make_double_puppet(SETTINGS)
    write(registration, path)
    write(second, tmp_path / "double-puppet.yaml")
    found = tokens(path, {})
    assert (found.appservice, found.homeserver) == (registration.as_token, registration.hs_token)
    assert (found.bot, found.appservice_id, found.double_puppet) == ("unabridged", "unabridged", second.as_token)


def test_tokens_of_the_environment_win_and_need_no_file(tmp_path: Path) -> None:
    environment = {"UNABRIDGED_AS_TOKEN": "a", "UNABRIDGED_HS_TOKEN": "h", "UNABRIDGED_DOUBLE_PUPPET_TOKEN": "d"}
    found = tokens(tmp_path / "missing.yaml", environment)
    assert (found.appservice, found.homeserver, found.double_puppet) == ("a", "h", "d")
    write(make(SETTINGS), tmp_path / "registration.yaml")
    assert tokens(tmp_path / "registration.yaml", {"UNABRIDGED_AS_TOKEN": "a"}).appservice == "a"


def test_no_token_is_shown() -> None:
    registration = make(SETTINGS, token=lambda: "s3cret")
    assert "s3cret" not in repr(registration)
    assert "s3cret" not in str(problems(registration, SETTINGS))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id: x", "is no registration: Object missing required field"),
        ("- 1", "is no registration"),
        ("id: 'x", "line 1: the quotes do not match"),
        ("id: x\n  url: y", "line 2: the indentation fits nothing above"),
        ("id: x\nid: y", "line 2: id is there twice"),
        ("id: |\n  x", "line 1: '|' begins something too rich"),
        ("\tid: x", "line 1: a tab"),
        ("{", "Expecting property name"),
        ("", "is no registration"),
    ],
)
def test_a_bad_file_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "registration.yaml"
    path.write_text(text)
    with pytest.raises(RegistrationError, match=re.escape(words)):
        read(path)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RegistrationError, match="unabridged registration"):
        read(tmp_path / "registration.yaml")


def test_a_file_that_an_operator_edited_is_read(tmp_path: Path) -> None:
    path = tmp_path / "registration.yaml"
    path.write_text(
        """# mine
id: unabridged   # the id
url: 'http://localhost:29320'
as_token: abc#def
hs_token: "d\\u0065f"
sender_localpart: unabridged
rate_limited: no
namespaces:
  users:
  - exclusive: true
    regex: '@_libera_.*:example\\.org'
  -
    regex: "@unabridged:.*"   # all
  aliases: [{"regex": "#_libera_.*", "exclusive": true}]
  rooms: []
org.example.extra:
  deep: [1, 2]
protocols: ["irc"]
"""
    )
    found = read(path)
    assert (found.id, found.url, found.as_token, found.hs_token) == ("unabridged", "http://localhost:29320", "abc#def", "def")
    assert [space.regex for space in found.namespaces.users] == [r"@_libera_.*:example\.org", "@unabridged:.*"]
    assert found.namespaces.aliases == (Namespace(regex="#_libera_.*"),)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": None}, "the homeserver will push nothing"),
        ({"url": "http://old:1"}, "its url is http://old:1"),
        ({"hs_token": ""}, "must both be set and differ"),
        ({"rate_limited": True}, "rate_limited is true"),
        ({"receive_ephemeral": False, "push_ephemeral": False}, "typing and read receipts"),
        ({"protocols": ()}, "protocols lacks irc"),
        ({"namespaces": Namespaces()}, "namespaces.users has no exclusive"),
        ({"namespaces": Namespaces(users=(Namespace(regex="@_libera_(.*"),))}, "no regular expression"),
        ({"namespaces": Namespaces(users=(Namespace(regex="@.*"),))}, "claims ordinary people"),
    ],
)
def test_a_registration_that_parted_from_the_settings_is_told(changes: dict[str, Any], words: str) -> None:
    assert any(words in problem for problem in problems(changed(make(SETTINGS), **changes), SETTINGS))


def test_ownership_knows_puppets_and_bot_only() -> None:
    ours = ownership(SETTINGS.networks, "unabridged", "example.org")
    assert ours("@_libera_bob:example.org") and ours("@unabridged:example.org")
    for user in (
        "@_oftc_bob:example.org",
        "@alice:example.org",
        "@_libera_bob:evil.org",
        "@_libera_x:evil.org\n:example.orgx",
        "",
    ):
        assert not ours(user)
    assert ownership({}, "unabridged", "h")("@unabridged:h") and not ownership({}, "unabridged", "h")("@:h")


SCALARS = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=9
)
TREES = st.dictionaries(st.text(max_size=8), VALUES, min_size=1)


@given(TREES)
def test_yaml_comes_back_as_it_went(tree: dict[str, Any]) -> None:
    assert plain_yaml.load(plain_yaml.dump(tree)) == tree


def test_other_readers_of_yaml_see_the_same() -> None:
    assert plain_yaml.dump({"on": "no", "a b": "\U0001f600é\x85\ufeff", "n": []}) == (
        '"on": "no"\n"a b": "\U0001f600é\\u0085\\ufeff"\n"n": []\n'
    )


@given(st.text() | st.text(alphabet=" -:#'\"[]{}\nab|&"))
def test_no_text_breaks_the_yaml_reader(text: str) -> None:
    try:
        plain_yaml.load(text)
    except plain_yaml.YamlError as error:
        assert str(error)
