"""What stream and stanza errors mean (RFC 6120 §4.9.3, §8.3.3), in plain words. Pure."""

from xml.etree.ElementTree import Element

from bridge.contract.errors import Disconnected, Rejected, Unavailable

ODD = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, Unavailable, Rejected)
"""What code can raise for a stanza it did not expect, or where its answer can't be written."""

_STREAMS = "{urn:ietf:params:xml:ns:xmpp-streams}"
_STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
_TEXT_CAP = 200

CONFLICT_SECONDS = 5.0
"""A connection that died may seem alive to the server for a moment."""
UNKNOWN_SECONDS = 60.0

_WORDS = {
    "conflict": "another connection speaks for {host}",
    "connection-timeout": "the server heard nothing from us for too long",
    "host-gone": "the server does not serve {host} any more",
    "host-unknown": "the server knows no component {host}",
    "internal-server-error": "the server failed",
    "not-authorized": "the server does not accept the secret for {host}",
    "not-well-formed": "the server says that we sent what is no XML",
    "policy-violation": "the server says that we broke its rules",
    "resource-constraint": "the server has too much to do",
    "system-shutdown": "the server is being shut down",
    "undefined-condition": "the server ended the stream",
}


class Refusal(Exception):
    """The answer to a request is an error: its `condition`, and `words` for people (the sender's own where given)."""

    def __init__(self, condition: str, words: str, kind: str) -> None:
        super().__init__(words)
        self.condition = condition
        self.words = words
        self.kind = kind
        """`auth`, `cancel`, `continue`, `modify` or `wait`."""


def verdict_of(error: Element, host: str) -> Disconnected:
    """How a `<stream:error/>` ends a connection."""
    condition, text = _read(error, _STREAMS)
    words = _WORDS.get(condition, "the server ended the stream: {condition}").format(host=host, condition=condition)
    if text:
        words = f"{words} ({text})"
    if condition == "not-authorized":
        return Disconnected(words, fatal=True)
    wait = {"conflict": CONFLICT_SECONDS, "host-unknown": UNKNOWN_SECONDS, "host-gone": UNKNOWN_SECONDS}.get(condition)
    return Disconnected(words, retry_after=wait)


def lost(error: BaseException | None) -> str:
    """How a connection ended without a word from the server."""
    if error is None:
        return "the server closed the connection"
    words = (error.strerror or "") if isinstance(error, OSError) else str(error)
    return f"the connection was lost: {words.lower()}" if words else "the connection was lost"


def refusal_of(stanza: Element) -> Refusal:
    """What the `<error/>` of a stanza says."""
    error = next((child for child in stanza if child.tag.rpartition("}")[2] == "error"), None)
    if error is None:
        return Refusal("undefined-condition", "it was refused without a reason", "cancel")
    condition, text = _read(error, _STANZAS)
    return Refusal(condition, text or condition.replace("-", " "), error.get("type", "cancel"))


def _read(error: Element, space: str) -> tuple[str, str]:
    """(condition, the text with it on one line)."""
    condition, text = "undefined-condition", ""
    for child in error:
        if not child.tag.startswith(space):
            continue
        name = child.tag[len(space) :]
        if name == "text":
            text = text or " ".join("".join(char if char.isprintable() else " " for char in child.text or "").split())[:_TEXT_CAP]
        else:
            condition = name[:60]
    return condition, text
