"""Posts that are commands, as the API obeys them: following and no longer following somebody, liking, a direct message."""

import re
from contextlib import suppress

from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.api.call import Call
from adapters.gnusocial.demo.things import ApiError, Profile

_COMMAND = re.compile(r"(follow|sub|unfollow|unsub|d|dm|fav) +@?(\S+)(?: +(.+))?", re.IGNORECASE | re.DOTALL)


async def obey(call: Call, text: str) -> bool:
    """Whether it was one. What goes wrong with it is not told to anybody."""
    found = _COMMAND.fullmatch(text)
    if found is None:
        return False
    word, who, rest = found[1].lower(), found[2], found[3]
    if (rest is None) == (word in ("d", "dm")):
        return False
    with suppress(ApiError):
        await _run(call, word, who, rest or "")
    return True


async def _run(call: Call, word: str, who: str, text: str) -> None:
    site, me = call.site, call.me
    whom = _known(call, who)
    if word in ("follow", "sub"):
        if whom is None and "@" in who:
            whom = await call.federation.discover(who)
        if whom is not None:
            actions.follow(site, me, whom)
    elif whom is not None and word in ("unfollow", "unsub"):
        actions.unfollow(site, me, whom)
    elif whom is not None and word in ("d", "dm"):
        actions.direct(site, me, whom, text)
    elif whom is not None:
        latest = next((one for one in site.by(whom) if one.verb == "post"), None)
        if latest is not None:
            actions.favourite(site, me, latest)


def _known(call: Call, who: str) -> Profile | None:
    nick, _, host = who.lower().partition("@")
    if host in ("", call.site.host):
        return call.site.user(nick)
    return next((one for one in call.site.people.values() if one.nick == nick and one.url.split("/")[2] == host), None)
