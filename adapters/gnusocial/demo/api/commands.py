"""Posts that are commands: never posted, and of those that the API obeys (follow, unsub, fav, d) done."""

import re
from contextlib import suppress

from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.api.call import Call
from adapters.gnusocial.demo.things import ApiError, Profile

_COMMAND = re.compile(r"(\w+)(?: +@?(\S+))?(?: +(.+))?", re.DOTALL)
_WITH_TEXT = re.compile("d|dm|r|rd|reply|rp|tag|untag")
_WITH_NAME = re.compile(
    "delete|drop|fav|follow|get|groups|invite|join|last|leave|lose|nudge|peopletags|repeat|rt|sub|track|unfav|unsub|untrack|whois"
)
_ALONE = re.compile("help|home|list|login|off|on|quit|stats|stop|subscribers|subscriptions|summary|tracking|tracks")


async def obey(call: Call, text: str) -> bool:
    """Whether it was one. What goes wrong with it is not told to anybody."""
    found = _COMMAND.fullmatch(text)
    if found is None:
        return False
    word, who, rest = found[1].lower(), found[2], found[3]
    if _WITH_TEXT.fullmatch(word):
        fits = rest is not None
    elif _WITH_NAME.fullmatch(word):
        fits = who is not None and rest is None
    else:
        fits = _ALONE.fullmatch(word) is not None and (who is None or (word in ("on", "off") and rest is None))
    if fits and who is not None:
        with suppress(ApiError):
            await _run(call, word, who, rest or "")
    return fits


async def _run(call: Call, word: str, who: str, text: str) -> None:
    site, me = call.site, call.me
    whom = _known(call, who)
    if word in ("follow", "sub"):
        if whom is None and "@" in who:
            whom = await call.federation.discover(who)
        if whom is not None:
            actions.follow(site, me, whom)
    elif whom is not None and word in ("leave", "unsub"):
        actions.unfollow(site, me, whom)
    elif whom is not None and word in ("d", "dm"):
        actions.direct(site, me, whom, text)
    elif whom is not None and word == "fav":
        latest = next((one for one in site.by(whom) if one.verb == "post"), None)
        if latest is not None:
            actions.favourite(site, me, latest)


def _known(call: Call, who: str) -> Profile | None:
    nick, _, host = who.lower().partition("@")
    if host in ("", call.site.host):
        return call.site.user(nick)
    return next((one for one in call.site.people.values() if one.nick == nick and one.url.split("/")[2] == host), None)
