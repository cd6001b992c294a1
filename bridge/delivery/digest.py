"""What did not come one by one: one message that lists it, and the record of what that lists. Pure.

Numbers go on from digest to digest of a room, so that each names one post there.
"""

from collections.abc import Sequence
from html import escape

from msgspec import Struct

from bridge.contract.delivery import Delivery
from bridge.model.events import Message, Style, Text
from bridge.text.plain import excerpt, one_line

MOST_BYTES = 24 * 1024
"""Of one digest, as text and HTML together."""
_NAME, _WORDS, _LINK = 40, 80, 500
KEPT = 1_000
"""Posts of a room that can be shown by number."""


class Digest(Struct, frozen=True, kw_only=True):
    """`ids[n]` is the delivery that has the number `first + n`; empty where its author took it back."""

    id: str
    """The delivery id of the message."""
    first: int
    ids: tuple[str, ...] = ()


class Record(Struct, frozen=True, kw_only=True):
    """The digests of a room, oldest first."""

    digests: tuple[Digest, ...] = ()
    next: int = 1

    def with_last(self, digest: Digest) -> "Record":
        """With a digest that is new, or has grown."""
        digests = [*(one for one in self.digests if one.id != digest.id), digest]
        while len(digests) > 1 and sum(len(one.ids) for one in digests) > KEPT:
            digests.pop(0)
        return Record(digests=tuple(digests), next=max(self.next, digest.first + len(digest.ids)))

    def without(self, delivery: str) -> "Record":
        """One post is gone; the numbers stay."""
        return Record(
            digests=tuple(
                Digest(id=one.id, first=one.first, ids=tuple("" if id == delivery else id for id in one.ids))
                for one in self.digests
            ),
            next=self.next,
        )

    def numbered(self) -> dict[int, str]:
        """Delivery ids by number."""
        return {one.first + place: id for one in self.digests for place, id in enumerate(one.ids) if id}


class Line(Struct, frozen=True):
    plain: str
    html: str

    @property
    def size(self) -> int:
        return len(self.plain.encode(errors="replace")) + len(self.html.encode(errors="replace")) + 6


def line_of(number: int, delivery: Delivery) -> Line:
    """Who, the first words (of what has a warning: that alone), and where it is to be read whole."""
    body = delivery.body
    message = body if isinstance(body, Message) else Message(text=Text(plain=""))
    post = message.post
    passed_on = f" ({excerpt(post.boosted_by.name, _NAME)})" if post is not None and post.boosted_by is not None else ""
    who = excerpt(one_line(delivery.author.name), _NAME) + passed_on
    words = excerpt(_said(message), _WORDS) or "…"
    link = post.permalink if post is not None and post.permalink else ""
    if not link.startswith(("https://", "http://")) or len(link) > _LINK or any(map(str.isspace, link)):
        link = ""
    plain = f"{number}. {who}: {words}{f' {link}' if link else ''}"
    shown = f'<a href="{escape(link)}">{escape(words)}</a>' if link else escape(words)
    return Line(plain, f"{number}. <b>{escape(who)}</b>: {shown}")


def _said(message: Message) -> str:
    if message.warning:
        return f"⚠ {message.warning}"
    title = message.post.title if message.post is not None and message.post.title else ""
    said = " — ".join(filter(None, (title, message.text.plain)))
    return said or ", ".join(attachment.alt or attachment.name for attachment in message.attachments)


def size_of(lines: Sequence[Line]) -> int:
    return sum(line.size for line in lines)


def composed(lines: Sequence[Line], command: str) -> Message:
    """The message of a digest; never empty."""
    show = f"{command}show"
    head = f"{len(lines)} more posts came at once." if len(lines) != 1 else "One more post came at once."
    how = f"“{show} NUMBER” brings one here, “{show} all” all of them."
    plain = "\n".join((f"{head} {how}", *(line.plain for line in lines)))
    html = "<br>".join((f"<b>{head}</b> {escape(how)}", *(line.html for line in lines)))
    return Message(text=Text(plain=plain, html=html), style=Style.NOTICE)


def emptied() -> Message:
    """Of a digest whose posts were all taken back."""
    return Message(text=Text(plain="These posts were taken back."), style=Style.NOTICE)
