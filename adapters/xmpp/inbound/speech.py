"""What is said, and what it is about: from `Said` to events."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from msgspec.structs import replace

from adapters.xmpp import ids
from adapters.xmpp.inbound.reused import told_apart
from adapters.xmpp.inbound.scene import Bounced, Heard, Invited, Proof, Scene
from adapters.xmpp.inbound.text import message_of, quoted
from adapters.xmpp.stanza.parts import Fault, Retraction, Type
from adapters.xmpp.stanza.said import Said
from bridge.contract.delivery import Receipt
from bridge.contract.features import Evidence
from bridge.model.events import Body, ChannelChange, Edit, Event, Origin, Reactions, Redaction, Ref
from bridge.model.ids import EventKey, IdentityId
from bridge.model.people import Identity, Profile
from bridge.model.signals import ReadMark, Typing
from bridge.text.escape import strip_controls
from bridge.text.plain import cut

_AHEAD = timedelta(minutes=5)
"""A date further ahead than clocks differ is not believed."""
_KEY_GRAPHEMES = 8
_TYPING = {"composing": True, "paused": False, "active": False, "inactive": False, "gone": False}
_DIGITS = frozenset("0123456789abcdef")


def events(said: Said, scene: Scene) -> tuple[Heard, ...]:
    """What one message turns out to be; nothing where it says nothing. Whoever calls knows that it belongs to `scene.place`."""
    if said.type is Type.ERROR:
        return _bounce(said)
    if said.type is Type.HEADLINE and scene.place.is_room:
        return ()
    who = _speaker(said, scene)
    if isinstance(who, str):
        scene.dropped(who)
        return ()
    author, ours = who
    if said.invite is not None and not ours and said.type is not Type.GROUPCHAT:
        return (Invited(invite=said.invite, who=author.id),)
    heard: list[Heard] = list(_signals(said, scene, author, ours=ours))
    body = _body(said, scene, author)
    if body is None:
        return tuple(heard)
    delivery = _delivery(said) if ours else None
    if delivery is not None:
        copy = copy_ids(said, scene, author.id)
        heard.append(Proof(delivery=delivery, receipt=Receipt(evidence=Evidence.ECHOED, ids=copy, at=_when(said, scene))))
    else:
        heard.append(_event(said, scene, author, body))
    return tuple(heard)


# who


def _speaker(said: Said, scene: Scene) -> tuple[Identity, bool] | str:
    """Who really sent it, and whether that is one of ours. A reason code for somebody who has no business here."""
    place = scene.place
    address, _, nick = said.sender.partition("/")
    if place.is_room:
        if address != place.jid:
            return "stranger"
        return _occupant(said, scene, nick) if said.type is Type.GROUPCHAT or said.invite is not None else "private"
    if said.type is Type.GROUPCHAT:
        return "stranger"
    if address == place.jid:
        return _person(scene, address, said.nick), False
    if address == scene.me or not address:
        return _person(scene, scene.me, None), True
    return "stranger"


def _occupant(said: Said, scene: Scene, nick: str) -> tuple[Identity, bool]:
    room = scene.place.jid
    if not nick:
        name = room.partition("@")[0]
        return Identity(id=IdentityId(scene.network, room), profile=Profile(name=name), bot=True), False
    found = scene.occupant(nick)
    marked = said.occupant_id if scene.occupant_ids else None
    if marked is not None and scene.origin is Origin.HISTORY:
        who = ids.occupant(room, nick, occupant_id=marked)
        if found is None or found.who.id.id != who:  # the nick was another's then
            return Identity(id=IdentityId(scene.network, who), profile=Profile(name=nick)), False
    if found is not None:
        return found.who, found.author is not None
    who = ids.occupant(room, nick, occupant_id=marked)
    return Identity(id=IdentityId(scene.network, who), profile=Profile(name=nick)), False


def _person(scene: Scene, jid: str, nick: str | None) -> Identity:
    name = scene.name_of(jid) or nick or jid.partition("@")[0]
    return Identity(id=IdentityId(scene.network, jid), profile=Profile(name=name))


def _delivery(said: Said) -> str | None:
    """The id of the delivery that a message of ours was; None for what was written with another client."""
    id = said.id or said.origin_id or ""
    return id if len(id) == 32 and _DIGITS.issuperset(id) else None


# ids and dates


def copy_ids(said: Said, scene: Scene, who: IdentityId) -> tuple[str, ...]:
    """What a message is called: the surest first, but of our own messages first as we called it, which is what edits need."""
    assigned, sent = _assigned(said, scene), _sent(said, scene, who)
    return tuple(dict.fromkeys((*sent[:1], *assigned, *sent[1:])))


def _assigned(said: Said, scene: Scene) -> tuple[str, ...]:
    authority = scene.authority
    id = scene.archive_id or (said.stanza_ids.get(authority) if scene.stanza_ids else None)
    return () if id is None else (ids.by_id(scene.keeper, id),)


def _sent(said: Said, scene: Scene, who: IdentityId) -> tuple[str, ...]:
    own = [id for id in (said.id, said.origin_id) if id is not None]
    where = scene.where
    loose = [] if scene.place.is_room and scene.stanza_ids else [ids.loose_id(where, id) for id in own]
    return tuple(dict.fromkeys([ids.sent_id(where, who.id, id) for id in own] + loose))


def _when(said: Said, scene: Scene) -> datetime:
    """The network's own date: of the archive, or of a delay that the place's authority stamped; never one that lies ahead."""
    at = scene.at or next((delay.at for delay in said.delays if _may_date(delay.by, scene)), None)
    return at if at is not None and at - scene.now < _AHEAD else scene.now


def _may_date(by: str, scene: Scene) -> bool:
    address = by.partition("/")[0]
    return bool(address) and address in (scene.authority, scene.authority.rpartition("@")[2])


def _event(said: Said, scene: Scene, author: Identity, body: Body) -> Event:
    assigned, at = _assigned(said, scene), _when(said, scene)
    told = () if assigned and author.id.id != scene.me else told_apart(said, scene, author.id, at)
    names = tuple(dict.fromkeys((*assigned, *told, *_sent(said, scene, author.id))))
    key = names[0] if names and "//" not in names[0] else _made(said, scene, author, at)
    return Event(
        key=EventKey(scene.network, key),
        channel=scene.place.channel(scene.network),
        author=author,
        happened_at=at,
        body=body,
        origin=scene.origin,
        aliases=tuple(name for name in names if name != key),
    )


def _made(said: Said, scene: Scene, author: Identity, at: datetime) -> str:
    """Without any id: what is dated is told by its date and words, so that it is the same when it is shown again."""
    if at == scene.now and scene.made:
        return ids.made_id(scene.where, author.id.id, scene.made)
    words = f"{said.subject!r} {said.body!r}".encode("utf-8", "surrogatepass")
    digest = blake2b(words, digest_size=12).hexdigest()
    return ids.made_id(scene.where, author.id.id, digest if at == scene.now else f"{at.isoformat()}.{digest}")


# what


def _body(said: Said, scene: Scene, author: Identity) -> Body | None:
    if said.retraction is not None:
        return _retraction(said.retraction, said, scene, author)
    if said.reacted is not None:
        keys = tuple(dict.fromkeys(key for one in said.reacted.keys if (key := _reaction_key(one))))
        return Reactions(target=_named(scene, said.reacted.id), keys=keys)
    if said.subject is not None and said.body is None and said.thread is None and scene.place.is_room:
        return ChannelChange(topic=" ".join(strip_controls(said.subject).split()))
    message = message_of(said, scene)
    if message is None:
        return None
    message = replace(message, reply_to=_answered(said, scene))
    if said.replaces is not None:
        return Edit(target=_own(scene, author, said.replaces), message=message)
    return message


def _answered(said: Said, scene: Scene) -> Ref | None:
    """What is answered; who said it and how it began, as the answer has it, for where nobody knows."""
    if said.answered is None:
        return None
    ref, address = _named(scene, said.answered.id), said.answered.to
    author = _addressed(scene, address) if address else None
    return replace(ref, author=author, excerpt=quoted(said))


def _addressed(scene: Scene, address: str) -> Identity | None:
    where, _, nick = address.partition("/")
    if not scene.place.is_room:
        return _person(scene, where, None) if where in (scene.place.jid, scene.me) else None
    occupant = scene.occupant(nick) if where == scene.place.jid and nick else None
    return None if occupant is None else occupant.author or occupant.who


def _reaction_key(key: str) -> str:
    return cut(strip_controls(key).strip(), _KEY_GRAPHEMES)


def _retraction(retraction: Retraction, said: Said, scene: Scene, author: Identity) -> Body | None:
    """A room's word counts for everybody's messages, anybody else's for their own."""
    reason = " ".join(strip_controls(retraction.reason).split()) or None
    if retraction.moderated:
        if not scene.place.is_room or said.sender != scene.place.jid:
            scene.dropped("forged moderation")
            return None
        return Redaction(target=_named(scene, retraction.id), reason=reason, moderated=True)
    target = _named(scene, retraction.id) if scene.place.is_room and scene.stanza_ids else _own(scene, author, retraction.id)
    return Redaction(target=target, reason=reason)


