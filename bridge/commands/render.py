"""An answer as text for a terminal, as HTML for a room, as JSON for scripts. Pure.

Much of what is shown was written by strangers (names, reasons, channels), so control characters never get through: in a
terminal they could move the cursor or worse.
"""

import json
import unicodedata
from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec

from bridge.contract.words import Answer

GAP = "  "
_ODD = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def clean(text: str) -> str:
    """One line, without control, format or surrogate characters; what joins an emoji stays."""
    return "".join(" " if char in "\n\t\r" else "" if _odd(char) else char for char in text)


def _odd(char: str) -> bool:
    return unicodedata.category(char) in _ODD and char != "\u200d"


def counted(count: int, noun: str) -> str:
    """`1 room`, `2 rooms`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def width_of(text: str) -> int:
    """Columns that a text takes in a terminal."""
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def cut(text: str, width: int) -> str:
    """At most `width` columns, the last an ellipsis where something was cut."""
    if width_of(text) <= width:
        return text
    kept, room = "", max(width - 1, 0)
    for char in text:
        room -= width_of(char)
        if room < 0:
            break
        kept += char
    return f"{kept}…" if width > 0 else ""


def as_text(answer: Answer, width: int | None = None) -> str:
    """Lines for a terminal of `width` columns; None does not cut (a pipe)."""
    parts = ["\n".join(clean(line) for line in answer.text.split("\n"))] if answer.text else []
    if answer.rows:
        parts.append("\n".join(_table(answer.columns, answer.rows, width)))
    return "\n\n".join(parts)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    table = [[title.upper() for title in columns], *([clean(cell) for cell in row] for row in rows)]
    widths = [max(width_of(row[number]) if number < len(row) else 0 for row in table) for number in range(len(columns))]
    if width is not None:
        widths = _shrink(widths, width - len(GAP) * (len(widths) - 1))
    lines = []
    for row in table:
        cells = [cut(cell, limit) for cell, limit in zip(row, widths, strict=False)]
        padded = [cell + " " * (limit - width_of(cell)) for cell, limit in zip(cells, widths, strict=False)]
        lines.append(GAP.join(padded).rstrip())
    return lines


def _shrink(widths: list[int], room: int) -> list[int]:
    """Takes from the widest until all fit, but leaves each at least four columns."""
    widths = list(widths)
    while sum(widths) > room and max(widths) > 4:
        widths[widths.index(max(widths))] -= 1
    return widths


def as_html(answer: Answer) -> str:
    """Within the Matrix subset."""
    parts = ["<br>".join(escape(clean(line)) for line in answer.text.split("\n"))] if answer.text else []
    if answer.rows:
        head = "".join(f"<th>{escape(title)}</th>" for title in answer.columns)
        body = "".join("<tr>" + "".join(f"<td>{escape(clean(cell))}</td>" for cell in row) + "</tr>" for row in answer.rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    return "".join(f"<p>{part}</p>" if not part.startswith("<table>") else part for part in parts)


def as_json(answer: Answer) -> str:
    """One line: `data` where the answer has some, the table as objects otherwise; failures as `{"error"}`."""
    if answer.failed:
        return _dumps({"error": answer.text, **({"data": answer.data} if answer.data is not None else {})})
    if answer.data is not None:
        return _dumps(answer.data)
    if answer.columns:
        return _dumps([dict(zip(answer.columns, row, strict=False)) for row in answer.rows])
    return _dumps({"text": answer.text})


def _dumps(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=True)
