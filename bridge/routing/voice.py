"""Who is seen to speak: names that cannot be mistaken for somebody else's.

`{name}` in the templates is made safe before it goes in: one line, nothing invisible, and none of the brackets by which templates
mark where the name ends (or their look-alikes), so no display name can close the prefix and begin another one. Authors of other
networks than the hub carry their network's mark at the end, where a name of the hub cannot hold one.
"""

import re
from functools import lru_cache

from bridge.config.settings import VoiceSettings
from bridge.contract.features import Voice, VoiceKind
from bridge.model.events import Style
from bridge.model.ids import HUB
from bridge.model.people import Identity
from bridge.routing.names import safe_name
from bridge.routing.topology import Leg

_LESS = "<\u2039\u276e\u27e8\u2329\u3008\uff1c\ufe64\u02c2\u00ab\u300a\u226a\u2770\u276c\u1438\u29fc"
_MORE = ">\u203a\u276f\u27e9\u232a\u3009\uff1e\ufe65\u02c3\u00bb\u300b\u226b\u2771\u276d\u1433\u29fd"
_OPEN = "[\uff3b\u3010\u3014\u27e6\u2045\u2772\u3016\u301a\u2e22"
_SHUT = "]\uff3d\u3011\u3015\u27e7\u2046\u2773\u3017\u301b\u2e23"
_ANGLES = str.maketrans(dict.fromkeys(_LESS, "(") | dict.fromkeys(_MORE, ")"))
_BRACKETS = _ANGLES | str.maketrans(dict.fromkeys(_OPEN, "(") | dict.fromkeys(_SHUT, ")"))
_FIELD = re.compile(r"\{(name|network)\}")


def voice(
    author: Identity, leg: Leg, kind: VoiceKind, style: Style, settings: VoiceSettings, *, shown: str | None = None
) -> Voice:
    """The voice of `author` on `leg`. `settings` are the destination's; on the hub, those of the author's own network.

    `shown` is the name to use where the author's own would not do (two of one name in a room). Where the author writes with an
    account of their own, the account is who speaks: nothing is added.
    """
    if leg.account is not None:
        name = safe_name(author.name) or safe_name(author.id.id) or "?"
        return Voice(kind=VoiceKind.NAME if kind is VoiceKind.PREFIX else kind, name=name)
    return _voice(shown or author.name, author.id.id, author.id.network, leg.channel.network == HUB, kind, style, settings)


def plain_name(identity: Identity, leg: Leg) -> str:
    """How somebody is called in a text on `leg`: as their own network calls them, made safe."""
    return in_text(identity.name) or in_text(identity.id.id) or "?"


def in_text(name: str) -> str:
    """A name as it may stand in the middle of a text. May be empty."""
    return safe_name(name).translate(_ANGLES)


@lru_cache(maxsize=4096)
def _voice(name: str, fallback: str, network: str, hub: bool, kind: VoiceKind, style: Style, settings: VoiceSettings) -> Voice:
    name = safe_name(name) or safe_name(fallback) or "?"
    if hub:
        return Voice(kind=VoiceKind.PUPPET, name=_fill(settings.puppet, name, network))
    name = name.translate(_BRACKETS) if network == HUB else _fill(settings.foreign, name.translate(_ANGLES), network)
    template = settings.emote if style is Style.EMOTE else settings.prefix
    prefix = _fill(template, name, network) if kind is VoiceKind.PREFIX else ""
    return Voice(kind=kind, name=_fill(settings.name, name, network), prefix=prefix)


def _fill(template: str, name: str, network: str) -> str:
    return _FIELD.sub(lambda field: name if field[1] == "name" else network, template)
