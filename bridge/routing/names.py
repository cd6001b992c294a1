"""Names of ours on the hub: reversible, spec-legal, lower case (Matrix appendices, "User identifiers").

A puppet is `@_<network>_<escaped identity>:<domain>`, an alias `#_<network>_<escaped channel>:<domain>`. In the escaped half
a lower-case letter, a digit, `.`, `-`, `/` and `+` stand for themselves, `_a` is `A`, `__` is `_`, `=xx` is one byte of UTF-8.
What would pass the 255 bytes of an identifier becomes `=-` and a hash, which no escaped name begins with; the ledger keeps whom
it stands for.
"""

import hashlib
import re
from functools import lru_cache

from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.text.escape import strip_invisible
from bridge.text.plain import cut

LONGEST = 255
"""Bytes of a user id or alias, sigil and domain included."""
NAME_GRAPHEMES = 64
_HASHED = "=-"
_UNSAFE = re.compile("[^a-z0-9./+-]")
_ESCAPED = re.compile(r"_([a-z_])|=([0-9a-f]{2})")
_LEGAL = re.compile("(?:[a-z0-9./+-]|_[a-z_]|=[0-9a-f]{2})*")
_NETWORK = re.compile("[a-z0-9-]+")


def escape(name: str) -> str:
    """Injective, over all strings; `unescape` takes it back."""
    if name.islower() and not _UNSAFE.search(name):
        return name
    return _UNSAFE.sub(lambda match: _escaped(match[0]), name)


def _escaped(character: str) -> str:
    if "A" <= character <= "Z":
        return "_" + character.lower()
    if character == "_":
        return "__"
    return "".join(f"={byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def unescape(escaped: str) -> str | None:
    """None for what `escape` never writes: hashed names, strays, second spellings of a name."""
    if not _LEGAL.fullmatch(escaped):
        return None
    raw = bytearray()
    at = 0
    for match in _ESCAPED.finditer(escaped):
        raw += escaped[at : match.start()].encode()
        raw += match[1].upper().encode() if match[1] else bytes.fromhex(match[2])
        at = match.end()
    raw += escaped[at:].encode()
    try:
        name = raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    return name if escape(name) == escaped else None


def is_network_name(name: str) -> bool:
    """Lower-case letters, digits and hyphens: no `_`, so that the first one ends it."""
    return _NETWORK.fullmatch(name) is not None


def puppet_id(network: NetworkName, identity: str, domain: str) -> str:
    """The Matrix user that stands for an identity. Raises `ValueError` where the domain leaves no room."""
    return _identifier("@", network, identity, domain)


def parse_puppet(user: str, domain: str) -> IdentityId | None:
    """Whom a puppet stands for. None for anybody else, and for a hashed name: the ledger knows those."""
    parsed = _parse("@", user, domain)
    return None if parsed is None else IdentityId(*parsed)


def alias_of(channel: ChannelId, domain: str) -> str:
    """The room alias by which a channel is joined. Raises `ValueError` where the domain leaves no room."""
    return _identifier("#", channel.network, channel.id, domain)


def parse_alias(alias: str, domain: str) -> ChannelId | None:
    """The channel that an alias asks for; None for any other alias, and for a hashed one."""
    parsed = _parse("#", alias, domain)
    return None if parsed is None else ChannelId(*parsed)


def asked_channel(alias: str, domain: str) -> ChannelId | None:
    """As `parse_alias`, and as people type it: `#_local_#tea`. None where that could be an escaped name misspelt."""
    channel = parse_alias(alias, domain)
    head, tail = "#_", f":{domain}"
    if channel is not None or not (alias.startswith(head) and alias.endswith(tail)):
        return channel
    network, _, name = alias[len(head) : -len(tail)].partition("_")
    plain = "=" not in name and _UNSAFE.search(name.replace("_", "")) is not None
    return ChannelId(NetworkName(network), name) if plain and is_network_name(network) else None


def network_of(identifier: str) -> NetworkName | None:
    """The network of a puppet id or alias of any bridge that names them as we do; by shape alone, hashed ones too."""
    network, _, _ = identifier[2:].partition("_")
    return NetworkName(network) if identifier[1:2] == "_" and is_network_name(network) else None


def _identifier(sigil: str, network: NetworkName, name: str, domain: str) -> str:
    head, tail = f"{sigil}_{network}_", f":{domain}"
    room = LONGEST - len(head) - len(tail.encode())
    escaped = escape(name)
    if len(escaped) > room:
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        escaped = _HASHED + digest
        if len(escaped) > room:
            raise ValueError(f"{domain!r} is too long for identifiers of {network}")
    return head + escaped + tail


def _parse(sigil: str, identifier: str, domain: str) -> tuple[NetworkName, str] | None:
    tail = f":{domain}"
    if not (identifier.startswith(sigil + "_") and identifier.endswith(tail)):
        return None
    network, underscore, escaped = identifier[2 : -len(tail)].partition("_")
    if not (underscore and escaped and is_network_name(network)):
        return None
    name = unescape(escaped)
    if name is None or _identifier(sigil, NetworkName(network), name, domain) != identifier:
        return None
    return NetworkName(network), name


@lru_cache(maxsize=4096)
def safe_name(name: str) -> str:
    """A name as it may be shown: one line, nothing invisible, no control characters, at most 64 graphemes. May be empty."""
    if len(name) > 64 * NAME_GRAPHEMES:
        name = name[: 64 * NAME_GRAPHEMES]
    return cut(" ".join(strip_invisible(name).split()), NAME_GRAPHEMES).rstrip()
