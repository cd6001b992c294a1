"""What is said in words where the destination has nothing of its own for it. Each fallback exists here once."""

from math import isfinite

from bridge.model.events import Attachment, Location, Media, Poll
from bridge.text.plain import cut, excerpt, one_line

_NAME_GRAPHEMES = 100
_ALT_GRAPHEMES = 300


def attachment_line(attachment: Attachment, link: str | None) -> str:
    """`name (size, length): link – description` on one line; without a link it says so."""
    name = cut(one_line(attachment.name), _NAME_GRAPHEMES) or attachment.media.value
    facts = []
    if attachment.media in (Media.VOICE, Media.AUDIO, Media.VIDEO) and attachment.duration:
        facts.append(_length(attachment.duration))
    if attachment.size is not None and attachment.size >= 0:
        facts.append(_size(attachment.size))
    line = f"{name} ({', '.join(facts)})" if facts else name
    line += f": {one_line(link)}" if link else " (not available here)"
    alt = one_line(attachment.alt or "")
    return f"{line} – {cut(alt, _ALT_GRAPHEMES)}" if alt and alt != name else line


def poll_lines(poll: Poll, said: str) -> list[str]:
    """The question, its numbered options with their votes, how many may be chosen and until when.

    What the text already says is not said again.
    """
    lines = []
    question = one_line(poll.question)
    if question and question not in said:
        lines.append(f"📊 {question}")
    options = [one_line(option.text) for option in poll.options]
    if any(option not in said for option in options) or any(option.votes is not None for option in poll.options):
        for number, (option, text) in enumerate(zip(poll.options, options, strict=True), 1):
            lines.append(f"{number}. {text}" + (f" ({option.votes})" if option.votes is not None else ""))
    facts = ["several may be chosen"] if poll.multiple else []
    facts += [f"until {poll.closes_at.strftime('%Y-%m-%d %H:%M')} UTC"] if poll.closes_at is not None else []
    return [*lines, f"({', '.join(facts)})"] if facts else lines


def location_line(location: Location, said: str) -> str | None:
    """The place's name and a geo URI (RFC 5870); None where the text has both."""
    known = isfinite(location.latitude) and isfinite(location.longitude)
    uri = f"geo:{location.latitude:.6f},{location.longitude:.6f}" if known else ""
    name = one_line(location.name or "")
    parts = [part for part in (name if name not in said else "", uri if "geo:" not in said else "") if part]
    return " ".join(parts) or None


def warning_words(warning: str) -> str:
    return f"[CW: {excerpt(warning, 100)}] " if warning.strip() else ""


def _size(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{size / 1000:.0f} kB"
    return f"{size / 1_000_000:.1f} MB"


def _length(milliseconds: int) -> str:
    minutes, seconds = divmod(max(0, milliseconds) // 1000, 60)
    return f"{minutes}:{seconds:02}"
