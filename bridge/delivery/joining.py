"""Joining waiting lines of one author into one wire message, and taking such a message apart again. Pure.

A homeserver on SQLite takes 25 to 35 sends a second in one room, so a lane that is behind stays behind for as long as
each line is a send of its own. Joining trades the timestamps of single lines for the backlog; it never reorders, never
mixes authors, and touches only lines that mean the same when they stand above one another.
"""

import html
from collections.abc import Iterable, Sequence
from itertools import chain, takewhile

from bridge.contract.delivery import Delivery
from bridge.contract.features import VoiceKind
from bridge.ledger.rows import Entry, State
from bridge.model.events import Body, Edit, Mention, Message, Style, Text

MOST_LINES = 50
MOST_BYTES = 32 * 1024
"""Of plain text and its HTML together: half of what one Matrix event may hold, the other half is for the envelope."""


def joinable(entry: Entry) -> bool:
    """Whether this line may stand in a message with others: plain speech, never on the wire before, tied to nothing."""
    delivery = entry.delivery
    body = delivery.body
    return (
        isinstance(body, Message)
        and body.style is Style.SAY
        and entry.state in (State.PENDING, State.LEASED)
        and entry.batch is None
        and entry.waits_for is None
        and delivery.parts == 1
        and delivery.voice.kind is not VoiceKind.PREFIX
        and not (delivery.reply_to or delivery.thread or delivery.target or delivery.repeat)
        and not (body.attachments or body.reply_to or body.thread or body.warning)
        and not (body.poll or body.location or body.post)
    )


def leading(entries: Iterable[Entry]) -> int:
    """How many entries from the first on may become one message: 1 where nothing can be joined, 0 of none.

    No more of them are looked at than that, and one.
    """
    rest = iter(entries)
    first = next(rest, None)
    if first is None:
        return 0
    following = takewhile(lambda entry: _same_speaker(first.delivery, entry.delivery) and joinable(entry), rest)
    second = next(following, None)
    if second is None or not joinable(first):
        return 1
    count = size = lines = 0
    for entry in chain((first, second), following):
        more, high = _measure(entry)
        size, lines = size + more, lines + high
        if count and (size > MOST_BYTES or lines > MOST_LINES):
            break
        count += 1
    return count


def _same_speaker(one: Delivery, other: Delivery) -> bool:
    return (
        one.author.id == other.author.id
        and one.author.profile == other.author.profile
        and one.voice == other.voice
        and one.hops == other.hops
        and one.origin is other.origin
    )


def _measure(entry: Entry) -> tuple[int, int]:
    body = entry.delivery.body
    if not isinstance(body, Message):
        return 0, 0
    plain = body.text.plain
    return len(plain.encode(errors="surrogatepass")) + len(_as_html(body.text).encode(errors="surrogatepass")) + len(
        "\n<br>"
    ), plain.count("\n") + 1


def _as_html(text: Text) -> str:
    return text.html if text.html is not None else html.escape(text.plain, quote=False).replace("\n", "<br>")


def combine(lines: Sequence[Body | None]) -> Message | None:
    """The lines above one another, redacted ones left out; None where none is left."""
    messages = [line for line in lines if isinstance(line, Message)]
    if not messages:
        return None
    mentions: dict[Mention, None] = {mention: None for message in messages for mention in message.mentions}
    rich = any(message.text.html is not None for message in messages)
    return Message(
        text=Text(
            plain="\n".join(message.text.plain for message in messages),
            html="<br>".join(_as_html(message.text) for message in messages) if rich else None,
        ),
        mentions=tuple(mentions),
    )


def assemble(batch: str, entries: Sequence[Entry]) -> Delivery:
    """The one delivery of a batch. Its id is the batch's, so that a retry is the same batch."""
    first = entries[0].delivery
    return with_body(first, batch, combine([entry.delivery.body for entry in entries]) or first.body)


def with_body(like: Delivery, id: str, body: Body) -> Delivery:
    """Another delivery by the same author to the same channel."""
    return Delivery(
        id=id,
        channel=like.channel,
        event=like.event,
        author=like.author,
        voice=like.voice,
        body=body,
        happened_at=like.happened_at,
        accepted_at=like.accepted_at,
        origin=like.origin,
        hops=like.hops,
        repeat=like.repeat,
    )


def amend(lines: Sequence[Body | None], line: int, change: Body) -> tuple[Body | None, ...]:
    """The batch's lines after one was edited or redacted. A redacted line stays gone, whatever edit comes late.

    Replaying a change changes nothing. Raises `IndexError` where there is no such line.
    """
    changed = list(lines)
    if changed[line] is not None:
        changed[line] = change.message if isinstance(change, Edit) else None
    return tuple(changed)
