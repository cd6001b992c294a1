"""One IRC line, both ways: the only place where bytes become a message and a message becomes bytes.

Reading never raises: a line that is no message is None, and the caller counts it. Writing refuses what could become a second
command (CR, LF, NUL, a parameter that would shift the others), so an injection ends here whatever the rest of the code does.
RFC 1459 §2.3, the Modern IRC client protocol, and IRCv3 message-tags.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

MAX_TAGS = 128
"""Tags of one line that are looked at; a line with more is odd, and each costs time."""

_UNESCAPE = {":": ";", "s": " ", "r": "\r", "n": "\n", "\\": "\\"}
_ESCAPE = str.maketrans({";": "\\:", " ": "\\s", "\\": "\\\\", "\r": "\\r", "\n": "\\n"})
_NO_TAGS: Mapping[str, str] = MappingProxyType({})


class Line(Struct, frozen=True):
    """A message as it was received. `command` is in upper case; of a server's line, `nick` is the server's name."""

    command: str
    params: tuple[str, ...] = ()
    tags: Mapping[str, str] = _NO_TAGS
    """Unescaped; a tag without a value has an empty one."""
    nick: str = ""
    user: str | None = None
    host: str | None = None

    def param(self, index: int) -> str:
        """The parameter, or an empty text where there is none."""
        return self.params[index] if index < len(self.params) else ""


def parse(raw: bytes, fallback: str = "cp1252") -> Line | None:
    """Read one line without its ending; None where it is no message (empty, spaces, a prefix alone, an odd command).

    Text that is not UTF-8 is read as `fallback`. NUL, CR and LF within are left out.
    """
    if b"\r" in raw or b"\0" in raw or b"\n" in raw:
        raw = raw.translate(None, b"\r\n\0")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        text = _decode(raw, fallback, error)
    tags = _NO_TAGS
    if text.startswith("@"):
        group, _, text = text.partition(" ")
        tags = _tags(group)
    text = text.lstrip(" ")
    nick, user, host = "", None, None
    if text.startswith(":"):
        prefix, _, text = text[1:].partition(" ")
        nick, user, host = _prefix(prefix)
        text = text.lstrip(" ")
    head, colon, trailing = text.partition(" :")
    words = [word for word in head.split(" ") if word]
    if not words or not (command := words[0]).isalnum() or not command.isascii():
        return None
    if colon:
        words.append(trailing)
    return Line(command.upper(), tuple(words[1:]), tags, nick, user, host)


def _prefix(prefix: str) -> tuple[str, str | None, str | None]:
    name, at, host = prefix.partition("@")
    nick, bang, user = name.partition("!")
    return nick, (user if bang else None), (host if at else None)


def _tags(group: str) -> dict[str, str]:
    tags = {}
    for item in group[1:].split(";", MAX_TAGS)[:MAX_TAGS]:
        key, _, value = item.partition("=")
        if key:
            tags[key] = unescape_tag(value) if "\\" in value else value
    return tags


def unescape_tag(value: str) -> str:
    """An unknown escape is the character itself, a lone backslash at the end is nothing (message-tags, "Escaping values")."""
    out: list[str] = []
    pieces = iter(value)
    for char in pieces:
        if char == "\\":
            following = next(pieces, "")
            out.append(_UNESCAPE.get(following, following))
        else:
            out.append(char)
    return "".join(out)


def _decode(raw: bytes, fallback: str, error: UnicodeDecodeError) -> str:
    """UTF-8 that a server cut in the middle of a character stays UTF-8; all else is the fallback."""
    before = raw[: error.start]
    cut = error.reason == "unexpected end of data" and (len(raw) > 400 or not before.isascii())
    return before.decode() if cut else raw.decode(fallback, errors="replace")


def encode(command: str, params: Sequence[str] = (), tags: Mapping[str, str] | None = None) -> bytes:
    """The line with its CR LF, in UTF-8. Raises `ValueError` for anything that would be read as something else."""
    words = [command, *params]
    for word in words[:-1]:
        if not word or word[0] == ":" or " " in word:
            raise ValueError(f"not a middle parameter: {word!r}")
    last = words[-1]
    if params and (not last or last[0] == ":" or " " in last or command in ("PRIVMSG", "NOTICE")):
        words[-1] = ":" + last
    elif not params and not (last.isalnum() and last.isascii()):
        raise ValueError(f"not a command: {last!r}")
    text = " ".join(words)
    if "\r" in text or "\n" in text or "\0" in text:
        raise ValueError("a line cannot hold CR, LF or NUL")
    if tags:
        text = f"@{encode_tags(tags)} {text}"
    return text.encode("utf-8", "replace") + b"\r\n"


def encode_tags(tags: Mapping[str, str]) -> str:
    """`key=value;…` with the values escaped. Raises `ValueError` for a key that is none, or a NUL."""
    items = []
    for key, value in tags.items():
        if not key or not key.isascii() or not all(char.isalnum() or char in "+-./" for char in key) or "\0" in value:
            raise ValueError(f"not a tag: {key!r}")
        items.append(f"{key}={value.translate(_ESCAPE)}" if value else key)
    return ";".join(items)
