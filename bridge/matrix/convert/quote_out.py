"""A boost as a message: who passes on whose words, and the words."""

from html import escape

import msgspec

from bridge.model.events import Boost, Message, Style, Text
from bridge.model.people import Identity
from bridge.text.html import plain_to_html


def boosted(booster: Identity, boost: Boost) -> Message:
    """Without a comment the original, named as boosted; with one, the comment over a quotation of the original."""
    original = boost.original or Message(text=Text(plain=boost.target.excerpt or str(boost.target.key)))
    said = original.text
    html = said.html or plain_to_html(said.plain)
    if boost.comment is None:
        line = f"🔁 {booster.name}"
        return msgspec.structs.replace(
            original,
            text=Text(plain=f"{line}\n{said.plain}".rstrip(), html=f"<em>{escape(line)}</em><br>{html}"),
            style=Style.SAY,
        )
    author = boost.target.author.name if boost.target.author is not None else ""
    head = f"{author}: " if author else ""
    quoted = "\n".join(f"> {line}" for line in f"{head}{said.plain}".splitlines())
    comment = boost.comment.html or plain_to_html(boost.comment.plain)
    strong = f"<strong>{escape(author)}</strong>: " if author else ""
    return msgspec.structs.replace(
        original,
        text=Text(
            plain=f"{boost.comment.plain}\n\n{quoted}",
            html=f"{comment}<blockquote>{strong}{html}</blockquote>",
        ),
        style=Style.SAY,
        mentions=(),
    )
