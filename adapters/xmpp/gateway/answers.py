"""What our addresses answer, as stanzas. Pure."""

from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote
from xml.etree.ElementTree import Element

from adapters.xmpp.gateway.faces import Picture
from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.caps import ver_of
from adapters.xmpp.stanza.clean import xml_text
from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Profile
from bridge.text.plain import one_line

COMMANDS = "http://jabber.org/protocol/commands"
VERSION = "jabber:iq:version"
TIME = "urn:xmpp:time"
LAST = "jabber:iq:last"
REGISTER = "jabber:iq:register"
GATEWAY = "jabber:iq:gateway"
FORM = "jabber:x:data"

NAME = "Unabridged"
TITLE = "Matrix"
SERVES = (COMMANDS, GATEWAY, ns.INFO, ns.ITEMS, LAST, ns.PING, REGISTER, TIME, ns.VCARD, VERSION)
"""What the component itself can do."""
KNOWS = (ns.INFO, ns.PING, TIME, ns.VCARD, VERSION, ns.STYLING, *ns.READ_AND_WRITTEN)
"""What everybody behind it can do."""
_NAME_CAP = 256
NODE = "urn:unabridged:person"
VER = ver_of("client", "web", NAME, KNOWS)


def result(iq: Element) -> Element:
    """An empty answer to a request."""
    answer = Element(ns.qualified(ns.CLIENT, "iq"), {"type": "result", "id": iq.get("id", "")})
    for key, value in (("to", iq.get("from")), ("from", iq.get("to"))):
        if value:
            answer.set(key, value)
    return answer


def info(answer: Element, identities: Iterable[tuple[str, str, str]], features: Iterable[str], node: str | None = None) -> None:
    """XEP-0030. `identities`: category, type, name."""
    query = ns.add(answer, ns.INFO, "query")
    if node:
        query.set("node", node)
    for category, kind, name in identities:
        ns.add(query, ns.INFO, "identity", category=category, type=kind, name=shown(name))
    for feature in sorted(features):
        ns.add(query, ns.INFO, "feature", var=feature)


def items(answer: Element, found: Iterable[tuple[str, str, str]], node: str | None = None) -> None:
    """XEP-0030. `found`: address, node, name."""
    query = ns.add(answer, ns.ITEMS, "query")
    if node:
        query.set("node", node)
    for jid, of, name in found:
        ns.add(query, ns.ITEMS, "item", jid=jid, node=of, name=name)


def vcard(answer: Element, who: IdentityId | None, profile: Profile, picture: Picture | None) -> None:
    """XEP-0054."""
    card = ns.add(answer, ns.VCARD, "vCard")
    name = shown(profile.name or (who.id if who is not None else NAME))
    ns.add(card, ns.VCARD, "FN", name)
    ns.add(card, ns.VCARD, "NICKNAME", name)
    if who is not None and who.network == HUB:
        ns.add(card, ns.VCARD, "URL", f"https://matrix.to/#/{quote(who.id, safe='@:')}")
        ns.add(card, ns.VCARD, "DESC", shown(who.id))
    if picture is not None:
        photo = ns.add(card, ns.VCARD, "PHOTO")
        ns.add(photo, ns.VCARD, "TYPE", picture.type)
        ns.add(photo, ns.VCARD, "BINVAL", b64encode(picture.data).decode())


def published(answer: Element, node: str, profile: Profile, name: str, picture: Picture | None) -> bool:
    """What would stand in a personal node (XEP-0084, XEP-0172). False where there is no such node."""
    if node not in (ns.AVATAR_DATA, ns.AVATAR_METADATA, ns.NICK):
        return False
    found = ns.add(ns.add(answer, ns.PUBSUB, "pubsub"), ns.PUBSUB, "items", node=node)
    if node == ns.NICK:
        ns.add(ns.add(found, ns.PUBSUB, "item", id="current"), ns.NICK, "nick", shown(profile.name or name))
    elif picture is not None:
        item = ns.add(found, ns.PUBSUB, "item", id=picture.sha1)
        if node == ns.AVATAR_DATA:
            ns.add(item, ns.AVATAR_DATA, "data", b64encode(picture.data).decode())
        else:
            facts = {"id": picture.sha1, "type": picture.type, "bytes": str(len(picture.data))}
            ns.add(ns.add(item, ns.AVATAR_METADATA, "metadata"), ns.AVATAR_METADATA, "info", None, **facts)
    return True


def version(answer: Element, number: str) -> None:
    """XEP-0092."""
    query = ns.add(answer, VERSION, "query")
    ns.add(query, VERSION, "name", NAME)
    ns.add(query, VERSION, "version", number)


def time(answer: Element, now: datetime) -> None:
    """XEP-0202."""
    found = ns.add(answer, TIME, "time")
    ns.add(found, TIME, "tzo", "+00:00")
    ns.add(found, TIME, "utc", f"{now:%Y-%m-%dT%H:%M:%SZ}")


def shown(name: str) -> str:
    return xml_text(one_line(name), _NAME_CAP)
