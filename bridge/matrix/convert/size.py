"""What an event may hold: 64 KiB with all that the homeserver puts around the content."""

from typing import Any

import msgspec

from bridge.matrix.convert.post_out import FACTS
from bridge.text.plain import excerpt

MOST = 56_000
"""Bytes of one content as JSON. An edit has a little more, for those who can't show it; the rest is for ids and signatures."""
_SMALL = 4_000
_RICH = ("format", "formatted_body")


def is_too_big(content: dict[str, Any], most: int = MOST) -> bool:
    if len(content.get("body", "")) + len(content.get("formatted_body", "")) < _SMALL and "m.new_content" not in content:
        return False
    return len(msgspec.json.encode(content)) > most


def fitting(content: dict[str, Any]) -> dict[str, Any]:
    """The content, without what is least missed where it is too big: facts for programs, then formatting, and never words.

    Text is cut to parts long before (`routing.fit`): too big is only what JSON and HTML have to escape at every step.
    """
    for less in ((FACTS,), _RICH):
        if not is_too_big(content):
            break
        content = {name: value for name, value in content.items() if name not in less}
    return content


def without_fallback(content: dict[str, Any]) -> dict[str, Any]:
    """An edit that is too big, with only its first words for clients that can't show edits."""
    less = {name: value for name, value in content.items() if name not in (FACTS, *_RICH)}
    return {**less, "body": excerpt(content["body"], 200)}
