"""Three legs of OAuth 1.0a, signed by the adapter's own client and checked by the stand-in; whatever doesn't hold is refused."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from adapters.common.oauth1 import Keys, authorization, granted
from tests.unit.gnusocial.demo.kit import PASSWORD, START, Client, Watch, site

NOW = int(START.timestamp())


class Signer:
    """Signs each request with a nonce of its own."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self.client, self.keys = client, keys
        self._nonces = iter(range(1000))

    def header(self, method: str, path: str, *, at: int = NOW, nonce: str | None = None, **more: Any) -> dict[str, str]:
        nonce = nonce or f"n{next(self._nonces)}"
        url = f"{self.client.server.url}/api/{path}"
        return {"Authorization": authorization(method, url, self.keys, timestamp=at, nonce=nonce, **more)}


async def consent(client: Client, token: str, nick: str = "alice", password: str = PASSWORD) -> str:
    """What the page says after somebody has filled it in."""
    page = await client.get(f"oauth/authorize?oauth_token={token}")
    assert page.status == 200 and 'name="password"' in page.text
    done = await client.post("oauth/authorize", oauth_token=token, nickname=nick, password=password, allow="Allow")
    return done.headers.get("Location") or done.text


async def logged_in(client: Client, callback: str = "oob") -> Signer:
    application = client.server.keeper.register("Unabridged <b>", "https://example.org")
    signer = Signer(client, Keys(application.key, application.secret))
    asked = granted(
        (await client.post("oauth/request_token", headers=signer.header("POST", "oauth/request_token", callback=callback))).body
    )
    assert asked["oauth_callback_confirmed"] == "true"
    said = await consent(client, asked["oauth_token"])
    verifier = dict(parse_qsl(urlsplit(said).query))["oauth_verifier"] if "://" in said else re.findall(r">(\d{7})<", said)[0]
    signer.keys = Keys(application.key, application.secret, asked["oauth_token"], asked["oauth_token_secret"])
    header = signer.header("POST", "oauth/access_token", verifier=verifier)
    token = granted((await client.post("oauth/access_token", headers=header)).body)
    signer.keys = Keys(application.key, application.secret, token["oauth_token"], token["oauth_token_secret"])
    return signer


@pytest.mark.parametrize("callback", ["oob", "http://bridge.test/back?x=1"])
async def test_a_grant_lets_one_read_and_write_in_somebodys_name(callback: str) -> None:
    async with site("alice") as client:
        signer = await logged_in(client, callback)
        path = "account/verify_credentials.json"
        assert (await client.get(path, headers=signer.header("GET", path))).data["screen_name"] == "alice"
        path = "statuses/home_timeline.json?count=2&max_id=9"
        assert (await client.get(path, headers=signer.header("GET", path))).status == 200
        path, form = "statuses/update.json", {"status": "a=b & ünïcode ~* %20"}
        made = (await client.post(path, headers=signer.header("POST", path, form=form), **form)).data
        assert made["text"] == form["status"]
        assert (made["source"], made["source_link"]) == ("Unabridged <b>", "https://example.org")


async def test_a_page_shows_no_markup_of_an_applications_name() -> None:
    async with site("alice") as client:
        application = client.server.keeper.register("<script>x</script>")
        signer = Signer(client, Keys(application.key, application.secret))
        header = signer.header("POST", "oauth/request_token", callback="oob")
        token = granted((await client.post("oauth/request_token", headers=header)).body)["oauth_token"]
        assert "<script" not in (await client.get(f"oauth/authorize?oauth_token={token}")).text


async def test_a_signature_covers_what_is_sent() -> None:
    async with site("alice") as client:
        signer = await logged_in(client)
        path = "statuses/update.json"
        header = signer.header("POST", path, form={"status": "mine"})
        assert (await client.post(path, headers=header, status="forged")).status == 401
        assert (await client.get("statuses/home_timeline.json", headers=header)).status == 401
        assert not client.server.site.notices


async def test_nothing_signed_is_taken_twice_or_late() -> None:
    watch = Watch()
    async with site("alice", watch=watch) as client:
        signer = await logged_in(client)
        path = "account/verify_credentials.json"
        header = signer.header("GET", path, nonce="once")
        assert [(await client.get(path, headers=header)).status for _ in range(2)] == [200, 401]
        assert (await client.get(path, headers=signer.header("GET", path, at=NOW - 301))).status == 401
        assert (await client.get(path, headers=signer.header("GET", path, at=NOW + 301))).status == 401
        watch.wait(301)
        assert (await client.get(path, headers=signer.header("GET", path))).status == 401


async def test_keys_that_are_not_ours_and_grants_that_are_no_more_are_refused() -> None:
    async with site("alice") as client:
        signer = await logged_in(client)
        path, good = "account/verify_credentials.json", signer.keys
        for keys in (
            Keys("nobody", good.consumer_secret, good.token, good.token_secret),
            Keys(good.consumer, "wrong", good.token, good.token_secret),
            Keys(good.consumer, good.consumer_secret, "stolen", good.token_secret),
            Keys(good.consumer, good.consumer_secret, good.token, "wrong"),
        ):
            signer.keys = keys
            assert (await client.get(path, headers=signer.header("GET", path))).status == 401
        signer.keys = good
        alice = client.server.site.user("alice")
        assert alice is not None
        client.server.keeper.revoke(alice)
        assert (await client.get(path, headers=signer.header("GET", path))).status == 401


async def test_nobody_gets_a_grant_without_the_password_or_the_number() -> None:
    async with site("alice") as client:
        keys = Keys("anonymous", "anonymous")
        signer = Signer(client, keys)
        header = signer.header("POST", "oauth/request_token", callback="oob")
        asked = granted((await client.post("oauth/request_token", headers=header)).body)
        assert "Invalid nickname" in await consent(client, asked["oauth_token"], password="wrong")
        signer.keys = Keys("anonymous", "anonymous", asked["oauth_token"], asked["oauth_token_secret"])
        await consent(client, asked["oauth_token"])
        for verifier in ("0000000", None):
            header = signer.header("POST", "oauth/access_token", verifier=verifier)
            assert (await client.post("oauth/access_token", headers=header)).status == 401
        assert (await client.get("oauth/authorize?oauth_token=none")).status == 400
        assert (await client.post("oauth/request_token", headers={"Authorization": "OAuth x"})).status == 401
