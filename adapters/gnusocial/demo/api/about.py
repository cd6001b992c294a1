"""What the site says of itself."""

from typing import Any

from aiohttp import web

from adapters.gnusocial.demo.api.call import Call, Endpoint, answer
from adapters.gnusocial.demo.state import Site

_LICENSE = {
    "type": "cc",
    "owner": None,
    "url": "https://creativecommons.org/licenses/by/3.0/",
    "title": "Creative Commons Attribution 3.0",
    "image": "/theme/licenses/cc_by_3.0_80x15.png",
}


async def config(call: Call, _: str) -> web.Response:
    return answer(call, _config(call.site), name="config")


async def version(call: Call, _: str) -> web.Response:
    return answer(call, call.site.settings.version)


async def test(call: Call, _: str) -> web.Response:
    return answer(call, "ok")


GET: dict[str, Endpoint] = {
    r"(?:gnusocial|statusnet)/config": config,
    r"(?:gnusocial|statusnet)/version": version,
    r"help/test": test,
}


def _config(site: Site) -> dict[str, Any]:
    settings = site.settings
    return {
        "site": {
            "name": settings.name,
            "server": site.host,
            "theme": "neo-gnu",
            "path": "",
            "logo": None,
            "fancy": True,
            "language": "en",
            "email": "x@example.org",
            "broughtby": None,
            "broughtbyurl": None,
            "timezone": "UTC",
            "closed": False,
            "inviteonly": False,
            "private": False,
            "textlimit": settings.text_limit,
            "ssl": "never",
            "sslserver": None,
        },
        "license": _LICENSE,
        "nickname": {"featured": []},
        "profile": {"biolimit": None},
        "group": {"desclimit": None},
        "notice": {"contentlimit": None},
        "throttle": {
            "enabled": settings.throttle.enabled,
            "count": settings.throttle.count,
            "timespan": settings.throttle.timespan,
        },
        "xmpp": {"enabled": False, "server": False, "port": False, "user": False},
        "integration": {"source": settings.name},
        "attachments": {"uploads": True, "file_quota": settings.file_quota},
        "url": {"maxurllength": 100, "maxnoticelength": -1},
    }
