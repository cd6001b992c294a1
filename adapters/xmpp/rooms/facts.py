"""What a room says about itself (XEP-0030, XEP-0045 §6.4). Pure."""

from xml.etree.ElementTree import Element

from msgspec import Struct

from adapters.xmpp.stanza import ns

_NAME_LENGTH = 200


class Facts(Struct, frozen=True, kw_only=True):
    """The defaults are for a room that says nothing: the most careful guess."""

    name: str | None = None
    keeps: bool = False
    """It has an archive (XEP-0313)."""
    stanza_ids: bool = False
    occupant_ids: bool = False
    anonymous: bool = True
    """Addresses are for moderators only."""
    moderates: str | None = None
    """The namespace by which its moderators take messages back (XEP-0425)."""


def facts_in(answer: Element) -> Facts:
    """`answer`: the whole iq."""
    query = answer.find(ns.qualified(ns.INFO, "query"))
    if query is None:
        return Facts()
    offered = {feature.get("var", "") for feature in query.findall(ns.qualified(ns.INFO, "feature"))}
    identity = query.find(ns.qualified(ns.INFO, "identity"))
    name = " ".join((identity.get("name", "") if identity is not None else "").split())[:_NAME_LENGTH]
    keeps = ns.ARCHIVE in offered
    return Facts(
        name=name or None,
        keeps=keeps,
        stanza_ids=keeps or ns.STANZA_IDS in offered,
        occupant_ids=ns.OCCUPANT in offered,
        anonymous="muc_nonanonymous" not in offered,
        moderates=next((space for space in (ns.MODERATE, ns.MODERATE_0) if space in offered), None),
    )
