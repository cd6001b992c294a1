"""What somebody can do, in a hash (XEP-0115 §5.1), so that nobody needs to ask each of us. Pure."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha1
from xml.etree.ElementTree import Element

from adapters.xmpp.stanza import ns


def caps_of(node: str, ver: str) -> Element:
    """For presences."""
    return Element(ns.qualified(ns.CAPS, "c"), {"hash": "sha-1", "node": node, "ver": ver})


def ver_of(category: str, kind: str, name: str, features: Iterable[str]) -> str:
    """Of one identity without a language."""
    said = f"{category}/{kind}//{name}<" + "".join(f"{feature}<" for feature in sorted(features))
    return b64encode(sha1(said.encode(), usedforsecurity=False).digest()).decode()
