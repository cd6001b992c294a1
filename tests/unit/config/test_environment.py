"""Settings from the environment are typed by the setting they are for; secrets come from there or from a file."""

import subprocess
import sys
from pathlib import Path

import pytest

from bridge.config.adapters_found import found
from bridge.config.load import load
from bridge.config.problems import ConfigError
from bridge.config.secrets import is_secret, read_secret, secrets_in, url_password
from bridge.model.ids import NetworkName
from bridge.model.permissions import Permission
from tests.unit.config.samples import GOOD, PretendConfig, Rate, problems, read

LOCAL = NetworkName("local")


def local(folder: Path, text: str = GOOD, **env: str) -> PretendConfig:
    read_env = {f"UNABRIDGED__NETWORKS__LOCAL__{name}": value for name, value in env.items()}
    config: PretendConfig = read(folder, text, read_env).networks[LOCAL].config
    return config


def test_a_variable_stands_in_for_a_key(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD, {"UNABRIDGED__BRIDGE__LISTEN": "0.0.0.0:1"}).bridge.listen == "0.0.0.0:1"


def test_values_are_typed_by_their_setting(tmp_path: Path) -> None:
    config = local(tmp_path, TLS="false", PORT="7", NICK="7", RATE="{burst = 2}", ALTERNATIVES='["a", "b"]', KEYS='{"#x" = "y"}')
    assert config == PretendConfig(
        server="127.0.0.1:6667", tls=False, port=7, nick="7", rate=Rate(burst=2), alternatives=("a", "b"), keys={"#x": "y"}
    )


def test_text_that_is_also_a_choice_stays_text(tmp_path: Path) -> None:
    assert local(tmp_path, RATE="off").rate == "off"


def test_a_network_name_with_a_dash_is_reached(tmp_path: Path) -> None:
    text = GOOD.replace("networks.local", "networks.my-net").replace("local/#", "my-net/#")
    settings = read(tmp_path, text, {"UNABRIDGED__NETWORKS__MY_NET__NICK": "x"})
    assert settings.networks[NetworkName("my-net")].config.nick == "x"


def test_a_whole_network_and_whole_tables_may_come_from_the_environment(tmp_path: Path) -> None:
    env = {
        "UNABRIDGED__NETWORKS__NEW__ADAPTER": "pretend",
        "UNABRIDGED__NETWORKS__NEW__SERVER": "x:1",
        "UNABRIDGED__PERMISSIONS": '{"*" = "user"}',
        "UNABRIDGED__PORTALS": '[{room = "!a", links = ["new/#B"]}]',
    }
    settings = read(tmp_path, "", env)
    assert settings.permissions == {"*": Permission.USER}
    assert str(settings.portals[0].links[0].channel) == "new/#b"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("UNABRIDGED__BRIDGE__LISTE", "x", 'environment UNABRIDGED__BRIDGE__LISTE: [bridge] unknown key "liste"; did you mean'),
        ("UNABRIDGED__BRIDGE__MEDIA_CAP", "much", '[bridge] "media_cap" must be a whole number, not "much"'),
        ("UNABRIDGED__BRIDGE__MEDIA_CAP", "1\nx = 2", '[bridge] "media_cap" must be a whole number'),
        ("UNABRIDGED__BRIDGE__LISTEN__HOST", "x", "environment UNABRIDGED__BRIDGE__LISTEN__HOST: names no setting"),
        ("UNABRIDGED__BRIDGE__", "x", "environment UNABRIDGED__BRIDGE__: names no setting"),
        ("UNABRIDGED__", "x", "environment UNABRIDGED__: names no setting"),
        ("UNABRIDGED__BRIGDE__LISTEN", "x", 'unknown table "brigde"; did you mean "bridge"?'),
        ("UNABRIDGED__NETWORKS__LOCAL__TLS", "ja", '[networks.local] "tls" must be true or false, not "ja"'),
        ("UNABRIDGED__NETWORKS", "ja", '"networks" must be tables like [networks.local]'),
        ("UNABRIDGED__PORTALS", "ja", '"portals" must be a list'),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, variable: str, value: str, told: str) -> None:
    found = problems(tmp_path, GOOD, {variable: value})
    assert told in found[-1]
    assert found[-1].startswith(f"environment {variable}: ")


