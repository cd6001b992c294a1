"""WebSub (W3C Recommendation, 23 January 2018) as its subscribers see it: discovery, requests, signatures. Pure.

GNU social's hub is PubSubHubbub 0.3 to 0.4: it names no Link headers, signs with sha1 only, and tells a lease only if it was
asked for one.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import urlencode

from adapters.common.media import absolute

METHODS = ("sha1", "sha256", "sha384", "sha512")
_LINK = re.compile(r"<([^<>]{0,4096})>((?:\s*;\s*[\w!#$%&'*+.^`|~-]+(?:\s*=\s*(?:\"(?:[^\"\\]|\\.)*\"|[^\s\",;]*))?)*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s\",;]*))", re.I)


def links_of(header: str, base: str) -> tuple[tuple[str, str], ...]:
    """(relation in lower case, absolute address) of each link in a Link header (RFC 8288), in their order."""
    found: list[tuple[str, str]] = []
    for match in _LINK.finditer(header):
        rel = _REL.search(match[2])
        target = absolute(base, match[1])
        if rel is not None and target is not None:
            found += ((word, target) for word in (rel[1] or rel[2] or "").lower().split())
    return tuple(found)


def hubs_of(headers: Mapping[str, str], base: str) -> tuple[tuple[str, ...], str | None]:
    """The hubs and the topic that an answer's Link headers name. They count before what stands in the document (§4)."""
    found = links_of(headers.get("link", ""), base)
    hubs = tuple(dict.fromkeys(target for rel, target in found if rel == "hub"))
    return hubs, next((target for rel, target in found if rel == "self"), None)


def request_form(mode: str, *, topic: str, callback: str, secret: str = "", lease: int = 0) -> bytes:
    """The body of a request to a hub, for `subscribe` or `unsubscribe` (§5.1). `lease` in seconds."""
    fields = {"hub.mode": mode, "hub.topic": topic, "hub.callback": callback, "hub.verify": "async"}
    if secret:
        fields["hub.secret"] = secret
    if lease:
        fields["hub.lease_seconds"] = str(lease)
    return urlencode(fields).encode()


def is_signed(body: bytes, secret: str, signature: str) -> bool:
    """Whether X-Hub-Signature fits (§7.1). Takes the same time wherever it doesn't."""
    method, _, claimed = signature.strip().partition("=")
    method = method.strip().lower()
    if method not in METHODS or not secret:
        return False
    ours = hmac.new(secret.encode(), body, getattr(hashlib, method)).hexdigest()
    return hmac.compare_digest(ours.encode(), claimed.strip().lower().encode("utf-8", "replace"))
