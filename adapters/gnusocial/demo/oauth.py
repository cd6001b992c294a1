"""OAuth 1.0a (RFC 5849) as a server: an application, three legs, HMAC-SHA1 signatures, a page on which somebody grants access."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import compare_digest, randbelow, token_hex
from urllib.parse import parse_qsl, unquote, urlencode

from oauthlib.common import Request
from oauthlib.oauth1.rfc5849 import signature
from oauthlib.oauth1.rfc5849.utils import parse_authorization_header

from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import ApiError, Profile

WINDOW = 300
"""Seconds that a signature's time may be off."""
OUT_OF_BAND = "oob"


@dataclass(slots=True)
class Application:
    key: str
    secret: str
    name: str
    url: str = ""


@dataclass(slots=True)
class Token:
    """Asked for by an application; then granted by somebody, with a number that proves it; then exchanged."""

    key: str
    secret: str
    application: Application
    callback: str = OUT_OF_BAND
    granted_by: Profile | None = None
    verifier: str = ""


@dataclass(slots=True, frozen=True)
class Hop:
    """What a signature covers. `form`: the body, where it is a form."""

    method: str
    url: str
    header: str
    form: bytes = b""


class Doorkeeper:
    """Of one site. Raises `ApiError` (401) for whatever does not hold."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._applications = {"anonymous": Application("anonymous", "anonymous", "anonymous")}
        self._asked: dict[str, Token] = {}
        self._granted: dict[str, Token] = {}
        self._nonces: set[tuple[str, str, str]] = set()

    def register(self, name: str, url: str = "") -> Application:
        """As somebody does on the site's page for applications."""
        made = Application(token_hex(16), token_hex(16), name, url)
        self._applications[made.key] = made
        return made

    def request_token(self, hop: Hop) -> bytes:
        facts = self._facts(hop)
        application = self._application(facts)
        self._check(hop, facts, application.secret, "")
        token = Token(token_hex(16), token_hex(16), application, callback=facts.get("oauth_callback", OUT_OF_BAND))
        self._asked[token.key] = token
        return urlencode(
            {"oauth_token": token.key, "oauth_token_secret": token.secret, "oauth_callback_confirmed": "true"}
        ).encode()

    def access_token(self, hop: Hop) -> bytes:
        facts = self._facts(hop)
        token = self._asked.get(facts.get("oauth_token", ""))
        if token is None or token.application is not self._application(facts):
            raise ApiError(401, "Invalid request token or verifier.")
        self._check(hop, facts, token.application.secret, token.secret)
        if token.granted_by is None or not compare_digest(token.verifier, facts.get("oauth_verifier", "")):
            raise ApiError(401, "Invalid request token or verifier.")
        del self._asked[token.key]
        made = Token(token_hex(16), token_hex(16), token.application, granted_by=token.granted_by)
        self._granted[made.key] = made
        return urlencode({"oauth_token": made.key, "oauth_token_secret": made.secret}).encode()

    def grant(self, token_key: str, nick: str, password: str) -> str:
        """Somebody allows it: the number to tell the application, or the address to go to."""
        token, user = self._asked.get(token_key), self._site.user(nick)
        if token is None:
            raise ApiError(400, "Invalid request token.")
        if user is None or user.password is None or not compare_digest(user.password.encode(), password.encode()):
            raise ApiError(401, "Invalid nickname / password!")
        token.granted_by, token.verifier = user, f"{randbelow(9_000_000) + 1_000_000}"
        if token.callback == OUT_OF_BAND:
            return token.verifier
        joined = "&" if "?" in token.callback else "?"
        return f"{token.callback}{joined}{urlencode({'oauth_token': token.key, 'oauth_verifier': token.verifier})}"

    def revoke(self, user: Profile) -> None:
        """Whatever they granted is void."""
        self._granted = {key: one for key, one in self._granted.items() if one.granted_by is not user}

    def who(self, hop: Hop) -> tuple[Profile, Application]:
        """Who is behind a signed request, and through which application."""
        facts = self._facts(hop)
        token = self._granted.get(facts.get("oauth_token", ""))
        if token is None or token.granted_by is None or token.application is not self._application(facts):
            raise ApiError(401, "Invalid access token.", early=True)
        self._check(hop, facts, token.application.secret, token.secret)
        return token.granted_by, token.application

    def form(self, token_key: str, words: str = "") -> str:
        """The page on which somebody grants access."""
        token = self._asked.get(token_key)
        if token is None:
            raise ApiError(400, "Invalid request token.")
        name, site, key = html.escape(token.application.name), html.escape(self._site.settings.name), html.escape(token_key)
        return (
            f"<title>{site}: an application would like to connect to your account</title>"
            f"<p>{html.escape(words)}</p><p>The application <b>{name}</b> would like to read and write as you.</p>"
            f'<form method="post"><input type="hidden" name="oauth_token" value="{key}">'
            '<input name="nickname"><input type="password" name="password"><button name="allow">Allow</button></form>'
        )

    def _application(self, facts: Mapping[str, str]) -> Application:
        found = self._applications.get(facts.get("oauth_consumer_key", ""))
        if found is None:
            raise ApiError(401, "Invalid consumer key.")
        return found

    def _facts(self, hop: Hop) -> dict[str, str]:
        try:
            return {name: unquote(value) for name, value in parse_authorization_header(hop.header)}
        except ValueError as error:
            raise ApiError(401, "Malformed Authorization header.") from error

    def _check(self, hop: Hop, facts: Mapping[str, str], application_secret: str, token_secret: str) -> None:
        """RFC 5849 §3.2: the signature, the time, and that it comes once."""
        stamp = facts.get("oauth_timestamp", "")
        now = int(self._site.now().timestamp())
        if not (stamp.isascii() and stamp.isdigit() and abs(int(stamp[:15]) - now) <= WINDOW):
            raise ApiError(401, "Expired timestamp")
        once = (facts.get("oauth_token", ""), stamp, facts.get("oauth_nonce", ""))
        if once in self._nonces:
            raise ApiError(401, "Nonce already used")
        if facts.get("oauth_signature_method") != "HMAC-SHA1" or not _fits(hop, facts, application_secret, token_secret):
            raise ApiError(401, "Invalid signature")
        self._nonces.add(once)


def _fits(hop: Hop, facts: Mapping[str, str], application_secret: str, token_secret: str) -> bool:
    """RFC 5849 §3.4.1: method, address, query, form and header are covered."""
    try:
        request = Request(hop.url, http_method=hop.method)
        request.params = signature.collect_parameters(
            uri_query=hop.url.partition("?")[2],
            body=parse_qsl(hop.form.decode(), keep_blank_values=True),
            headers={"Authorization": hop.header},
        )
        request.signature = facts.get("oauth_signature", "")
        return bool(signature.verify_hmac_sha1(request, application_secret, token_secret))
    except ValueError:
        return False  # an address or a form that can't have been signed