def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, GOOD.replace('server = "', 'password = "hunter2"\nserver = "'))
    assert told.startswith('bridge.toml:14: [networks.local] "password" is a secret and must not stand in this file')
    assert 'password_file = "…"' in told
    assert "UNABRIDGED__NETWORKS__LOCAL__PASSWORD" in told
    assert "hunter2" not in told


def test_a_secret_comes_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hunter2\n")
    assert local(tmp_path, GOOD.replace('server = "', 'password_file = "pw"\nserver = "')).password == "hunter2"


def test_a_secret_from_the_environment_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("other")
    text = GOOD.replace('server = "', 'password_file = "pw"\nserver = "')
    assert local(tmp_path, text, PASSWORD="1234").password == "1234"
    assert local(tmp_path, PASSWORD='"quoted"').password == '"quoted"'


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "can't read"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "is not UTF-8"), (b"x" * 70_000, "larger than")],
)
def test_a_bad_secret_file_is_told_with_its_line(tmp_path: Path, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / "pw").write_bytes(content)
    (line,) = problems(tmp_path, GOOD.replace('server = "', 'password_file = "pw"\nserver = "'))
    assert line.startswith('bridge.toml:14: [networks.local] "password_file": ')
    assert told in line


def test_a_secret_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, GOOD.replace('server = "', 'password_file = 5\nserver = "'))
    assert '"password_file" must be text in quotes, not 5' in line


@pytest.mark.parametrize("section", ["bridge", "homeserver"])
@pytest.mark.parametrize("key", ["as_token", "hs_token"])
def test_tokens_are_refused_with_the_way_to_give_them(tmp_path: Path, section: str, key: str) -> None:
    (line,) = problems(tmp_path, GOOD.replace(f"[{section}]", f'[{section}]\n{key} = "s3cr3t"'))
    assert "UNABRIDGED_AS_TOKEN" in line
    assert "s3cr3t" not in line


def test_a_database_password_in_the_file_is_refused_and_in_the_environment_taken(tmp_path: Path) -> None:
    url = "postgresql://me:hunter2@db/x"
    (line,) = problems(tmp_path, f'[bridge]\ndatabase = "{url}"\n')
    assert line.startswith('bridge.toml:2: [bridge] "database" holds a password')
    assert "hunter2" not in line
    assert read(tmp_path, "", {"UNABRIDGED__BRIDGE__DATABASE": url}).bridge.database == url


def test_names_of_secrets_are_known() -> None:
    assert all(map(is_secret, ["password", "sasl_password", "api_key", "client_secret", "token", "passphrase", "channel_keys"]))
    assert not any(map(is_secret, ["key_file", "password_file", "nick", "keys", "passwords", "tokenise"]))


def test_all_secrets_of_the_settings_are_found_for_the_log_filter(tmp_path: Path) -> None:
    env = {"UNABRIDGED__NETWORKS__LOCAL__PASSWORD": "hunter2", "UNABRIDGED__BRIDGE__DATABASE": "postgresql://u:p%40ss@h/d"}
    assert set(secrets_in(read(tmp_path, GOOD, env))) == {"hunter2", "p@ss"}
    assert url_password("postgresql://[::bad/x") is None


def test_a_table_of_secrets_comes_from_a_file_and_each_is_known_to_the_log_filter(tmp_path: Path) -> None:
    path, keys = tmp_path / "bridge.toml", tmp_path / "keys"
    network = '[networks.n]\nadapter = "irc"\nserver = "irc.test"\n'
    path.write_text(network + 'channel_keys = { "#den" = "s3same" }\n')
    with pytest.raises(ConfigError, match="channel_keys_file") as caught:
        load(path, {}, found())
    assert "s3same" not in str(caught.value)
    path.write_text(network + 'channel_keys_file = "keys"\n')
    keys.write_text('{ "#den" = "s3same", "#cave" = "0pen" }\n')
    assert set(secrets_in(load(path, {}, found()))) == {"s3same", "0pen"}
    keys.write_text('{ "#den" = ["s3same"] }\n')
    with pytest.raises(ConfigError, match="#den") as caught:
        load(path, {}, found())
    assert "s3same" not in str(caught.value)


def test_a_secret_file_loses_one_line_end_only(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_bytes(b" a b \r\n")
    assert read_secret(path) == " a b "


def test_reading_a_configuration_imports_only_the_adapters_it_names() -> None:
    code = (
        "import sys; from bridge.config.adapters_found import found; names = list(found());"
        "assert not [name for name in sys.modules if name.startswith('adapters')], names"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
