"""Namespaces, by what they are for, and the few words about elements that every reader and writer needs."""

from xml.etree.ElementTree import Element, SubElement

CLIENT = "jabber:client"
COMPONENT = "jabber:component:accept"
SERVER = "jabber:server"
STREAMS = (CLIENT, COMPONENT, SERVER)
"""A stanza may stand in any of these; it means the same."""
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
PING = "urn:xmpp:ping"
VCARD = "vcard-temp"
PUBSUB = "http://jabber.org/protocol/pubsub"
BOOKMARKS = "urn:xmpp:bookmarks:1"
AVATAR_DATA, AVATAR_METADATA = "urn:xmpp:avatar:data", "urn:xmpp:avatar:metadata"

MUC = "http://jabber.org/protocol/muc"
MUC_USER = "http://jabber.org/protocol/muc#user"
MUC_ADMIN = "http://jabber.org/protocol/muc#admin"
CHAT_STATES = "http://jabber.org/protocol/chatstates"
XHTML_IM = "http://jabber.org/protocol/xhtml-im"
XHTML = "http://www.w3.org/1999/xhtml"
GEOLOC = "http://jabber.org/protocol/geoloc"
NICK = "http://jabber.org/protocol/nick"
CAPS = "http://jabber.org/protocol/caps"
CONFERENCE = "jabber:x:conference"
OOB = "jabber:x:oob"
LEGACY_DELAY = "jabber:x:delay"
VCARD_UPDATE = "vcard-temp:x:update"
DELAY = "urn:xmpp:delay"
RECEIPTS = "urn:xmpp:receipts"
MARKERS = "urn:xmpp:chat-markers:0"
HINTS = "urn:xmpp:hints"
CORRECT = "urn:xmpp:message-correct:0"
RETRACT = "urn:xmpp:message-retract:1"
RETRACT_0 = "urn:xmpp:message-retract:0"
MODERATE = "urn:xmpp:message-moderate:1"
MODERATE_0 = "urn:xmpp:message-moderate:0"
FASTEN = "urn:xmpp:fasten:0"
REACTIONS = "urn:xmpp:reactions:0"
REPLY = "urn:xmpp:reply:0"
FALLBACK = "urn:xmpp:fallback:0"
FALLBACK_OLD = "urn:xmpp:feature-fallback:0"
STANZA_IDS = "urn:xmpp:sid:0"
OCCUPANT = "urn:xmpp:occupant-id:0"
REFERENCE = "urn:xmpp:reference:0"
SPOILER = "urn:xmpp:spoiler:0"
STYLING = "urn:xmpp:styling:0"
SHARING = "urn:xmpp:sfs:0"
SIMS = "urn:xmpp:sims:1"
FILE = "urn:xmpp:file:metadata:0"
JINGLE_FILE = "urn:xmpp:jingle:apps:file-transfer:5"
URL_DATA = "http://jabber.org/protocol/url-data"
HASHES = "urn:xmpp:hashes:2"
CARBONS = "urn:xmpp:carbons:2"
FORWARD = "urn:xmpp:forward:0"
ARCHIVE = "urn:xmpp:mam:2"
ENCRYPTION = "urn:xmpp:eme:0"
IDLE = "urn:xmpp:idle:1"

ENCRYPTED = {
    "eu.siacs.conversations.axolotl": "OMEMO",
    "urn:xmpp:omemo:1": "OMEMO",
    "urn:xmpp:omemo:2": "OMEMO",
    "jabber:x:encrypted": "OpenPGP",
    "urn:xmpp:openpgp:0": "OpenPGP",
    "urn:xmpp:otr:0": "OTR",
}
"""Elements that hold what only the other's device can read, by namespace."""


READ_AND_WRITTEN = (CHAT_STATES, CORRECT, FALLBACK, MARKERS, OOB, REACTIONS, RECEIPTS, REPLY, RETRACT, SHARING)
"""What may stand in a chat's messages, as others are told of it, by whichever way they reach us."""


def split(tag: object) -> tuple[str, str]:
    """(namespace, name) of an element's tag; comments and the like have neither."""
    if not isinstance(tag, str):
        return "", ""
    if not tag.startswith("{"):
        return "", tag
    space, _, name = tag[1:].partition("}")
    return space, name


def qualified(space: str, name: str) -> str:
    return f"{{{space}}}{name}"


def add(parent: Element, space: str, name: str, text: str | None = None, /, **attributes: str) -> Element:
    """A child in a namespace. A trailing `_` of an attribute's name is left out (`for_`); text and values are clean already."""
    child = SubElement(parent, qualified(space, name), {key.rstrip("_"): value for key, value in attributes.items()})
    child.text = text
    return child
