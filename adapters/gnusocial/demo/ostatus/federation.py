"""What joins one site to others: finds people elsewhere, subscribes to their feeds, takes pushes and slaps, and sends its own."""

import hmac
import json
from collections.abc import Mapping
from hashlib import sha1
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from lxml import etree

from adapters.common.atom import ATOM, Unreadable, load, text
from adapters.common.salmon import Refused, check, read_slap
from adapters.gnusocial.demo.ostatus import envelope
from adapters.gnusocial.demo.ostatus.hub import Hub
from adapters.gnusocial.demo.ostatus.post import Postman
from adapters.gnusocial.demo.ostatus.receiving import Receiver, author_of, link_of, picture_in
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import (
    ApiError,
    Followed,
    Happening,
    Notice,
    Profile,
    Published,
    Unfavoured,
    Unfollowed,
)

_FEED = "http://schemas.google.com/g/2010#updates-from"
_LEASE = 2_592_000
_NOT_FOR_YOU = "The owner of this salmon endpoint was not in the context of the carried slap."


class Federation:
    """Of one site; listens to what happens there. Its letters go out while `postman.run` works."""

    def __init__(self, site: Site) -> None:
        self.postman = Postman()
        self.hub = Hub(site, self.postman)
        self._site = site
        self._receiver = Receiver(site)
        self._secrets: dict[str, str] = {}
        """By feed: what its hub signs with."""
        self._keys: dict[str, list[str]] = {}
        self._seen: set[str] = set()
        site.listeners.append(self._heard)

    # finding people elsewhere

    async def discover(self, who: str) -> Profile:
        """Of `nick@host` or a global id. Raises `ApiError` (404) where nobody is found."""
        try:
            return await self._discover(who)
        except (OSError, ValueError) as error:
            raise ApiError(404, "Could not find a profile by that address.") from error

    async def _discover(self, who: str) -> Profile:
        found = await self._finger(who)
        feed = _href(found, _FEED)
        status, body = await self.postman.get(feed)
        if status != 200:
            raise ValueError(f"{feed} answered {status}")
        root = load(body)
        author = author_of(root)
        known = self._site.by_uri(author.uri)
        if known is None:
            known = self._site.add_stranger(author.nick, author.uri, author.url)
        if known.local:
            return known
        known.fullname, known.feed = author.fullname, feed
        known.hub, known.salmon = link_of(root, "hub"), link_of(root, "salmon") or _href(found, "salmon")
        picture = picture_in(root)
        if picture is not None and known.picture is None:
            status, data = await self.postman.get(picture)
            if status == 200:
                known.picture = self._site.picture_of(known, data)
        return known

    async def _finger(self, who: str) -> dict[str, Any]:
        """As recorded: host-meta first, then WebFinger with the template found there."""
        host = urlsplit(who).netloc if "//" in who else who.rpartition("@")[2]
        resource = who if "//" in who else f"acct:{who.lstrip('@')}"
        if not host:
            raise ValueError(f"{who} is no address")
        status, body = await self.postman.get(f"http://{host}/.well-known/host-meta")
        template = ""
        if status == 200:
            root = load(body)
            template = next((one.get("template") or "" for one in root if one.get("rel") == "lrdd"), "")
        url = (template or f"http://{host}/.well-known/webfinger?resource={{uri}}").replace("{uri}", quote(resource, safe=""))
        status, body = await self.postman.get(url, "application/jrd+json")
        found = json.loads(body) if status == 200 else None
        if not isinstance(found, dict):
            raise ValueError(f"{url} answered {status}")
        return found

    async def _keys_of(self, uri: str) -> list[str]:
        if uri not in self._keys:
            found = await self._finger(uri)
            links = found.get("links") or []
            self._keys[uri] = [str(one["href"]) for one in links if one.get("rel") == "magic-public-key" and "href" in one]
        return self._keys[uri]

    # what comes in

    async def slapped(self, owner: Profile, body: bytes) -> None:
        """A slap for somebody of this site. Raises `ApiError` (400) for what isn't believed or wanted."""
        try:
            slap = read_slap(body)
            check(slap, await self._keys_of(slap.author), self._site.now(), seen=slap.id in self._seen)
            entry = load(slap.content)
            author = self._site.by_uri(slap.author) or await self.discover(slap.author)
        except (Refused, OSError, ValueError) as error:
            raise ApiError(400, str(error)) from error
        if not self._receiver.take(entry, author, owner):
            raise ApiError(400, _NOT_FOR_YOU)
        self._seen.add(slap.id)

    def verified(self, feed: Profile, asked: Mapping[str, str]) -> str:
        """A hub asks whether we meant it: the challenge. Raises `ApiError` (404) where we didn't."""
        wanted = asked.get("hub.topic") == feed.feed and feed.feed in self._secrets
        if asked.get("hub.mode") == "unsubscribe":
            wanted = asked.get("hub.topic") == feed.feed and not self._site.followers_of(feed)
        if not wanted:
            raise ApiError(404, "Bad hub.topic feed.")
        return asked.get("hub.challenge", "")

    def pushed(self, feed: Profile, body: bytes, signature: str) -> None:
        """Entries of a feed. What is not signed as agreed is dropped, and nobody told."""
        secret = self._secrets.get(feed.feed, "")
        expected = f"sha1={hmac.new(secret.encode(), body, sha1).hexdigest()}"
        if not secret or not hmac.compare_digest(expected, signature):
            self.postman.failures.append(f"a push for {feed.feed} was not signed as agreed")
            return
        try:
            root = load(body)
        except Unreadable as error:
            raise ApiError(400, str(error)) from error
        entries: list[etree._Element] = root.findall(f"{ATOM}entry")
        for entry in reversed(entries):
            named = text(entry, f"{ATOM}author/{ATOM}uri")
            if named is None or named == feed.uri:
                self._receiver.take(entry, feed, None)

    # what goes out

    def _heard(self, happening: Happening) -> None:
        match happening:
            case Published(notice) if notice.local:
                self.hub.publish(notice)
                self._slap_about(notice)
            case Followed(who, whom) if not whom.local:
                self._slap(who, whom, envelope.followed(self._site, happening))
                self._subscribe(whom, "subscribe")
            case Unfollowed(who, whom) if who.local and not whom.local:
                self._slap(who, whom, envelope.followed(self._site, happening))
                if not self._site.followers_of(whom):
                    self._subscribe(whom, "unsubscribe")
            case Unfavoured(who, notice) if who.local and not notice.local:
                self._slap(who, notice.author, envelope.unfavoured(self._site, happening))

    def _slap_about(self, notice: Notice) -> None:
        """Whoever is meant hears of it even if they don't follow."""
        site = self._site
        if notice.verb == "post":
            for one in notice.mentions:
                if not one.local:
                    self._slap(notice.author, one, envelope.posted(site, notice))
        elif notice.verb == "favorite" and isinstance(notice.about, Notice) and not notice.about.local:
            self._slap(notice.author, notice.about.author, envelope.favoured(site, notice))

    def _slap(self, who: Profile, whom: Profile, entry: bytes) -> None:
        if not whom.salmon:
            return
        body = envelope.seal(entry, self._site.key_of(who))
        headers = {"Content-Type": envelope.MEDIA_TYPE}
        self.postman.put(lambda: self.postman.post(whom.salmon, body, headers))

    def _subscribe(self, whom: Profile, mode: str) -> None:
        """At their hub, unless that is done."""
        if not whom.hub or (mode == "subscribe" and whom.feed in self._secrets):
            return
        secret = self._secrets.setdefault(whom.feed, token_hex(32))
        if mode == "unsubscribe":
            del self._secrets[whom.feed]
        asked = {
            "hub.mode": mode,
            "hub.callback": f"{self._site.base}/main/push/callback/{whom.id}",
            "hub.verify": "async",
            "hub.verify_token": "Deprecated-since-PuSH-0.4",
            "hub.lease_seconds": str(_LEASE),
            "hub.secret": secret,
            "hub.topic": whom.feed,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.postman.put(lambda: self.postman.post(whom.hub, urlencode(asked).encode(), headers))


def _href(found: dict[str, Any], rel: str) -> str:
    """Raises `ValueError` where there is no such link."""
    for link in found.get("links") or []:
        if isinstance(link, dict) and link.get("rel") == rel and link.get("href"):
            return str(link["href"])
    raise ValueError(f"no link of {rel}")
