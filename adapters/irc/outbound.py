"""What a delivery looks like on the wire: exactly one line, the same on every attempt but for the mark of a repeat.

Every word that comes from elsewhere loses its control characters here, so CR, LF and NUL cannot reach the wire (the encoder
refuses them once more). What IRC has no form for is `Rejected` in words for its author; by the manifest it should not have come
this far.
"""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct, field

from adapters.irc.formatting import one_line, to_irc
from adapters.irc.ids import is_made
from adapters.irc.split import ACTION, REPEAT, SAFE_LIMIT, believed, call, is_action, lines_of, prefix_of, size
from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import Rejected
from bridge.contract.features import Unit, VoiceKind
from bridge.model.events import ChannelChange, Membership, Message, Move, Reactions, Redaction, Style
from bridge.model.ids import HUB, IdentityId
from bridge.text.split import split_text

RELAY_NICK_BYTES = 40
"""The longest name we relay under, separator and network mark included: count it as our nick where names are relayed."""

RELAY_MARK_BYTES = 12
"""How much of a network's name goes with it."""

_NOT_IN_RELAY_NICK = str.maketrans(dict.fromkeys(" !@*?.,:;#&+%~$/<>\"'", "_"))


class State(Struct, frozen=True, kw_only=True):
    """What the live connection allows, as far as a line depends on it."""

    message_tags: bool = False
    relaymsg: str = ""
    """The separators of `draft/relaymsg`; empty where names cannot be relayed."""
    redact: bool = False
    """`draft/message-redaction` is on."""
    op: bool = False
    """We are operator in the channel."""
    limit: int | None = SAFE_LIMIT
    """Bytes of one line's text, as in `Limits.text`."""
    topic_limit: int = 307
    """Bytes of a topic (ISUPPORT TOPICLEN)."""
    nick_of: Callable[[IdentityId], str | None] = field(default=lambda who: None)
    """The nick that somebody of this network has now (`Roster.nick_of`)."""


class OutLine(Struct, frozen=True):
    """For `wire.line.encode`. The label is the adapter's to add."""

    command: str
    params: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


def line_for(delivery: Delivery, state: State) -> OutLine:
    """Pure. Raises `Rejected`, in words for the author, where the delivery has no form on IRC."""
    channel = delivery.channel.id
    if not channel or channel[0] == ":" or not channel.isprintable() or " " in channel or "," in channel:
        raise Rejected("that is no channel of this network")
    body = delivery.body
    match body:
        case Message():
            return _message(delivery, body, state)
        case Reactions():
            return _reaction(delivery, body, state)
        case Redaction():
            return _redaction(delivery, body, state)
        case Membership():
            return _membership(delivery, body, state)
        case ChannelChange(topic=str() as topic):
            return OutLine("TOPIC", (channel, _shortened(one_line(topic), state.topic_limit)))
        case _:
            raise Rejected("IRC has no form for this")


def _message(delivery: Delivery, message: Message, state: State) -> OutLine:
    channel, voice = delivery.channel.id, delivery.voice
    limit = believed(state.limit)
    prefix = prefix_of(voice, limit)
    relayed = voice.kind is VoiceKind.NAME and state.relaymsg
    if voice.kind is VoiceKind.NAME and not relayed:
        prefix = prefix_of(type(voice)(kind=VoiceKind.PREFIX, name=voice.name, prefix=f"<{voice.name}> "), limit)
    text = _text(message)
    if not text.strip():
        raise Rejected("there is nothing to send in this message")
    start = prefix + REPEAT if delivery.repeat else prefix
    action = is_action(message.style, prefix)
    room = limit - size(prefix) - len(REPEAT)
    text = _named(message, _calling(message, text, state, room), state, room)
    text = start + _shortened(text, limit - size(start) - (size(ACTION) - 2 if action else 0))
    if action:
        text = ACTION.format(text)
    tags = _reply_tags(delivery.reply_to, state)
    if relayed:
        return OutLine("RELAYMSG", (channel, relay_nick(delivery, state.relaymsg), text), tags)
    return OutLine("NOTICE" if message.style is Style.NOTICE else "PRIVMSG", (channel, text), tags)


def _text(message: Message) -> str:
    """With codes, on one line; each line stands alone, so what is open at its end is closed where another follows."""
    if message.text.html is None:
        return one_line(message.text.plain).rstrip()
    return "\x0f ".join(to_irc(line) for line in lines_of(message.text))


