"""OAuth 1.0a (RFC 5849) for clients: the `Authorization` header of one request.

A signature covers method, address, query and form, so each hop of a redirect needs its own. Of a body that is no form
(multipart, JSON) nothing is signed (RFC 5849 §3.4.1.3.1).
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from oauthlib.oauth1 import Client

FORM = "application/x-www-form-urlencoded"


class Keys(Struct, frozen=True):
    """Of an application, and of what somebody granted it. `repr` doesn't show the secrets."""

    consumer: str
    consumer_secret: str
    token: str | None = None
    token_secret: str | None = None

    def __repr__(self) -> str:
        return f"Keys(consumer={self.consumer!r})"


def authorization(
    method: str,
    url: str,
    keys: Keys,
    *,
    timestamp: int,
    nonce: str,
    form: Mapping[str, str] | None = None,
    callback: str | None = None,
    verifier: str | None = None,
) -> str:
    """Its value (HMAC-SHA1). `timestamp` in seconds since 1970, `nonce` used once. Raises `ValueError` for bad addresses."""
    client = Client(
        keys.consumer,
        client_secret=keys.consumer_secret,
        resource_owner_key=keys.token,
        resource_owner_secret=keys.token_secret,
        callback_uri=callback,
        verifier=verifier,
        timestamp=str(timestamp),
        nonce=nonce,
    )
    body, headers = (urlencode(form), {"Content-Type": FORM}) if form else (None, {})
    _, signed, _ = client.sign(url, http_method=method, body=body, headers=headers)
    return str(signed["Authorization"])


def granted(body: bytes) -> Mapping[str, str]:
    """A token endpoint's answer: `oauth_token`, `oauth_token_secret` and more. Raises `ValueError` where either is missing."""
    found = dict(parse_qsl(body.decode("utf-8", "replace").strip()))
    if not found.get("oauth_token") or "oauth_token_secret" not in found:
        raise ValueError("the server granted no token")
    return found
