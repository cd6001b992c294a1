"""The dialogue of logging in, question by question, on servers that are and are not as they should be."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.login import Dialogue, account_in
from adapters.gnusocial.wire.account import Account, allowed_by, limits_in, me_of
from adapters.gnusocial.wire.client import Client, Site
from bridge.contract.errors import Rejected
from bridge.contract.logins import LoggedIn, Login, Question
from bridge.contract.toolbox import NotReached
from bridge.model.ids import IdentityId
from tests.doubles.clock import FakeClock
from tests.unit.gnusocial.kit import HOST, NET, Answers, Asked, ScriptedHttp, Told, toolbox_with, user

RECORDED = Path(__file__).parent / "recorded"
JRD = {"subject": f"acct:alice@{HOST}", "links": [{"rel": "http://apinamespace.org/twitter", "href": f"http://{HOST}/api/"}]}
SETTINGS = {"site": {"textlimit": "1000"}, "attachments": {"uploads": True, "file_quota": 5000000}}


class Server:
    """One site; `auth` is what lets somebody in."""

    def __init__(
        self, *, jrd: Any = JRD, secure: bool = True, auth: str = "Basic YWxpY2U6aHVudGVyMg==", host: str = HOST
    ) -> None:
        self.jrd, self.secure, self.auth, self.host = jrd, secure, auth, host
        self.tokens: dict[str, str] = {}

    def answer(self, asked: Asked) -> Told | OSError:
        scheme, _, rest = asked.url.partition("://")
        if not rest.startswith(f"{self.host}/") or (scheme == "https") != self.secure:
            return NotReached("connection refused")
        if asked.path == "/.well-known/webfinger":
            return Told(self.jrd) if self.jrd is not None else Told(status=500, body=b"<html>no such user")
        if asked.path == "/api/gnusocial/config.json":
            return Told(SETTINGS)
        if asked.path in ("/api/oauth/request_token", "/api/oauth/access_token"):
            return self._token(asked)
        if asked.path == "/api/account/verify_credentials.json":
            sent = asked.headers.get("authorization", "")
            return Told(user()) if sent == self.auth or 'oauth_token="t2"' in sent else Told({"error": "No."}, 401)
        return Told({"error": "not here"}, 404)

    @staticmethod
    def _token(asked: Asked) -> Told:
        sent = asked.headers["authorization"]
        if 'oauth_consumer_key="ck"' not in sent:
            return Told({"error": "Invalid consumer key."}, 401)
        if asked.path.endswith("request_token"):
            assert 'oauth_callback="oob"' in sent
            return Told(body=b"oauth_token=t1&oauth_token_secret=s1&oauth_callback_confirmed=true")
        if 'oauth_verifier="1234567"' not in sent or 'oauth_token="t1"' not in sent:
            return Told({"error": "Invalid verifier."}, 401)
        return Told(body=b"oauth_token=t2&oauth_token_secret=s2")


async def talk(answers: Answers, *said: str, config: GnuSocialConfig | None = None) -> tuple[list[Question], LoggedIn | None]:
    """The questions that were asked while these answers were given, and the end."""
    clock = FakeClock()
    tools = toolbox_with(ScriptedHttp(clock, answers), clock)
    steps = Dialogue(NET, "me", config or GnuSocialConfig(), tools).steps()
    asked: list[Question] = []
    one = await anext(steps)
    for words in said:
        assert isinstance(one, Question)
        asked.append(one)
        one = await steps.asend(words)
    if isinstance(one, Question):
        asked.append(one)
        await steps.aclose()
        return asked, None
    return asked, one


async def test_name_and_password_are_enough() -> None:
    asked, end = await talk(Server().answer, f"alice@{HOST}", "hunter2")
    assert [one.secret for one in asked] == [False, True]
    assert end is not None
    assert end.identity.id == IdentityId(NET, f"alice@{HOST}")
    assert end.channels == ("home@me", "mentions@me")
    login = Login(user="@a:hub", network=NET, name="me", identity=end.identity.id, secrets=end.secrets)
    clock = FakeClock()
    account = Account(NET, login, toolbox_with(ScriptedHttp(clock, Server().answer), clock))
    assert (account.host, account.number, account.allowed.text) == (HOST, "1", 1000)
    assert (await account.verify()).id == end.identity.id


@pytest.mark.parametrize(
    "spelled", ["@Alice@GS1.test", f"https://{HOST}/alice", f"https://{HOST}/@alice", f"acct:alice@{HOST}", "alice"]
)
async def test_an_account_may_be_named_in_many_ways(spelled: str) -> None:
    _, end = await talk(Server().answer, spelled, "hunter2", config=GnuSocialConfig(server=HOST))
    assert end is not None


@pytest.mark.parametrize("spelled", [HOST, f"https://{HOST}", f"https://{HOST}/index.php", f"https://{HOST}/user/1"])
async def test_of_a_server_alone_the_name_is_asked(spelled: str) -> None:
    asked, end = await talk(Server().answer, spelled, "Alice", "hunter2")
    assert "Your name" in asked[1].text and end is not None


async def test_a_server_without_webfinger_is_asked_at_the_usual_place() -> None:
    rel = "http://apinamespace.org/twitter"
    odd = {"links": [None, {"rel": "x"}, {"rel": rel, "href": 7}, {"rel": rel, "href": "http://[x"}]}
    for jrd in (None, {}, [], odd):
        _, end = await talk(Server(jrd=jrd).answer, f"alice@{HOST}", "hunter2")
        assert end is not None and end.secrets["root"] == f"https://{HOST}/api/"


async def test_a_server_that_calls_itself_http_is_asked_over_https() -> None:
    _, end = await talk(Server().answer, f"alice@{HOST}", "hunter2")
    assert end is not None and end.secrets["root"] == f"https://{HOST}/api/"


async def test_plain_http_is_only_spoken_where_the_operator_allowed_it() -> None:
    asked, end = await talk(Server(secure=False).answer, f"alice@{HOST}")
    assert end is None and "cannot be reached" in asked[1].text
    for config in (GnuSocialConfig(unencrypted=(HOST,)), GnuSocialConfig(server=f"http://{HOST}")):
        asked, end = await talk(Server(secure=False).answer, f"alice@{HOST}", "hunter2", config=config)
        assert end is not None and end.secrets["root"] == f"http://{HOST}/api/"
        assert "unencrypted" in asked[1].text


async def test_a_password_goes_to_another_server_only_when_its_owner_agrees() -> None:
    jrd = {"links": [{"rel": "http://apinamespace.org/twitter", "href": "https://evil.test/api/"}]}
    server, other = Server(jrd=jrd), Server(host="evil.test")

    def answer(asked: Asked) -> Told | OSError:
        return (other if "//evil.test/" in asked.url else server).answer(asked)

    asked, _ = await talk(answer, f"alice@{HOST}")
    assert "evil.test" in asked[1].text and asked[1].choices == ("yes", "no")
    with pytest.raises(Rejected):
        await talk(answer, f"alice@{HOST}", "no")
    asked, _ = await talk(answer, f"alice@{HOST}", "yes")
    assert "evil.test" in asked[2].text and asked[2].secret


async def test_a_wrong_password_is_asked_for_again_three_times_at_most() -> None:
    asked, end = await talk(Server().answer, f"alice@{HOST}", "wrong", "wrong", "hunter2")
    assert end is not None and "does not take that password" in asked[2].text
    with pytest.raises(Rejected, match="third time"):
        await talk(Server().answer, f"alice@{HOST}", "wrong", "wrong", "wrong")


async def test_what_is_no_account_is_asked_for_again_three_times_at_most() -> None:
    asked, end = await talk(Server().answer, "", "https:///", f"alice@{HOST}", "hunter2")
    assert end is not None and "no account" in asked[1].text
    with pytest.raises(Rejected):
        await talk(Server().answer, "?", "?", "?")


async def test_a_server_that_went_away_ends_it_with_words() -> None:
    server, up = Server(), [True]

    def answer(asked: Asked) -> Told | OSError:
        return server.answer(asked) if up[0] else OSError("it took too long")

    def go(asked: Asked) -> Told | OSError:
        told = answer(asked)
        up[0] = "config" not in asked.path
        return told

    with pytest.raises(OSError, match="gave no answer"):
        await talk(go, f"alice@{HOST}", "hunter2")


async def test_a_grant_by_pin_needs_no_password() -> None:
    asked, end = await talk(Server().answer, f"alice@{HOST}", "oauth", "ck cs", "1234567")
    assert asked[-1].link == f"https://{HOST}/api/oauth/authorize?oauth_token=t1"
    assert end is not None
    assert {"consumer": "ck", "consumer_secret": "cs", "token": "t2", "token_secret": "s2"}.items() <= end.secrets.items()
    assert "password" not in end.secrets


async def test_an_application_in_the_settings_is_used_without_asking() -> None:
    config = GnuSocialConfig(consumer_keys={"GS1.test": "ck cs"})
    asked, end = await talk(Server().answer, f"alice@{HOST}", "1234567", config=config)
    assert end is not None and not any(one.secret for one in asked)
    assert "cs" not in repr(config)


async def test_what_the_server_does_not_grant_ends_it_in_its_words() -> None:
    with pytest.raises(Rejected, match="consumer key"):
        await talk(Server().answer, f"alice@{HOST}", "oauth", "xx cs")
    with pytest.raises(Rejected, match="verifier"):
        await talk(Server().answer, f"alice@{HOST}", "oauth", "ck cs", "7654321")
    asked, _ = await talk(Server().answer, f"alice@{HOST}", "oauth", "ck cs", "12 34")
    assert "no such number" in asked[-1].text


@given(st.text(max_size=60), st.sampled_from(["", HOST]))
def test_an_account_is_read_or_refused_whatever_is_typed(text: str, default: str) -> None:
    try:
        name, host = account_in(text, default)
    except ValueError:
        return
    assert host and "/" not in host and "@" not in host and not any(map(str.isspace, host + name[:0]))


@pytest.mark.parametrize(
    ("settings", "text", "file"),
    [
        ({"site": {"textlimit": 1000}, "attachments": {"uploads": True, "file_quota": 5}}, 1000, 5),
        ({"site": {"textlimit": "140"}}, 140, None),
        ({"site": {"textlimit": 0}}, None, None),
        ({"site": {"textlimit": "0"}}, None, None),
        ({"site": {"textlimit": False}, "attachments": {"uploads": False}}, None, 0),
        ({"site": {"textlimit": -1}, "attachments": []}, None, None),
        ({"site": {}, "attachments": {"file_quota": "x"}}, None, None),
        ({"site": {"textlimit": 10**40}}, 10**40, None),
    ],
)
def test_limits_as_servers_write_them(settings: Mapping[str, Any], text: int | None, file: int | None) -> None:
    found = limits_in(settings)
    assert (found.text, found.file, found.told) == (text, file, True)


async def test_older_servers_tell_their_limits_elsewhere() -> None:
    def answer(asked: Asked) -> Told:
        return Told({"site": {"textlimit": 200}}) if "statusnet" in asked.path else Told({"error": "x"}, 404)

    clock = FakeClock()
    client = Client(Site(f"https://{HOST}/api/"), None, toolbox_with(ScriptedHttp(clock, answer), clock))
    assert (await allowed_by(client)).text == 200


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whoever_the_server_says_we_are_is_somebody_or_refused(data: Any) -> None:
    for one in (data, user() | {"screen_name": data}, user() | {"statusnet_profile_url": data}, user() | {"id": data}):
        try:
            assert me_of(NET, one, HOST).id.id.count("@") >= 1
        except Rejected as error:
            assert error.reason


def test_the_recorded_server_is_read() -> None:
    settings = json.loads((RECORDED / "config.json").read_text())
    assert (limits_in(settings).text, limits_in(settings).file) == (1000, 5_000_000)
    me = me_of(NET, json.loads((RECORDED / "verify_credentials.json").read_text()), HOST)
    assert (me.id.id, me.name) == ("alice@gs1.test", "alice")
