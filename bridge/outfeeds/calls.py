"""What a hub says to subscribers: whether they wish to be called (WebSub §5.3), and what is new (§7)."""

import hashlib
import hmac
import random
import secrets
from contextlib import suppress
from urllib.parse import urlencode

from msgspec.structs import replace

from bridge.contract.toolbox import Clock, HttpAnswer, HttpClient, Metrics
from bridge.outfeeds.pages import link_header
from bridge.outfeeds.press import Document
from bridge.outfeeds.subscriptions import Subscription, Wish

SECONDS = 10.0
"""That who is called has to answer."""
MOST_TRIES = 8
"""Pushes in a row that fail, the last half an hour after the one before: then the subscription ends."""
MOST_WISHES = 3
"""Times that somebody is asked whether they wish to be called."""
AGAIN = 15
"""Seconds after which a call that failed is made again; twice as long each time."""
_ANSWER = 8 * 1024
_GONE = 410


class Calls:
    """Each returns the subscription as it is afterwards; None: it has ended. No redirect is followed: who was asked is called."""

    def __init__(self, http: HttpClient, clock: Clock, source: random.Random, metrics: Metrics) -> None:
        self._http = http
        self._clock = clock
        self._random = source
        self._metrics = metrics

    async def ask(self, one: Subscription, document: Document) -> Subscription | None:
        """Whether the wish is really theirs. What was printed until now counts as known to them."""
        wish = one.wish
        if wish is None:
            return one
        challenge = secrets.token_urlsafe(32)
        asked = {"hub.mode": "subscribe" if wish.lease else "unsubscribe", "hub.topic": one.topic, "hub.challenge": challenge}
        if wish.lease:
            asked["hub.lease_seconds"] = str(wish.lease)
        joint = "&" if "?" in one.callback else "?"
        try:
            answer = await self._http.request(
                "GET", f"{one.callback}{joint}{urlencode(asked)}", limit=_ANSWER, timeout=SECONDS, redirects=0
            )
        except OSError:
            return self._unanswered(one, wish)
        if answer.status // 100 == 5:
            return self._unanswered(one, wish)
        if answer.status // 100 != 2 or answer.body.strip() != challenge.encode():
            self._count("denied")
            return replace(one, wish=None) if one.until else None
        if not wish.lease:
            self._count("ended")
            return None
        self._count("confirmed")
        until = int(self._clock.now().timestamp()) + wish.lease
        return replace(one, until=until, secret=wish.secret, sent=one.sent or document.version, tries=0, due=0, wish=None)

    def _unanswered(self, one: Subscription, wish: Wish) -> Subscription | None:
        if wish.tries + 1 >= MOST_WISHES:
            self._count("unanswered")
            return replace(one, wish=None, due=0) if one.until else None
        return replace(one, wish=replace(wish, tries=wish.tries + 1), due=self._later(wish.tries))

    async def push(self, one: Subscription, document: Document) -> Subscription | None:
        """The whole feed as it is now, signed with the subscriber's secret."""
        headers = {"Content-Type": document.type, "Link": link_header(document)}
        if one.secret:
            digest = hmac.new(one.secret.encode("utf-8", "replace"), document.body, hashlib.sha256)
            headers["X-Hub-Signature"] = f"sha256={digest.hexdigest()}"
        answer: HttpAnswer | None = None
        with suppress(OSError):
            answer = await self._http.request(
                "POST", one.callback, headers=headers, body=document.body, limit=_ANSWER, timeout=SECONDS, redirects=0
            )
        if answer is not None and answer.status // 100 == 2:
            self._count("pushed")
            return replace(one, sent=document.version, tries=0, due=0)
        if one.tries + 1 >= MOST_TRIES or (answer is not None and answer.status == _GONE):
            self._count("given_up")
            return None
        self._count("failed")
        return replace(one, tries=one.tries + 1, due=self._later(one.tries))

    def _later(self, tries: int) -> int:
        wait = AGAIN * 2**tries
        return int(self._clock.now().timestamp() + wait * (1 + self._random.random() / 4)) + 1

    def _count(self, outcome: str) -> None:
        self._metrics.count("outfeed_calls", outcome=outcome)
