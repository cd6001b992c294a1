"""Words and regular expressions that somebody wants to find in what strangers write. Nobody's wish may cost everybody's time."""

import unicodedata

import regex  # type: ignore[import-untyped]

LONGEST = 200
"""Characters of one expression."""
SEEN = 4_000
"""Characters of a text that an expression is tried on."""
_PATIENCE = 0.05
"""Seconds for one try."""
_STRIKES = 3
"""Tries that took too long before an expression is given up."""
_TRIALS = ("a" * 500 + "!", "0 " * 250 + "!", "aA0_- ./@#é日" * 40 + "!", " " * 500 + "!")


class BadPattern(ValueError):
    """The expression is wrong or slow; the text says so in plain words."""


class Pattern:
    """A regular expression (of the `regex` library), case not counting. Raises `BadPattern`.

    It is tried with a time limit, while other threads run; once it exceeded that several times, it fits nothing any more.
    """

    def __init__(self, expression: str) -> None:
        if len(expression) > LONGEST:
            raise BadPattern(f"a pattern has at most {LONGEST} characters")
        try:
            self._compiled = regex.compile(expression, regex.IGNORECASE | regex.V0, cache_pattern=False)
        except (regex.error, RecursionError, OverflowError, ValueError, MemoryError) as error:
            raise BadPattern(f"that is no pattern: {error}") from None
        self._strikes = 0
        letters = "".join(char for char in expression if char.isalnum())[:20]
        for text in (*_TRIALS, letters * (500 // max(len(letters), 1)) + "\0"):
            self._search(text)
            if self._strikes:
                raise BadPattern("that pattern takes too long to try: it should repeat nothing that repeats")

    @property
    def given_up(self) -> bool:
        return self._strikes >= _STRIKES

    def fits(self, text: str) -> bool:
        """Whether it fits anywhere in the first `SEEN` characters."""
        return not self.given_up and self._search(text[:SEEN])

    def _search(self, text: str) -> bool:
        try:
            return self._compiled.search(text, timeout=_PATIENCE, concurrent=True) is not None
        except TimeoutError:
            self._strikes += 1
            return False


def folded(text: str) -> str:
    """As words are compared: one form, no case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def has_words(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text, at word bounds on either side where writing has any. Both `folded`. Linear."""
    if not phrase:
        return False
    at = text.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        if not (_joined(text, at) or _joined(text, end)):
            return True
        at = text.find(phrase, at + 1)
    return False


def _joined(text: str, at: int) -> bool:
    """Whether a word goes on over this place. Scripts without case mostly put no spaces between words."""
    return 0 < at < len(text) and _spaced(text[at - 1]) and _spaced(text[at])


def _spaced(char: str) -> bool:
    return char == "_" or (char.isalnum() and unicodedata.category(char) != "Lo")
