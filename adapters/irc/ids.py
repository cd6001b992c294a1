"""Who is who and what is where on an IRC network: folding, channel ids, and the roster of sessions."""

import string

from bridge.model.ids import ChannelId, NetworkName

_ASCII = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_STRICT = str.maketrans(string.ascii_uppercase + "[]\\", string.ascii_lowercase + "{}|")
_RFC1459 = str.maketrans(string.ascii_uppercase + "[]\\~", string.ascii_lowercase + "{}|^")
_MAPPINGS = {"ascii": _ASCII, "rfc1459": _RFC1459, "rfc1459-strict": _STRICT, "strict-rfc1459": _STRICT}


def fold(text: str, casemapping: str = "rfc1459") -> str:
    """Equal names have equal folds, by ISUPPORT CASEMAPPING. Unicode mappings fold as Unicode does, unknown ones as RFC 1459."""
    if casemapping in ("rfc7613", "rfc8265", "precis"):
        return text.casefold()
    return text.translate(_MAPPINGS.get(casemapping, _RFC1459))


def channel_id(network: NetworkName, name: str, casemapping: str = "rfc1459") -> ChannelId:
    return ChannelId(network, fold(name, casemapping))
