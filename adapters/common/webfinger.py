"""WebFinger (RFC 7033) and host-meta (RFC 6415): what a server says of somebody it knows.

https first. Where its WebFinger gives nothing, the host's own host-meta names another place to ask (`lrdd`). Only an answer for
the name that was asked counts: a host may say much of its own people, and nothing of others'.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from adapters.common.atom import Unreadable, load
from adapters.common.media import absolute, host_of
from bridge.contract.toolbox import HttpAnswer, HttpClient, NotReached

UPDATES = "http://schemas.google.com/g/2010#updates-from"
PROFILE = "http://webfinger.net/rel/profile-page"
MAGIC_KEY = "magic-public-key"
LIMIT = 256 * 1024
SECONDS = 10.0
_LINKS_CAP = 200
_ALIASES_CAP = 50
_XRD = "{http://docs.oasis-open.org/ns/xri/xrd-1.0}"
_JRD_ACCEPT = "application/jrd+json, application/json;q=0.9, application/xrd+xml;q=0.5"


class Relation(Struct, frozen=True):
    rel: str
    href: str = ""
    type: str = ""
    template: str = ""


class Resource(Struct, frozen=True, kw_only=True):
    """What a server said about a resource. `aliases` are its other names, as claimed."""

    subject: str | None = None
    aliases: tuple[str, ...] = ()
    links: tuple[Relation, ...] = ()

    def all(self, rel: str) -> tuple[Relation, ...]:
        return tuple(link for link in self.links if link.rel == rel)

    def href(self, rel: str, type: str = "") -> str | None:
        """The first http(s) address of that relation, if given of a media type that begins so."""
        found = (absolute("", link.href) for link in self.all(rel) if link.type.startswith(type))
        return next((href for href in found if href), None)


class Unknown(OSError):
    """The host answers, but not for this name."""


async def look_up(http: HttpClient, resource: str, host: str, *, agent: str) -> Resource:
    """What `host` says about a resource (`acct:user@host`, or an address on it).

    Raises `Unknown` where it knows none, `OSError` where it can't be reached; both in plain words.
    """
    failed: OSError | None = None
    for scheme in ("https", "http"):
        root = f"{scheme}://{host}"
        try:
            return await _at(http, resource, host, root, agent)
        except NotReached as error:
            failed = error
    raise OSError(f"{host} can't be reached: {failed}") from failed


async def _at(http: HttpClient, resource: str, host: str, root: str, agent: str) -> Resource:
    """Raises `NotReached` where nobody listens there, `Unknown` else."""
    templates = [f"{root}/.well-known/webfinger?resource={{uri}}"]
    reached = False
    for number in range(3):
        if number:
            more = await _lrdd(http, root, ("host-meta", "host-meta.json")[number - 1], agent)
            templates = [template for template in more if template not in templates]
        for template in templates:
            url = template.replace("{uri}", quote(resource, safe=""))
            try:
                answer = await _get(http, url, _JRD_ACCEPT, agent)
            except NotReached:
                if number == 0:
                    raise
                continue
            except OSError:
                reached = True
                continue
            reached = True
            found = _read(answer) if answer.status == 200 else None
            if found is not None and answers_for(found, resource, host):
                return found
    if not reached:
        raise NotReached(f"{host} gives no answer")
    raise Unknown(f"{host} knows nobody of that name")


async def _lrdd(http: HttpClient, root: str, name: str, agent: str) -> list[str]:
    try:
        answer = await _get(http, f"{root}/.well-known/{name}", "application/xrd+xml, application/json;q=0.9", agent)
    except OSError:
        return []
    found = _read(answer) if answer.status == 200 else None
    named = (link.template for link in (found.all("lrdd") if found is not None else ()))
    return [template for template in named if "{uri}" in template and absolute("", template.replace("{uri}", "x"))][:3]


async def _get(http: HttpClient, url: str, accept: str, agent: str) -> HttpAnswer:
    return await http.request("GET", url, headers={"Accept": accept, "User-Agent": agent}, limit=LIMIT, timeout=SECONDS)


def answers_for(found: Resource, resource: str, host: str) -> bool:
    """Whether the answer is about what was asked: its subject says so, or it has none, or an alias is on the asked host.

    A subject of the same name on another host is a claim that only that host could make.
    """
    if found.subject is None:
        return True
    asked, said = (_folded(name) for name in (resource, found.subject))
    if asked == said or asked in {_folded(alias) for alias in found.aliases}:
        return asked == said or _host(found.subject) == host.partition(":")[0]
    return False


def _folded(name: str) -> str:
    name = name.strip()
    if name.lower().startswith("acct:"):
        return f"acct:{name[5:].lower()}"
    if absolute("", name) is None and "@" in name:
        return f"acct:{name.lower()}"
    bare = name.partition("#")[0]
    return bare.partition("://")[2] or bare


def _host(name: str) -> str:
    found = host_of(name) if "://" in name else name.rpartition("@")[2].lower()
    return found.partition(":")[0]


def _read(answer: HttpAnswer) -> Resource | None:
    """JRD or XRD, whichever it is. None for anything else."""
    if answer.body.lstrip()[:1] in (b"{", b"["):
        return read_jrd(answer.body)
    return read_xrd(answer.body)


def read_jrd(body: bytes) -> Resource | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    subject, aliases, links = (found.get(name) for name in ("subject", "aliases", "links"))
    return Resource(
        subject=subject if isinstance(subject, str) else None,
        aliases=tuple(one for one in aliases if isinstance(one, str))[:_ALIASES_CAP] if isinstance(aliases, list) else (),
        links=tuple(_json_links(links if isinstance(links, list) else []))[:_LINKS_CAP],
    )


def _json_links(links: list[Any]) -> Iterator[Relation]:
    for link in links[:_LINKS_CAP]:
        if isinstance(link, dict) and isinstance(link.get("rel"), str):
            href, kind, template = (link.get(name) for name in ("href", "type", "template"))
            yield Relation(
                link["rel"],
                href if isinstance(href, str) else "",
                kind if isinstance(kind, str) else "",
                template if isinstance(template, str) else "",
            )


def read_xrd(body: bytes) -> Resource | None:
    try:
        root = load(body)
    except Unreadable:
        return None
    if root.tag != f"{_XRD}XRD":
        return None
    aliases = (one.text.strip() for one in root.findall(f"{_XRD}Alias") if one.text)
    links = (
        Relation(link.get("rel", ""), link.get("href", ""), link.get("type", ""), link.get("template", ""))
        for link in root.findall(f"{_XRD}Link")[:_LINKS_CAP]
    )
    return Resource(
        subject=(root.findtext(f"{_XRD}Subject") or "").strip() or None,
        aliases=tuple(aliases)[:_ALIASES_CAP],
        links=tuple(links),
    )
