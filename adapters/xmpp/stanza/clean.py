"""Text on its way into a stanza. One character that XML forbids ends the whole stream, and every chat with it."""

from bridge.contract.features import Unit
from bridge.text.escape import strip_controls
from bridge.text.split import split_text

BODY_CAP = 64 * 1024
"""Bytes of UTF-8 of a body, read or written."""
CUT = " […]"
"""What stands where the rest was left out."""


def xml_text(text: str, cap: int | None = None) -> str:
    """What XML 1.0 forbids is taken out, and with it every control character, bidi override and non-character.

    Longer than `cap` bytes of UTF-8 it is cut at a word or grapheme, and is seen to be.
    """
    text = strip_controls(text)
    if cap is None or len(text) * 4 <= cap or len(text.encode()) <= cap:
        return text
    if cap < len(CUT.encode()) + 4:
        return ""
    return split_text(text, cap - len(CUT.encode()), Unit.BYTES)[0] + CUT


def size_in_xml(text: str) -> int:
    """Bytes that a text takes up in a stanza, its escapes included."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return size + 4 * text.count("&") + 3 * (text.count("<") + text.count(">")) + 5 * (text.count('"') + text.count("'"))
