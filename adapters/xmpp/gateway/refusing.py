"""How we say no: stanza errors (RFC 6120 §8.3) in answer to messages, presences and requests. Pure."""

from xml.etree.ElementTree import Element

from adapters.xmpp.stanza import ns

UNKNOWN = "item-not-found"
"""Nobody has that address: also what is said of those who may not be reached."""
BUSY = "resource-constraint"
_KINDS = {"bad-request": "modify", "jid-malformed": "modify", "not-acceptable": "modify", BUSY: "wait", "forbidden": "auth"}


def refusal(stanza: Element, condition: str, words: str = "") -> Element | None:
    """None where nothing may be answered: to an error, to an answer, to nobody."""
    name = ns.split(stanza.tag)[1]
    sender, kind = stanza.get("from"), stanza.get("type")
    if not sender or kind in ("error", "result"):
        return None
    answer = Element(ns.qualified(ns.CLIENT, name), {"type": "error", "to": sender})
    for key, value in (("from", stanza.get("to")), ("id", stanza.get("id"))):
        if value:
            answer.set(key, value)
    error = ns.add(answer, ns.CLIENT, "error", type=_KINDS.get(condition, "cancel"))
    ns.add(error, ns.STANZA_ERRORS, condition)
    if words:
        ns.add(error, ns.STANZA_ERRORS, "text", words)
    return answer
