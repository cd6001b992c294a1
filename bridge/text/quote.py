"""Quotes in plain text: whole, as `>` lines, and short, before an answer."""

from bridge.text.plain import excerpt


def quote(text: str) -> str:
    """Every line behind `> `, as mail, XEP-0393 and Matrix fallbacks write it."""
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def answer_line(name: str | None, quoted: str | None) -> str:
    """Before an answer, where nothing can point at the answered: `name: "first words…" `. Empty where nothing is known."""
    words = excerpt(quoted) if quoted else ""
    if name and words:
        return f'{name}: "{words}" '
    if name:
        return f"{name}: "
    return f'"{words}" ' if words else ""
