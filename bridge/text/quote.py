"""Quotes in plain text: whole, as `>` lines, and short, before an answer."""

from bridge.text.plain import excerpt


def quote(text: str) -> str:
    """Every line behind `> `, as mail, XEP-0393 and Matrix fallbacks write it."""
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def unquote(text: str) -> tuple[str, str]:
    """(the leading quote without its marks, the rest): what `quote(a) + "\\n" + b` was made of.

    Blank lines between the two are dropped. Without a leading quote the first is empty.
    """
    lines = text.split("\n")
    count = 0
    while count < len(lines) and (lines[count].startswith("> ") or lines[count] == ">"):
        count += 1
    if not count:
        return "", text
    rest = count
    while rest < len(lines) and not lines[rest].strip():
        rest += 1
    return "\n".join(line[2:] for line in lines[:count]), "\n".join(lines[rest:])


def answer_line(name: str | None, quoted: str | None) -> str:
    """Before an answer, where nothing can point at the answered: `name: "first words…" `. Empty where nothing is known."""
    words = excerpt(quoted) if quoted else ""
    if name and words:
        return f'{name}: "{words}" '
    if name:
        return f"{name}: "
    return f'"{words}" ' if words else ""
