"""XML as PHP's writer puts it on the page: one blank for each level, elements without content open and closed unless `void`."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any

from adapters.gnusocial.demo.markup import one_line

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
STATUSNET = {"xmlns:statusnet": "http://status.net/schema/api/1/"}
_FAMILY = {"statusnet_html": "statusnet:html", "statusnet_conversation_id": "statusnet:conversation_id"} | {
    "statusnet_blocking": "statusnet:blocking",
    "statusnet_profile_url": "statusnet:profile_url",
}

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Attributes = Mapping[str, str | None]


class Page:
    """Grows line by line; `depth` is the level that the next element stands on."""

    def __init__(self, depth: int = 0, *, declared: bool = True) -> None:
        self._lines = [DECLARATION] if declared else []
        self._depth = depth

    def leaf(self, name: str, text: str | None = None, attributes: Attributes | None = None, *, raw: bool = False) -> None:
        """Every blank in `text` becomes a space, unless `raw`."""
        shown = text or "" if raw else one_line(text or "")
        self._line(f"<{name}{_written(attributes)}>{_escaped(shown)}</{name}>")

    def void(self, name: str, attributes: Attributes) -> None:
        self._line(f"<{name}{_written(attributes)}/>")

    @contextmanager
    def inside(self, name: str, attributes: Attributes | None = None, *, flat: bool = False) -> Iterator[None]:
        """`flat`: at the start of the line whatever the level, as the entries of a feed stand."""
        depth, self._depth = self._depth, 0 if flat else self._depth
        self._line(f"<{name}{_written(attributes)}>")
        self._depth += 1
        yield
        self._depth -= 1
        self._line(f"</{name}>")
        self._depth = depth

    def done(self) -> bytes:
        return ("\n".join(self._lines) + "\n").encode()

    def _line(self, line: str) -> None:
        self._lines.append(" " * self._depth + line)


def statuses(found: list[dict[str, Any]], kind: str = "statuses") -> bytes:
    """The Twitter face as XML, from its values."""
    page = Page()
    attributes = {"type": "array", **STATUSNET} if kind == "statuses" else {"type": "array"}
    with page.inside(kind, attributes):
        for one in found:
            _values(page, kind.removesuffix("es") if kind == "statuses" else kind[:-1].replace("_", "-"), one)
    return page.done()


def single(name: str, found: dict[str, Any]) -> bytes:
    page = Page()
    _values(page, name, found, STATUSNET if name in ("status", "user") else None)
    return page.done()


def _values(page: Page, name: str, found: Mapping[str, Any], attributes: Attributes | None = None) -> None:
    with page.inside(name, attributes):
        for key, value in found.items():
            _value(page, _FAMILY.get(key, key), value)


def _value(page: Page, key: str, value: Any) -> None:
    if isinstance(value, Mapping):
        _values(page, key, value)
    elif key == "attachments":
        with page.inside(key, {"type": "array"}):
            for one in value:
                page.leaf("enclosure", "", {name: str(part) for name, part in one.items()})
    elif isinstance(value, list):
        page.leaf(key)
    else:
        written = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        page.leaf(key, written, raw=key == _FAMILY["statusnet_html"])


def _written(attributes: Attributes | None) -> str:
    return "".join(
        f' {name}="{escape(_ILLEGAL.sub(" ", value))}"' for name, value in (attributes or {}).items() if value is not None
    )


def _escaped(text: str) -> str:
    """What XML 1.0 has no place for is a blank."""
    return escape(_ILLEGAL.sub(" ", text), quote=False).replace('"', "&quot;")
