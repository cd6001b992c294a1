"""How people of this site are found: host-meta (RFC 6415), WebFinger (RFC 7033), pages with links, and the keys of slaps."""

import html
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from adapters.gnusocial.demo.render.twitter import encode
from adapters.gnusocial.demo.render.xml import DECLARATION, Page
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import ApiError, Profile

_HEADERS = {"X-Powered-By": "PHP/7.4.33", "Access-Control-Allow-Origin": "*", "Vary": "Accept-Encoding,Cookie"}
_PAGE = {"X-Powered-By": "PHP/7.4.33", "X-XSS-Protection": "1; mode=block", "X-Frame-Options": "SAMEORIGIN"}
_JRD = "application/jrd+json"
_TYPES = (_JRD, "application/json", "application/xrd+xml")
_STEPS = ("access_token", "request_token", "authorize")


class Discovery:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def host_meta(self, _: web.Request) -> web.Response:
        page = Page(declared=False)
        with page.inside("XRD", {"xmlns": "http://docs.oasis-open.org/ns/xri/xrd-1.0"}):
            for link in self._host_links():
                page.void("Link", link)
        return web.Response(
            body=f"{DECLARATION}\n".encode() + page.done(), headers=_HEADERS | {"Content-Type": "application/xrd+xml"}
        )

    async def host_meta_json(self, _: web.Request) -> web.Response:
        return _json({"links": self._host_links()})

    async def nodeinfo(self, _: web.Request) -> web.Response:
        rel = "http://nodeinfo.diaspora.software/ns/schema/2.0"
        return _json({"links": [{"rel": rel, "href": f"{self._site.base}/main/nodeinfo/2.0"}]})

    async def webfinger(self, request: web.Request) -> web.Response:
        """Whoever is not here is an internal server error, in HTML."""
        who = self._meant(request.query.get("resource", ""))
        if who is None:
            return self._page("Internal Server Error", '<div class="error">No such user found.</div>', status=500)
        if "xrd+xml" in request.headers.get("Accept", ""):
            return self._xrd(who)
        names = self._names(who)
        asked = request.query["resource"]
        subject = asked if asked in names else names[0]
        aliases = [one for one in names if one != subject]
        return _json({"subject": subject, "aliases": aliases, "links": self._links(who)})

    async def profile(self, request: web.Request) -> web.StreamResponse:
        """Somebody's page, with links in its headers and its head."""
        who = self._site.user(request.match_info["nick"])
        if who is None:
            return self._page("No such user.", '<div class="error">No such user.</div>', status=404)
        feed = f"{self._site.base}/api/statuses/user_timeline/{who.id}"
        finger = f"{self._site.base}/.well-known/webfinger?resource={quote(who.uri, safe='')}"
        links = [
            (finger, "lrdd", _JRD),
            (finger, "lrdd", "application/xrd+xml"),
            (f"{feed}.as", "alternate", "application/stream+json"),
            (f"{feed}.rss", "alternate", "application/rss+xml"),
            (f"{feed}.atom", "alternate", "application/atom+xml"),
        ]
        head = "".join(f'<link rel="{rel}" type="{type}" href="{html.escape(url)}"/>' for url, rel, type in links)
        body = f'<h1>{html.escape(who.best_name)}</h1><p class="note">{html.escape(who.bio or "")}</p>'
        answer = self._page(f"{who.nick} timeline", body, head=head)
        answer.headers["Link"] = ", ".join(f'<{url}>; rel="{rel}"; type="{type}"' for url, rel, type in links)
        return answer

    async def user(self, request: web.Request) -> web.StreamResponse:
        """`/user/1`, which is somebody's global id, leads to their page."""
        who = self._site.people.get(int(request.match_info["id"]))
        if who is None or not who.local:
            return self._page("No such user.", '<div class="error">No such user.</div>', status=404)
        return web.Response(status=303, headers={"Location": who.url})

    async def notice(self, request: web.Request) -> web.StreamResponse:
        try:
            notice = self._site.notice(request.match_info["id"])
        except ApiError as error:
            return self._page(error.words, f'<div class="error">{error.words}</div>', status=error.status)
        if not notice.local:
            return web.Response(status=302, headers={"Location": notice.url})
        link = f"{self._site.base}/api/statuses/show/{notice.id}.atom"
        body = f'<article class="h-entry"><p class="e-content">{notice.html}</p></article>'
        return self._page(
            f"{notice.author.nick}'s status", body, head=f'<link rel="alternate" type="application/atom+xml" href="{link}"/>'
        )

    def _page(self, title: str, body: str, *, head: str = "", status: int = 200) -> web.Response:
        name = html.escape(self._site.settings.name)
        text = (
            "<!DOCTYPE html>\n<html><head>"
            f"<title>{html.escape(title)} - {name}</title>{head}</head>\n"
            f'<body><div id="content_inner">{body}</div></body></html>\n'
        )
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=_PAGE)

    def _host_links(self) -> list[dict[str, str]]:
        base = self._site.base
        template = f"{base}/.well-known/webfinger?resource={{uri}}"
        return [
            *({"rel": "lrdd", "type": type, "template": template} for type in _TYPES),
            *({"rel": f"http://apinamespace.org/oauth/{step}", "href": f"{base}/api/oauth/{step}"} for step in _STEPS),
        ]

    def _meant(self, resource: str) -> Profile | None:
        site, address = self._site, resource.removeprefix("acct:").removeprefix("@")
        if "//" not in address:
            nick, _, host = address.partition("@")
            return site.user(nick) if host.lower() == site.host else None
        found = site.by_uri(address.replace("/index.php/", "/", 1))
        return found if found is not None and found.local else None

    def _names(self, who: Profile) -> list[str]:
        base = self._site.base
        return [
            f"acct:{who.nick}@{self._site.host}",
            who.uri,
            who.url,
            f"{base}/index.php/user/{who.id}",
            f"{base}/index.php/{who.nick}",
        ]

    def _links(self, who: Profile) -> list[dict[str, str]]:
        base, salmon = self._site.base, f"{self._site.base}/main/salmon/user/{who.id}"
        key = magic_key(self._site.key_of(who))
        return [
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": who.url},
            {"rel": "http://gmpg.org/xfn/11", "type": "text/html", "href": who.url},
            {"rel": "describedby", "type": "application/rdf+xml", "href": f"{who.url}/foaf"},
            {
                "rel": "http://apinamespace.org/atom",
                "type": "application/atomsvc+xml",
                "href": f"{base}/api/statusnet/app/service/{who.nick}.xml",
            },
            {"rel": "http://apinamespace.org/twitter", "href": f"{base}/api/"},
            {"rel": "http://specs.openid.net/auth/2.0/provider", "href": who.url},
            {"rel": "http://schemas.google.com/g/2010#updates-from", "type": "application/atom+xml", "href": who.feed},
            {"rel": "magic-public-key", "href": f"data:application/magic-public-key,{key}"},
            {"rel": "salmon", "href": salmon},
            {"rel": "http://salmon-protocol.org/ns/salmon-replies", "href": salmon},
            {"rel": "http://salmon-protocol.org/ns/salmon-mention", "href": salmon},
            {"rel": "http://ostatus.org/schema/1.0/subscribe", "template": f"{base}/main/ostatussub?profile={{uri}}"},
        ]

    def _xrd(self, who: Profile) -> web.Response:
        page = Page(declared=False)
        with page.inside("XRD", {"xmlns": "http://docs.oasis-open.org/ns/xri/xrd-1.0"}):
            subject, *aliases = self._names(who)
            page.leaf("Subject", subject)
            for alias in aliases:
                page.leaf("Alias", alias)
            for link in self._links(who):
                page.void("Link", link)
        body = f"{DECLARATION}\n".encode() + page.done()
        return web.Response(body=body, headers=_HEADERS | {"Content-Type": "application/xrd+xml"})


def magic_key(key: RSAPrivateKey) -> str:
    """`RSA.modulus.exponent`, base64url with padding."""
    numbers = key.public_key().public_numbers()
    return f"RSA.{_encoded(numbers.n)}.{_encoded(numbers.e)}"


def _encoded(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()


def _json(data: Any) -> web.Response:
    return web.Response(body=encode(data), headers=_HEADERS | {"Content-Type": _JRD})