def _named(scene: Scene, id: str) -> Ref:
    """What a stanza of anybody's is called by the others: in a room by the room's id for it, else by its sender's."""
    if scene.place.is_room and scene.stanza_ids:
        return Ref(key=EventKey(scene.network, ids.by_id(scene.keeper, id)))
    return Ref(key=EventKey(scene.network, scene.lately(ids.loose_id(scene.where, id))))


def _own(scene: Scene, author: Identity, id: str) -> Ref:
    """A stanza of the same sender: what somebody else sent can't be meant."""
    return Ref(key=EventKey(scene.network, scene.lately(ids.sent_id(scene.where, author.id.id, id))))


# signals and errors


def _signals(said: Said, scene: Scene, author: Identity, *, ours: bool) -> Sequence[Heard]:
    """Of what is live: typing, what was read, what arrived. Nothing of our own."""
    if ours or scene.origin is Origin.HISTORY or said.delays:
        return ()
    found: list[Heard] = []
    channel = scene.place.channel(scene.network)
    if said.state in _TYPING and said.body is None:
        found.append(Typing(channel=channel, who=author.id, active=_TYPING[said.state]))
    if said.displayed is not None:
        found.append(ReadMark(channel=channel, who=author.id, event=_named(scene, said.displayed).key))
    if said.received is not None and not scene.place.is_room and len(said.received) == 32 and _DIGITS.issuperset(said.received):
        copy = _sent(Said(sender=scene.me, id=said.received), scene, IdentityId(scene.network, scene.me))
        found.append(Proof(delivery=said.received, receipt=Receipt(evidence=Evidence.ECHOED, ids=copy, at=scene.now)))
    return found


