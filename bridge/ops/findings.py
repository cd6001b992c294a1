"""What `check` finds: each in one sentence, with the cure where something is wrong."""

import os
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from bridge.contract.words import Answer


class Grade(StrEnum):
    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing is wrong."""
    WARNING = "warning"
    """It works, but not as one would wish."""
    WRONG = "wrong"


class Finding(Struct, frozen=True):
    area: str
    grade: Grade
    words: str


def as_answer(findings: Sequence[Finding]) -> Answer:
    """A table, in the order of the looking; failed where anything is wrong."""
    wrong = sum(finding.grade is Grade.WRONG for finding in findings)
    warnings = sum(finding.grade is Grade.WARNING for finding in findings)
    counted = ", ".join(f"{count} {word}" for count, word in ((wrong, "wrong"), (warnings, "to look at")) if count)
    return Answer(
        text=f"{counted[0].upper()}{counted[1:]}." if counted else "All is well.",
        columns=("", "what", "found"),
        rows=tuple((finding.grade.value, finding.area, finding.words) for finding in findings),
        data=[{"area": finding.area, "grade": finding.grade.value, "words": finding.words} for finding in findings],
        failed=bool(wrong),
    )


def reason(error: Exception) -> str:
    """Why something can't be reached, without the ornaments that libraries put around it."""
    inner = getattr(error, "os_error", error)
    if isinstance(inner, OSError) and inner.errno is not None and inner.errno > 0:
        return os.strerror(inner.errno)
    return getattr(inner, "strerror", None) or str(error) or type(error).__name__
