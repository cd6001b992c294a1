"""What is typed at the terminal or lies beside it: answers to questions, files whose text is meant."""

import getpass
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from bridge.commands.render import clean
from bridge.contract.logins import Question
from bridge.contract.words import Answer
from bridge.ops.control import LARGEST
from bridge.ops.remote import ask

_CANCEL = "cancel"
MOST = LARGEST // 3
"""Bytes of a file: two of them may be six in a request."""


class TooLarge(Exception):
    """A file is more than a request may carry. Its text is for people."""


def converse(socket: Path, answer: Answer, user: str | None) -> Answer:
    """Asks at the terminal what the bridge asks, until it has its last word. Raises `NotRunning` and `OSError` as `ask` does.

    Secrets are not shown while they are typed. Where nothing more can be read the talk is cancelled.
    """
    while answer.asks is not None:
        try:
            text = _typed(answer.asks)
        except (EOFError, KeyboardInterrupt):
            print(file=sys.stderr)
            text = _CANCEL
        answer = ask(socket, "answer", {"talk": answer.talk or "", "text": text}, user)
    return answer


def _typed(question: Question) -> str:
    """Questions go to standard error: what is printed to a script stays the answer alone. Raises `EOFError`."""
    lines = [question.text, *([question.link] if question.link else [])]
    if question.choices:
        lines.append(f"({' / '.join(question.choices)})")
    prompt = "\n".join(clean(line) for line in "\n".join(lines).split("\n")) + " "
    if question.secret and sys.stdin.isatty():
        return getpass.getpass(prompt, sys.stderr)
    print(prompt, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\r\n")


def named_files(socket: Path, tokens: Sequence[str]) -> Collection[str]:
    """Which words of a line name files whose text is meant. The bridge knows, and is asked where there are files so called."""
    if not any(_is_file(value) for token in tokens[1:] for value in (token, token.partition("=")[2])):
        return ()
    found = ask(socket, "files", list(tokens), None).data
    return [value for value in found if isinstance(value, str)] if isinstance(found, list) else ()


def read_files(tokens: Sequence[str], files: Collection[str]) -> list[str]:
    """The words, those of `files` that are files here replaced by their text. Raises `TooLarge`, `OSError`."""
    return [_read(token, files) for token in tokens]


def _read(token: str, files: Collection[str]) -> str:
    option, equals, value = token.partition("=") if token.startswith("--") else ("", "", token)
    return f"{option}{equals}{_text_of(value)}" if value in files and _is_file(value) else token


def _is_file(name: str) -> bool:
    try:
        return bool(name) and Path(name).is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL
        return False


def _text_of(name: str) -> str:
    data = Path(name).read_bytes()
    if len(data) > MOST:
        raise TooLarge(f"{name} is too large: at most {MOST // 1024} KiB can be read")
    return data.decode("utf-8-sig", errors="replace")