def _calling(message: Message, text: str, state: State, room: int) -> str:
    """An answer begins with who is answered, unless its author began so already; by the nick of now, where it still fits."""
    if message.reply_to is None or message.reply_to.author is None:
        return text
    name, nick = message.reply_to.author.name, state.nick_of(message.reply_to.author.id)
    began = text.partition(" ")[0].lstrip("@").rstrip(":,").lower()
    if began and began in (name.lower(), (nick or name).lower()):
        return text
    called = (call(message, nick) + text, call(message) + text)
    return next((one for one in called if size(one) <= room), text)


def _named(message: Message, text: str, state: State, room: int) -> str:
    """People of this network are called by the nick they have now, so that their client tells them; where it still fits."""
    for mention in message.mentions:
        nick = state.nick_of(mention.who.id)
        if nick and mention.text and nick != mention.text and one_line(nick) == nick:
            found = re.search(rf"(?<!\w){re.escape(mention.text)}(?!\w)", text)
            named = text if found is None else text[: found.start()] + nick + text[found.end() :]
            if size(named) <= max(room, size(text)):
                text = named
    return text


def _shortened(text: str, room: int) -> str:
    """Whole where it fits, as it does when the limits did not shrink since it was split; else cut, and seen to be."""
    if size(text) <= room:
        return text
    return split_text(text, max(room - size("…"), 4), Unit.BYTES)[0] + "…"


def _reply_tags(target: Target | None, state: State) -> dict[str, str]:
    """The ratified name and the one before it (PROTOCOLS: send both)."""
    if target is None or not target.ids or not state.message_tags:
        return {}
    if is_made(target.ids[0]):
        return {}
    return {"+reply": _tag(target.ids[0]), "+draft/reply": _tag(target.ids[0])}


def _tag(value: str) -> str:
    return value.replace("\0", "")


def relay_nick(delivery: Delivery, separators: str) -> str:
    """`name/network`: the separator is what no connection's nick can hold, so it cannot be mistaken for one."""
    network = "m" if delivery.author.id.network == HUB else one_line(delivery.author.id.network)
    mark = separators[0] + (split_text(network.translate(_NOT_IN_RELAY_NICK), RELAY_MARK_BYTES, Unit.BYTES)[0] or "m")
    name = one_line(delivery.voice.name).translate(_NOT_IN_RELAY_NICK).strip("_").lstrip("-") or "someone"
    return split_text(name, RELAY_NICK_BYTES - size(mark), Unit.BYTES)[0] + mark


def _reaction(delivery: Delivery, body: Reactions, state: State) -> OutLine:
    """One line can add one reaction: the newest of the set. There is no line for an empty set."""
    target = delivery.target.ids[0] if delivery.target and delivery.target.ids else None
    if not state.message_tags or target is None or is_made(target):
        raise Rejected("this message can't be reacted to on IRC")
    if not body.keys:
        raise Rejected("a reaction can't be taken back on IRC")
    tags = {"+draft/react": one_line(body.keys[-1]), "+reply": _tag(target), "+draft/reply": _tag(target)}
    return OutLine("TAGMSG", (delivery.channel.id,), tags)


def _redaction(delivery: Delivery, body: Redaction, state: State) -> OutLine:
    ids = delivery.target.ids if delivery.target else ()
    if not state.redact or not ids:
        raise Rejected("messages can't be deleted on this IRC network")
    native = one_line(ids[delivery.part] if delivery.part < len(ids) else ids[0])
    if not native or " " in native or native.startswith(":"):
        raise Rejected("this message has no name on IRC by which it could be deleted")
    reason = _shortened(one_line(body.reason or ""), 200)
    return OutLine("REDACT", (delivery.channel.id, native, reason) if reason else (delivery.channel.id, native))


def _membership(delivery: Delivery, body: Membership, state: State) -> OutLine:
    """Only what an operator of the channel may do to somebody of this network; comings and goings are no line."""
    nick = state.nick_of(body.who.id)
    if body.move not in (Move.KICK, Move.BAN, Move.UNBAN, Move.INVITE):
        raise Rejected("IRC people are not told who comes and goes")
    if nick is None and body.who.id.network == delivery.channel.network and body.move in (Move.BAN, Move.UNBAN):
        nick = body.who.name
    if not nick or one_line(nick) != nick or set(nick) & set(" ,:!@*?"):
        raise Rejected("nobody of that name is on this IRC network")
    if body.move is Move.INVITE:
        return OutLine("INVITE", (nick, delivery.channel.id))
    if not state.op:
        raise Rejected("the bridge is no operator of the IRC channel, so it can't do that there")
    if body.move is Move.KICK:
        by = f"{delivery.voice.name}: " if delivery.voice.name else ""
        return OutLine("KICK", (delivery.channel.id, nick, _shortened(one_line(f"{by}{body.reason or 'kicked'}"), 200)))
    return OutLine("MODE", (delivery.channel.id, "+b" if body.move is Move.BAN else "-b", f"{nick}!*@*"))
