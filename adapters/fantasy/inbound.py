"""The world's lines to canonical events. Pure."""

from datetime import datetime

from adapters.fantasy.ids import channel_id, event_key, identity_id
from adapters.fantasy.world import Kind, Line
from bridge.model.events import (
    Body,
    ChannelChange,
    Edit,
    Event,
    Membership,
    Message,
    Move,
    Reactions,
    Redaction,
    Ref,
    Style,
    Text,
)
from bridge.model.ids import NetworkName
from bridge.model.people import Identity, Profile


def to_event(line: Line, network: NetworkName, now: datetime) -> Event:
    author = Identity(id=identity_id(network, line.author), profile=Profile(name=line.name))
    return Event(
        key=event_key(network, line.id),
        channel=channel_id(network, line.channel),
        author=author,
        happened_at=now,
        body=_body(line, network, author),
        order=line.number,
    )


def _body(line: Line, network: NetworkName, author: Identity) -> Body:
    target = None if line.target is None else Ref(key=event_key(network, line.target))
    if target is not None and line.kind is Kind.EDIT:
        return Edit(target=target, message=Message(text=Text(plain=line.text)))
    if target is not None and line.kind is Kind.DELETE:
        return Redaction(target=target)
    if target is not None and line.kind is Kind.REACT:
        return Reactions(target=target, keys=line.keys)
    if line.kind in (Kind.JOIN, Kind.LEAVE):
        return Membership(who=author, move=Move.JOIN if line.kind is Kind.JOIN else Move.LEAVE)
    if line.kind is Kind.TOPIC:
        return ChannelChange(topic=line.text)
    style = Style.EMOTE if line.kind is Kind.EMOTE else Style.SAY
    return Message(text=Text(plain=line.text), style=style, reply_to=target)