_CONDITIONS = {
    "bad-request": "the other side can't read it",
    "conflict": "the name is taken",
    "feature-not-implemented": "the other side can't do that",
    "forbidden": "that is not allowed there",
    "gone": "the address is gone for good",
    "internal-server-error": "the other server has an error",
    "item-not-found": "nobody has that address",
    "jid-malformed": "that is no address",
    "not-acceptable": "the other side does not accept it",
    "not-allowed": "that is not allowed there",
    "not-authorized": "the other side wants to know us first",
    "policy-violation": "it is against the other server's rules",
    "recipient-unavailable": "the other side is not there",
    "registration-required": "only members may do that",
    "remote-server-not-found": "the other server can't be found",
    "remote-server-timeout": "the other server does not answer",
    "resource-constraint": "the other server is too busy",
    "service-unavailable": "the other side does not take messages",
    "subscription-required": "the other side wants to know us first",
}


def words_for(fault: Fault) -> str:
    """A stanza error in words for people."""
    said = " ".join(strip_controls(fault.text).split())
    words = _CONDITIONS.get(fault.condition, "the other side refused it")
    return f"{words}: {cut(said, 200)}" if said else words


def _bounce(said: Said) -> tuple[Heard, ...]:
    id = said.id or said.origin_id
    if id is None or said.fault is None:
        return ()
    return (Bounced(id=id, sender=said.sender, fault=said.fault, words=words_for(said.fault)),)
