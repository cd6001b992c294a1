"""What an account's server can do, as it says itself (XEP-0030), and what we say of ourselves (XEP-0030, 0115, 0199)."""

import asyncio
from xml.etree.ElementTree import Element

from msgspec import Struct

from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.caps import caps_of, ver_of
from adapters.xmpp.wire.client import Client
from adapters.xmpp.wire.uploads import described, offer_of
from adapters.xmpp.wire.verdicts import Refusal
from bridge.contract.errors import Unavailable

BLOCKING = "urn:xmpp:blocking"
NODE = "urn:unabridged:account"
NAME = "Unabridged"
_NOTIFIED = tuple(f"{node}+notify" for node in (ns.AVATAR_METADATA, ns.NICK, ns.BOOKMARKS))
_FEATURES = tuple(sorted((ns.INFO, ns.PING, ns.STANZA_IDS, *ns.READ_AND_WRITTEN, *_NOTIFIED)))
_CATEGORY, _KIND = "client", "pc"
_VER = ver_of(_CATEGORY, _KIND, NAME, _FEATURES)
LOST = (Refusal, TimeoutError, Unavailable)
"""How a question to a server can fail."""


class Services(Struct, frozen=True, kw_only=True):
    """What there is. Sizes in bytes; None: no limit that is known."""

    archive: bool = False
    stanza_ids: bool = False
    carbons: bool = False
    blocking: bool = False
    upload: str | None = None
    upload_limit: int | None = None


async def learn(client: Client, me: str) -> Services:
    """Raises `Unavailable` where the connection ends meanwhile; what the server doesn't answer it doesn't have."""
    server = me.rpartition("@")[2]
    account, host = await asyncio.gather(_features(client, me), _features(client, server))
    upload = await offer_of(client, server)
    return Services(
        archive=ns.ARCHIVE in account or ns.ARCHIVE in host,
        stanza_ids=bool({ns.STANZA_IDS, ns.ARCHIVE} & (account | host)),
        carbons=ns.CARBONS in host or ns.CARBONS in account,
        blocking=BLOCKING in host,
        upload=None if upload is None else upload.service,
        upload_limit=None if upload is None else upload.limit,
    )


async def _features(client: Client, jid: str) -> set[str]:
    answer = await described(client, jid, ns.INFO)
    return set() if answer is None else {one.get("var", "") for one in answer.iter(f"{{{ns.INFO}}}feature")}


def request(kind: str, to: str = "") -> Element:
    """An iq to somebody, or to our own server and account."""
    iq = Element(ns.qualified(ns.CLIENT, "iq"), {"type": kind})
    if to:
        iq.set("to", to)
    return iq


# what we say of ourselves


def caps() -> Element:
    """For presences: so servers tell us what we want to know."""
    return caps_of(NODE, _VER)


def answer_to(iq: Element) -> Element | None:
    """The answer to a question about us; None for any other."""
    if iq.get("type") != "get" or len(iq) != 1:
        return None
    answer = request("result", iq.get("from", ""))
    answer.set("id", iq.get("id", ""))
    space, name = ns.split(iq[0].tag)
    if (space, name) == (ns.PING, "ping"):
        return answer
    if (space, name) == (ns.INFO, "query"):
        query = ns.add(answer, ns.INFO, "query")
        if node := iq[0].get("node"):
            query.set("node", node)
        ns.add(query, ns.INFO, "identity", category=_CATEGORY, type=_KIND, name=NAME)
        for feature in _FEATURES:
            ns.add(query, ns.INFO, "feature", var=feature)
        return answer
    return None
