"""Takes out what must not pass: characters that no reader sees but terminals, servers and eyes are fooled by."""

import re

_CONTROLS = re.compile(
    "["
    "\u0000-\u0008\u000b-\u001f\u007f-\u009f"  # C0 but tab and line feed, DEL, C1
    "\u202a-\u202e\u2066-\u2069"  # bidi embeddings, overrides, isolates: they reorder what follows them
    "\ud800-\udfff\ufffe\uffff"  # not characters: they end an XML stream or cannot be encoded
    "]"
)
_NEWLINES = re.compile("\r\n?|[\u0085\u2028\u2029]")

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U000e0000-\U000e0fff]"
)
# A joiner means something in scripts that join and in emoji; elsewhere it only makes equal-looking names differ.
_STRAY_JOINER = re.compile("(?<![^\x00-\x7f\u200c\u200d])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f\u200c\u200d])")


def strip_controls(text: str) -> str:
    """Text without control characters, bidi overrides and non-characters; tabs and line feeds stay.

    Every other spelling of a line end becomes a line feed. Idempotent.
    """
    if text.isprintable():
        return text
    return _CONTROLS.sub("", _NEWLINES.sub("\n", text))


def strip_invisible(text: str) -> str:
    """For names: `strip_controls`, and no zero-width or blank characters by which two names could look the same. Idempotent."""
    if text.isascii() and text.isprintable():
        return text
    text = _INVISIBLE.sub("", strip_controls(text))
    return _STRAY_JOINER.sub("", text)
