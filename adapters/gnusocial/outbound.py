"""What a delivery asks of a server. Pure.

A post is said under the account's own name, so nothing is written before its words. Three things of these servers are met here:
GNU social takes a post that begins with one of its command words ("off topic", "get well") for a command, carries it out or not,
and posts nothing; it decodes HTML entities in what it is sent; and it counts the addresses of pictures as text.
"""

import re
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from adapters.gnusocial.config import FAVOURITES, REPEATS
from adapters.gnusocial.ids import Kind, number_at, person_of, place_of
from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import Rejected
from bridge.contract.features import Features, Unit, Voice
from bridge.model.events import Attachment, Boost, Edit, Media, Message, Reactions, Redaction, Style, Text
from bridge.model.ids import IdentityId
from bridge.text.escape import strip_controls
from bridge.text.plain import one_line
from bridge.text.split import split_text

REPEAT = "(perhaps said before) "
"""Before a post that may stand there already, as a server takes the same words only once a minute."""
ATTACHMENT_SIZE = 80
"""Characters kept free for the address of each picture."""
MOST_ATTACHMENTS = 4
"""Of one post: what its readers' programs show."""
_MARGIN = len(REPEAT) + 1
_LEAST = 40
_SIGNS = {Media.IMAGE: "🖼", Media.STICKER: "🖼", Media.VIDEO: "🎞", Media.AUDIO: "🔊", Media.VOICE: "🎤"}
_GUARD = "\u200b"
_COMMAND = re.compile(
    r"\s*(?:d|delete|dm|drop|fav|follow|get|groups|help|home|invite|join|last|leave|list|login|lose|nudge|off|on|peopletags|quit|r|rd"
    r"|repeat|reply|rp|rt|stats|stop|sub|subscribers|subscriptions|summary|tag|track|tracking|tracks|unfav|unlist|unsub|untag"
    r"|untrack|untracks|whois)(?!\S)",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?=#?[0-9A-Za-z]{1,32};)")
_VARIATION = str.maketrans({"\ufe0f": None, "\ufe0e": None})


class State(Struct, frozen=True, kw_only=True):
    """What an answer depends on besides the delivery."""

    host: str
    """The server's, as in aliases."""
    text: int | None = None
    """Characters of a post; None: any number."""
    favourites: tuple[str, ...] = FAVOURITES
    repeats: tuple[str, ...] = REPEATS


class Post(Struct, frozen=True):
    """`text` is as it shall be read; `reply_to` the number of the post answered."""

    text: str
    reply_to: str | None = None
    attachments: tuple[Attachment, ...] = ()


class Direct(Struct, frozen=True):
    to: IdentityId
    text: str


class Marks(Struct, frozen=True):
    """How the account shall stand to a post. `others`: reactions for which there is nothing here."""

    number: str
    favourite: bool
    repeat: bool
    others: tuple[str, ...] = ()


class Repeat(Struct, frozen=True):
    number: str


class Delete(Struct, frozen=True):
    number: str


Outgoing = Post | Direct | Marks | Repeat | Delete


def outgoing(delivery: Delivery, state: State) -> Outgoing:
    """Raises `Rejected`, in words for the author, where there is no form for it here."""
    place = place_of(delivery.channel.id)
    body = delivery.body
    if place.kind is Kind.DIRECT:
        if not isinstance(body, Message):
            raise Rejected("a direct message there can only be written: not changed, deleted or reacted to")
        return Direct(IdentityId(delivery.channel.network, place.what), _words(delivery, body, state))
    match body:
        case Message():
            return Post(_words(delivery, body, state), _answered(delivery.reply_to, state), body.attachments[:MOST_ATTACHMENTS])
        case Reactions(keys=keys):
            return _marks(keys, _acted_on(delivery.target, state), state)
        case Boost(comment=None):
            return Repeat(_acted_on(delivery.target, state))
        case Boost():
            return Post(_quote(delivery, body, state))
        case Redaction():
            return Delete(_acted_on(delivery.target, state))
        case Edit():
            raise Rejected("a post there can't be changed: delete it and write it anew")
        case _:
            raise Rejected("there is no form for this on that network")


def split(message: Message, voice: Voice, features: Features) -> tuple[Message, ...]:
    """Cuts into posts that fit, pictures with the first one; what a picture shows is said in words, as there is no other place.

    Each part keeps room for the mark of a repeat.
    """
    text = _described(_respelled(message), message.attachments)
    bare = replace(message, text=Text(plain=text), mentions=(), attachments=tuple(map(_undescribed, message.attachments)))
    limit = features.limits.text
    heads = _by_pictures(bare)
    first = heads[0]
    if limit is None:
        return heads
    room = max(_LEAST, limit - _MARGIN)
    beside = max(_LEAST, room - ATTACHMENT_SIZE * len(first.attachments))
    if len(text) <= beside:
        return heads
    head, *rest = split_text(text, beside, Unit.CHARACTERS)
    tail = split_text(text[_end_of(text, head) :].lstrip(), room, Unit.CHARACTERS) if rest else ()
    more = (Message(text=Text(plain=piece), style=message.style, thread=message.thread) for piece in tail)
    return (replace(first, text=Text(plain=head)), *more, *heads[1:])


def said(text: str) -> str:
    """A text as two copies of one post have it in common: without what is invisible, added or respelled on the way."""
    return one_line(text.replace(_GUARD, "")).casefold()


def wire_text(text: str) -> str:
    """A post's text as the server must be given it, so that this is what it shows."""
    return _ENTITY.sub("&amp;", text)


def guarded(text: str) -> str:
    """Never a command: an invisible character goes before a first word that would be one."""
    return _GUARD + text.lstrip() if _COMMAND.match(text) else text


def _words(delivery: Delivery, message: Message, state: State) -> str:
    text = _described(_respelled(message), message.attachments)
    text = _at_home(strip_controls(text), state.host).strip()
    if not text and message.attachments:  # a post without a word is refused
        text = " ".join(dict.fromkeys(_SIGNS.get(one.media, "📎") for one in message.attachments))
    if not text:
        raise Rejected("there is nothing to say in this message")
    if message.style is Style.EMOTE:
        text = f"/me {text}"
    if delivery.repeat:
        text = REPEAT + text
    if state.text is not None and len(text) > state.text:
        raise Rejected(f"it has {len(text)} characters, and {state.host} takes {state.text}")
    return text


def _respelled(message: Message) -> str:
    """People of this network are named so that the server knows them."""
    text = message.text.plain
    for mention in message.mentions:
        nick, host = person_of(mention.who.id.id)
        if mention.text and nick and host and not mention.text.startswith(f"@{nick}"):
            found = re.search(rf"(?<![\w@]){re.escape(mention.text)}(?!\w)", text)
            text = text if found is None else f"{text[: found.start()]}@{nick}@{host}{text[found.end() :]}"
    return text


def _at_home(text: str, host: str) -> str:
    """The server's own people go by their bare names there."""
    return re.sub(rf"(?<![\w/@.])@([A-Za-z0-9_]{{1,64}})@{re.escape(host)}(?![\w.:-])", r"@\1", text)


def _described(text: str, attachments: Sequence[Attachment]) -> str:
    alts = [one_line(attachment.alt) for attachment in attachments if attachment.alt and one_line(attachment.alt)]
    lines = [f"[{alt}]" for alt in alts if alt not in text]
    return "\n".join([text, *lines] if text.strip() else lines)


def _undescribed(attachment: Attachment) -> Attachment:
    return replace(attachment, alt=None)


def _by_pictures(message: Message) -> tuple[Message, ...]:
    """More pictures than one post shows go into posts of their own."""
    groups = [message.attachments[at : at + MOST_ATTACHMENTS] for at in range(0, len(message.attachments), MOST_ATTACHMENTS)]
    first = replace(message, attachments=groups[0] if groups else ())
    return (first, *(Message(text=Text(plain=""), thread=message.thread, attachments=group) for group in groups[1:]))


def _end_of(text: str, head: str) -> int:
    """Where the first piece of a text ends in it."""
    return text.index(head) + len(head)


def _answered(target: Target | None, state: State) -> str | None:
    if target is None:
        return None
    # a repeat has its own names first, then those of what it repeats, which is what people answer
    found = number_at(state.host, target.ids[::-1])
    if found is None:
        raise Rejected(f"{state.host} does not know the post that this answers")
    return found


def _acted_on(target: Target | None, state: State) -> str:
    found = number_at(state.host, target.ids) if target is not None else None
    if found is None:
        raise Rejected(f"{state.host} does not know that post")
    return found


def _marks(keys: tuple[str, ...], number: str, state: State) -> Marks:
    plain = {key: key.translate(_VARIATION) for key in keys}
    favourites = {key.translate(_VARIATION) for key in state.favourites}
    repeats = {key.translate(_VARIATION) for key in state.repeats}
    return Marks(
        number,
        favourite=any(key in favourites for key in plain.values()),
        repeat=any(key in repeats for key in plain.values()),
        others=tuple(key for key, bare in plain.items() if bare not in favourites | repeats),
    )


def _quote(delivery: Delivery, boost: Boost, state: State) -> str:
    """The comment, and a link to what it is about."""
    post = boost.original.post if boost.original is not None else None
    names = (post.permalink, post.uri) if post is not None else ()
    known = delivery.target.ids if delivery.target is not None else ()
    link = next((name for name in (*names, *known) if name is not None and name.startswith(("https://", "http://"))), None)
    if link is None or boost.comment is None:
        raise Rejected("what is quoted has no address by which people could read it")
    quote = Message(text=Text(plain=f"{boost.comment.plain.rstrip()}\n{one_line(link)}"))
    return _words(delivery, quote, state)
