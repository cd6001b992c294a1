"""Looking for a write whose answer was lost, in the account's own posts. Pure but for the pages, which the caller fetches.

A post is taken for a delivery's copy where it says the same, answers the same post, was posted after the delivery was accepted,
and is not known as another delivery's copy. What servers change on the way (short links, addresses of pictures) is not compared.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.gnusocial.ids import direct_id, number
from adapters.gnusocial.outbound import REPEAT, Direct, Post, said
from adapters.gnusocial.wire.answers import Answer
from adapters.gnusocial.wire.statuses import author_number, names_of, posted_at

SKEW = timedelta(seconds=5)
"""Servers tell time in seconds, and so does their `Date`."""
BLIND_SKEW = timedelta(minutes=3)
"""Where a server does not say what time it is."""
_LEAST = 20
"""Characters that must agree where the server has added something."""
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_MARK = said(REPEAT)

Free = Callable[[Sequence[str]], bool]
"""Whether something is not yet known as another delivery's copy, by its names."""


def since(accepted: datetime, answer: Answer, now: datetime) -> datetime:
    """The earliest moment, by the server's clock, at which the copy of a delivery can have been posted."""
    return accepted - BLIND_SKEW if answer.at is None else accepted + (answer.at - now) - SKEW


def post_among(page: Any, post: Post, me: str, host: str, after: datetime, free: Free) -> Any | None:
    """The status that is the post's copy; the oldest, where several could be."""
    for status in reversed(page if isinstance(page, list) else []):
        if author_number(status) != me or "retweeted_status" in status or not _is_after(status, after):
            continue
        answered = number(status.get("in_reply_to_status_id"))
        if answered == post.reply_to and _same(status.get("text"), post.text) and free(names_of(status, host)):
            return status
    return None


def direct_among(page: Any, direct: Direct, to: str, host: str, after: datetime, free: Free) -> str | None:
    """The name of the direct message that is the delivery's copy. `to`: the recipient's number on the server."""
    for message in reversed(page if isinstance(page, list) else []):
        id = number(message.get("id")) if isinstance(message, dict) else None
        if id is None or number(message.get("recipient_id")) != to or not _is_after(message, after):
            continue
        if _same(message.get("text"), direct.text) and free((direct_id(host, id),)):
            return direct_id(host, id)
    return None


def repeat_among(page: Any, of: str, me: str) -> Any | None:
    """Our own repeat of a post, in a list of repeats or a timeline."""
    for status in page if isinstance(page, list) else []:
        original = status.get("retweeted_status") if isinstance(status, dict) else None
        if author_number(status) == me and isinstance(original, dict) and number(original.get("id")) == of:
            return status
    return None


def _is_after(thing: Any, after: datetime) -> bool:
    at = posted_at(thing.get("created_at"))
    return at is not None and at >= after


def _same(theirs: object, ours: str) -> bool:
    if not isinstance(theirs, str):
        return False
    a, b = (said(_LINK.sub(" ", text)).removeprefix(_MARK).strip() for text in (theirs, ours))
    return a == b or (len(b) >= _LEAST and a.startswith(b))


def oldest_of(page: Any) -> tuple[str, datetime] | None:
    """Number and time of a page's last post; None for an empty page, or one that can't be read."""
    last = page[-1] if isinstance(page, list) and page else None
    id, at = (number(last.get("id")), posted_at(last.get("created_at"))) if isinstance(last, dict) else (None, None)
    return None if id is None or at is None else (id, at)
