"""`!to a,b text`: the accounts that one message names for itself. Pure."""

import re
from collections.abc import Sequence

from msgspec.structs import replace

from bridge.model.events import Message, Text
from bridge.routing.accounts import Account, called
from bridge.routing.admit import Refused

TO = "to"
"""Said like a word to the bot, but it is part of a message."""

_NAME = r"[\w.-]{1,64}(?:@[\w.-]{1,64})?"
_NAMES = rf"({_NAME}(?:\s*,\s*{_NAME})*)"
_MOST = 20


def chosen(message: Message, mine: Sequence[Account], command: str) -> tuple[Message, tuple[Account, ...]] | Refused | None:
    """The message without its first words, and the accounts they name; None where it names none. `mine` are its author's.

    What begins like this and can't be understood is refused: posted as it is, it would be nonsense that everybody reads.
    """
    start = rf"\s*{re.escape(command)}{TO}"
    if re.match(rf"{start}(?!\S)", message.text.plain, re.IGNORECASE) is None:
        return None
    head = re.match(rf"{start}\s+{_NAMES}(?!\S)\s*", message.text.plain, re.IGNORECASE)
    if head is None:
        return Refused(
            f"“{command}{TO}” is followed by names of your accounts and the text, as in “{command}{TO} a,b good morning”"
        )
    accounts: dict[Account, None] = {}
    for name in head[1].split(",")[:_MOST]:
        found = called(name.strip(), mine)
        if len(found) != 1:
            return Refused(_unclear(name.strip(), found, mine))
        if found[0].posts_to is None:
            return Refused(f"nothing can be posted with {found[0]}")
        accounts[found[0]] = None
    bare = without(message, command)
    if not bare.text.plain.strip() and not (bare.attachments or bare.poll or bare.location):
        return Refused(f"there is nothing to post: the text comes after “{command}{TO} {head[1]}”")
    return bare, tuple(accounts)


def without(message: Message, command: str) -> Message:
    """The message less the words that choose accounts."""
    pattern = rf"{re.escape(command)}{TO}\s+{_NAMES}(?![^\s<])\s*(?:<br\s*/?>)?\s*"
    head = re.match(rf"\s*{pattern}", message.text.plain, re.IGNORECASE)
    if head is None:
        return message
    html = message.text.html
    if html is not None:
        tags = re.match(rf"((?:\s*<(?:p|div|span)>)*)\s*{pattern}", html, re.IGNORECASE)
        html = None if tags is None else tags[1] + html[tags.end() :]
    plain = message.text.plain[head.end() :]
    mentions = tuple(mention for mention in message.mentions if mention.text in plain)
    return replace(message, text=Text(plain=plain, html=html), mentions=mentions)


def _unclear(name: str, found: Sequence[Account], mine: Sequence[Account]) -> str:
    if found:
        return f"{name} is the name of several of your accounts: " + " or ".join(map(str, found))
    return f"you have no account called {name}; " + (f"there are {', '.join(map(str, mine))}" if mine else "you have none at all")
