"""The site's hub (PubSubHubbub 0.4): whoever asks, and answers the challenge, gets each new entry of a feed, signed."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha1
from secrets import token_hex
from urllib.parse import urlencode, urlsplit

from adapters.gnusocial.demo.ostatus.post import Postman
from adapters.gnusocial.demo.render import atom
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import ApiError, Notice, Profile

_LONGEST_SECRET = 200
_NO_TOPIC = "Unsupported hub.topic {} this hub only serves local user and group Atom feeds."


@dataclass(slots=True, frozen=True)
class Subscription:
    topic: str
    callback: str
    secret: str
    until: datetime | None


class Hub:
    """Sends through `postman`. No lease is given to whoever does not ask for one."""

    def __init__(self, site: Site, postman: Postman) -> None:
        self.subscriptions: dict[tuple[str, str], Subscription] = {}
        self._site = site
        self._postman = postman

    def ask(self, form: Mapping[str, str]) -> None:
        """Takes a request to subscribe or to unsubscribe: it will be verified. Raises `ApiError` (400)."""
        mode, topic, callback = (form.get(f"hub.{name}", "") for name in ("mode", "topic", "callback"))
        if mode not in ("subscribe", "unsubscribe"):
            raise ApiError(400, f'Unrecognized mode "{mode}".')
        if self._whose(topic) is None:
            raise ApiError(400, _NO_TOPIC.format(topic))
        if urlsplit(callback).scheme not in ("http", "https"):
            raise ApiError(400, f'Invalid URL passed for hub.callback "{callback}".')
        secret, lease = form.get("hub.secret", ""), form.get("hub.lease_seconds", "")
        if len(secret) >= _LONGEST_SECRET:
            raise ApiError(400, f'Invalid hub.secret "{secret[:8]}…". It must be under 200 bytes.')
        if lease and not lease.isdigit():
            raise ApiError(400, f'Invalid hub.lease_seconds "{lease}". It must be a positive integer.')
        token = form.get("hub.verify_token")
        self._postman.put(lambda: self._verify(mode, topic, callback, secret, lease, token))

    def publish(self, notice: Notice) -> None:
        """To everybody who reads its author's feed."""
        head = atom.user_head(self._site, notice.author)
        wanted = [one for one in self.subscriptions.values() if one.topic == head.id and self._holds(one)]
        if not wanted:
            return
        body = atom.feed(self._site, head, [notice], None)
        for one in wanted:
            self._push(one, body)

    def _push(self, one: Subscription, body: bytes) -> None:
        headers = {"Content-Type": atom.ATOM}
        if one.secret:
            headers["X-Hub-Signature"] = f"sha1={hmac.new(one.secret.encode(), body, sha1).hexdigest()}"
        self._postman.put(lambda: self._postman.post(one.callback, body, headers))

    def _holds(self, one: Subscription) -> bool:
        return one.until is None or self._site.now() < one.until

    async def _verify(self, mode: str, topic: str, callback: str, secret: str, lease: str, token: str | None) -> None:
        challenge = token_hex(32)
        asked = {"hub.mode": mode, "hub.topic": topic, "hub.challenge": challenge}
        if lease:
            asked["hub.lease_seconds"] = lease
        if token:
            asked["hub.verify_token"] = token
        joined = "&" if "?" in callback else "?"
        status, body = await self._postman.get(f"{callback}{joined}{urlencode(asked)}")
        if not 200 <= status < 300 or body.strip() != challenge.encode():
            return
        if mode == "unsubscribe":
            self.subscriptions.pop((topic, callback), None)
            return
        until = self._site.now() + timedelta(seconds=int(lease)) if lease else None
        self.subscriptions[topic, callback] = Subscription(topic, callback, secret, until)

    def _whose(self, topic: str) -> Profile | None:
        """Only the address with the number is a topic, not the one with the name."""
        return next((one for one in self._site.people.values() if one.local and one.feed == topic), None)
