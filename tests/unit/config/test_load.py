"""Reading `bridge.toml`: what is right is typed, what is wrong is told with file, line, key and the nearest valid name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.load import load
from bridge.config.problems import ConfigError
from bridge.config.settings import LinkSettings
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.permissions import Permission
from bridge.model.portals import Direction
from tests.unit.config.samples import ADAPTERS, GOOD, PretendConfig, problems, read

LOCAL = NetworkName("local")


def test_a_good_file_is_typed(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    assert settings.permissions == {"@admin:localhost": Permission.ADMIN, "*": Permission.RELAY}
    assert settings.networks[LOCAL].config == PretendConfig(server="127.0.0.1:6667")
    assert settings.networks[LOCAL].adapter == "pretend"
    assert settings.portals[0].links == (
        LinkSettings(channel=ChannelId(LOCAL, "#lobby")),
        LinkSettings(channel=ChannelId(LOCAL, "#news"), direction=Direction.IN, relay=False),
    )


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "").bridge.listen == "127.0.0.1:29320"


def test_an_unknown_key_names_line_table_and_nearest(tmp_path: Path) -> None:
    text = GOOD.replace('server = "127', 'sever = "127')
    assert problems(tmp_path, text) == ('bridge.toml:14: [networks.local] unknown key "sever"; did you mean "server"?',)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[bridge]", "[brigde]", 'bridge.toml:1: unknown table "brigde"; did you mean "bridge"?'),
        ('listen = "127.0.0.1:29320"', "listen = 29320", 'bridge.toml:2: [bridge] "listen" must be text in quotes, not 29320'),
        ('listen = "127.0.0.1:29320"', 'listen = "here"', 'bridge.toml:2: [bridge] "listen" must be host:port'),
        ('listen = "127.0.0.1:29320"', 'listen = "[::1:9"', 'bridge.toml:2: [bridge] "listen" must be host:port'),
        ('listen = "127.0.0.1:29320"', 'log_level = "inof"', 'one of "debug", "info", "warning", "error", not "inof"; did'),
        ('listen = "127.0.0.1:29320"', "retention_days = 0", '"retention_days" must be more than 0, not 0'),
        ('listen = "127.0.0.1:29320"', 'allow_addresses = ["10/8", "x"]', '"allow_addresses" must hold networks like'),
        ('listen = "127.0.0.1:29320"', "allow_addresses = [1]", '"allow_addresses" number 1 must be text in quotes, not 1'),
        ('listen = "127.0.0.1:29320"', 'public_url = "ftp://x"', '"public_url" must be an address like'),
        ('listen = "127.0.0.1:29320"', 'public_url = "http://[x"', '"public_url" must be an address like'),
        ('listen = "127.0.0.1:29320"', 'database = "mysql://x"', '"database" must be "sqlite:///PATH" or'),
        ('listen = "127.0.0.1:29320"', 'command_prefix = "! "', '"command_prefix" must be at least one character'),
        ('listen = "127.0.0.1:29320"', "media_cap = -1", '"media_cap" must not be less than 0, not -1'),
        ('domain = "localhost"', 'domain = "http://x"', 'bridge.toml:6: [homeserver] "domain" must be a server name'),
        ('"*" = "relay"', '"*" = "amdin"', 'bridge.toml:10: [permissions] "*" must be one of "none", "relay", "user", "admin"'),
        ('"*" = "relay"', '"*" = 3', '"*" must be one of "none", "relay", "user", "admin", not 3'),
        ('"*" = "relay"', '"alice" = "user"', 'bridge.toml:10: [permissions] "alice" is nobody'),
        ('"*" = "relay"', '"*:" = "user"', "is nobody"),
        ('adapter = "pretend"', 'adapter = "pretent"', 'there is no adapter "pretent"; did you mean "pretend"?; installed are'),
        ('adapter = "pretend"', "adapter = 1", '"adapter" must be text in quotes, not 1'),
        ('adapter = "pretend"\n', "", 'bridge.toml:12: [networks.local] the key "adapter" is missing'),
        ('server = "127.0.0.1:6667"\n', "", 'bridge.toml:12: [networks.local] the key "server" is missing; it is text in quotes'),
        ('server = "127.0.0.1:6667"', 'server = "x"\ntls = "no"', 'bridge.toml:15: [networks.local] "tls" must be true or false'),
        ('server = "127.0.0.1:6667"', 'server = "x"\nport = 0', '[networks.local] "port" must be at least 1'),
        ('server = "127.0.0.1:6667"', 'server = "x"\nport = 70000', '[networks.local] "port" must be at most 65535'),
        ('server = "127.0.0.1:6667"', 'server = "x"\nrate = "on"', '15: [networks.local] rate: must be "off" or a table'),
        ('server = "127.0.0.1:6667"', 'server = "x"\nrate = 5', '"rate" must be text in quotes or a table, not 5'),
        ('server = "127.0.0.1:6667"', 'server = "x"\nrate = {brust = 1}', '[networks.local.rate] unknown key "brust"; did you'),
        ('server = "127.0.0.1:6667"', 'server = "x"\nkeys = {a = 1}', '[networks.local.keys] "a" must be text in quotes, not 1'),
        ('server = "127.0.0.1:6667"', 'server = "x"\nvoice.prefix = "x"', '[networks.local.voice] "prefix" must hold {name}'),
        ('server = "127.0.0.1:6667"', 'server = "x"\nvoice.prefix = "{x}"', "may hold {name} and {network} only, not {x}"),
        ('server = "127.0.0.1:6667"', 'server = "x"\nvoice.prefix = "{"', '"prefix" is no template'),
        ('server = "127.0.0.1:6667"', 'server = "x"\nvoice = 1', '"voice" must be a table, not 1'),
        ("[networks.local]", "[networks.Local]", "bridge.toml:12: [networks.Local] a network's name holds a-z, 0-9 and - only"),
        ("[networks.local]", "[networks.matrix]", '"matrix" is the name of the hub itself'),
        ('"local/#Lobby"', '"locla/#Lobby"', '"locla/#Lobby": there is no network "locla"; did you mean "local"?'),
        ('"local/#Lobby"', '"#Lobby"', '[[portals]] number 1, links number 1: "#Lobby" is no channel: write "network/channel"'),
        ('"local/#Lobby"', '"local/#a b"', 'bridge.toml:19: [[portals]] number 1, links number 1: "local/#a b" is no channel of'),
        ('"local/#Lobby"', '"matrix/!a:b"', "a Matrix room is a portal, not a link"),
        ('"local/#Lobby"', '"local/#NEWS"', "bridge.toml:20: [[portals]] number 1: local/#news is linked to this room twice"),
        ('"local/#Lobby"', "5", 'bridge.toml:19: [[portals]] number 1: "links" number 1 must be a table, not 5'),
        ('direction = "in"', 'direction = "inwards"', '"direction" must be one of "in", "out", "both", not "inwards"'),
        ('direction = "in"', 'directoin = "in"', 'bridge.toml:20: [[portals]] number 1, links number 2: unknown key "directoin"'),
        ('room = "#lobby:localhost"', 'room = "lobby"', 'bridge.toml:17: [[portals]] number 1: "room" must be an alias like'),
        ('room = "#lobby:localhost"', 'room = "!x"\nkind = "timelime"', 'one of "chat", "timeline", not "timelime"; did'),
        ('room = "#lobby:localhost"', 'room = "!x"\norder = "rom"', '"order" must be one of "network", "room", not "rom"; did'),
        ('room = "#lobby:localhost"', 'room = "!x"\ninvite = ["alice"]', '"invite" must hold Matrix IDs'),
        ('room = "#lobby:localhost"', 'room = "!x"\npost_to = ["locl@me"]', 'there is no network "locl"; did you mean "local"?'),
        ('room = "#lobby:localhost"', 'room = "!x"\ntimeline.rules = [{to = "here"}]', '"rules" number 1 fits everything'),
        ('room = "#lobby:localhost"', 'room = "!x"\ntimeline.rules = [{words = ["a"], to = "mentions"}]', '"to" must be "here"'),
        ('room = "#lobby:localhost"', 'room = "!x"\ntimeline.rules = [{pattern = "(a+)+$"}]', '"pattern" does not work: that'),
        ('room = "#lobby:localhost"', 'room = "!x"\ntimeline.rules = [{kinds = ["bost"]}]', 'not "bost"; did you mean "boost"?'),
        ('room = "#lobby:localhost"', 'room = "!x"\npost_to = ["local"]', 'write "network@name"'),
        ('room = "#lobby:localhost"', 'room = "!x"\npost_to = ["local@me"]', "nobody has an account of local to post with"),
        ('room = "#lobby:localhost"', 'room = "!x"\ntimeline.repost = ["a@me"]', '"a@me" is no rule: write "from@a -> to@b"'),
        ('room = "#lobby:localhost"', 'room = "!x"\ntimeline.repost = ["a@b -> a@b"]', "repeats an account on itself"),
        ('room = "#lobby:localhost"', 'room = "!x"\ntimeline.repost = ["lokal@a -> lokal@b"]', 'did you mean "local"?'),
    ],
)  # fmt: skip
def test_each_mistake_has_its_words(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    assert any(told in line for line in problems(tmp_path, text)), problems(tmp_path, text)


def test_all_mistakes_are_told_at_once_in_the_files_order(tmp_path: Path) -> None:
    text = GOOD.replace("listen", "lisen").replace("domain", "domian").replace('"relay"', '"rely"')
    assert [line.split(":")[1] for line in problems(tmp_path, text)] == ["2", "6", "10"]


def test_one_room_with_two_portals_is_refused(tmp_path: Path) -> None:
    told = problems(tmp_path, GOOD + '[[portals]]\nroom = "#lobby:localhost"\n')
    assert told == (
        "bridge.toml:23: [[portals]] number 2: the room #lobby:localhost has a portal already: put all its links into one",
    )


def test_portals_written_as_a_table_are_told(tmp_path: Path) -> None:
    assert problems(tmp_path, "[portals]\nroom = 1\n") == ('bridge.toml:1: "portals" must be a list, each a table, not a table',)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        load(tmp_path / "none.toml", {}, ADAPTERS)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a = 1\nb = \n", "bridge.toml:2: this is no TOML: Invalid value"),
        (b"a = 1\na = 2\n", "bridge.toml:2: this is no TOML"),
        (b'a = "', "bridge.toml: this is no TOML: Unterminated string"),
        (b'a = 1\n"\xff" = 2\n', "bridge.toml:2: the file is not UTF-8 text"),
        (b"a = " + b"[" * 100_000, "bridge.toml: lists or tables are nested too deeply"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "bridge.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load(path, {}, ADAPTERS)
    assert str(caught.value).startswith(told)


JUNK = st.recursive(
    st.one_of(st.text(max_size=5), st.integers(), st.floats(allow_nan=False), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


def toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(toml(entry) for entry in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(entry)}" for key, entry in value.items()) + "}"
    return repr(float(value)) if isinstance(value, float) else repr(value)


@given(
    section=st.sampled_from(["bridge", "homeserver", "permissions", "networks", "portals", "odd"]),
    key=st.sampled_from(["", "listen", "local", "local.voice", "local.adapter", "database", "as_token"]),
    value=JUNK,
)
def test_no_value_anywhere_is_more_than_a_problem(
    tmp_path_factory: pytest.TempPathFactory, section: str, key: str, value: object
) -> None:
    folder = tmp_path_factory.mktemp("junk")
    name = f"{section}.{key}" if key else section
    for line in problems(folder, f"{name} = {toml(value)}\n"):
        assert line.startswith(("bridge.toml:", "environment"))
        assert "Traceback" not in line
