"""Which events an event speaks of, and whether it may.

A network names an event by whatever id it knows: a copy of ours, an alias, an edit of it. All of them are led back to the root,
the event that started it; what is known of the root (author, first words) goes into the reference, for places that cannot point.
"""

from msgspec import Struct
from msgspec.structs import replace

from bridge.contract.plan import Lookup
from bridge.model.events import Body, Boost, Edit, Event, Message, Reactions, Redaction, Ref
from bridge.model.ids import ChannelId, EventKey, IdentityId
from bridge.model.people import Identity
from bridge.routing.admit import Dropped, Origins, Policy, Refused
from bridge.routing.route import is_public
from bridge.routing.same import same_address
from bridge.text.plain import excerpt

_CHAIN = 8
"""Edits of edits that are followed."""
_CONVERSATION = 64
"""Answers to answers that are followed."""
_WORDS = 80
"""Graphemes of an original that are kept in a reference."""


class Resolved(Struct, frozen=True, kw_only=True):
    """The event with roots in its references. `needs`: only places that have all of these get a copy."""

    event: Event
    needs: tuple[EventKey, ...] = ()
    root: EventKey | None = None
    """Of what a boost passes on; None where that is unknown."""
    original: Event | None = None
    """What the event's subject was, where it is still known."""
    taken: Event | None = None
    """Of a redaction: the boost that it takes back. What was passed on is another matter."""
    trusted: bool = True
    """False: the subject is not to be touched, whoever wrote it; say it as something new."""


class _Root(Struct, frozen=True):
    key: EventKey
    event: Event | None


def resolve(event: Event, lookup: Lookup, policy: Policy) -> Resolved | Dropped | Refused:
    """Only for events that speak of others."""
    body = event.body
    if isinstance(body, Message):
        return _answer(event, body, lookup)
    if isinstance(body, Boost):
        return _boost(event, body, lookup)
    if isinstance(body, Edit | Redaction | Reactions):
        return _change(event, body, lookup, policy)
    return Resolved(event=event)


def _answer(event: Event, message: Message, lookup: Lookup) -> Resolved:
    message, needs = _message(message, lookup)
    return Resolved(event=replace(event, body=message), needs=needs)


def _message(message: Message, lookup: Lookup) -> tuple[Message, tuple[EventKey, ...]]:
    """An answer to what not everybody may read goes only where that is."""
    needs: list[EventKey] = []
    refs: dict[str, Ref] = {}
    for field, ref in (("reply_to", message.reply_to), ("thread", message.thread)):
        root = None if ref is None else _root(ref.key, lookup)
        if ref is None or root is None:
            continue
        refs[field] = _told(ref, root)
        if _confined(root, lookup):
            needs.append(root.key)
    return (replace(message, **refs) if refs else message), tuple(needs)


def _boost(event: Event, boost: Boost, lookup: Lookup) -> Resolved:
    root = _root(boost.target.key, lookup)
    if root is None:
        return Resolved(event=event, trusted=False)
    boost = replace(boost, target=_told(boost.target, root))
    if boost.original is None and root.event is not None:
        known = root.event.body
        original = known.original if isinstance(known, Boost) else known
        boost = replace(boost, original=original if isinstance(original, Message) else None)
    needs = (root.key,) if _confined(root, lookup) else ()
    return Resolved(event=replace(event, body=boost), root=root.key, original=root.event, needs=needs)


def _change(event: Event, body: Edit | Redaction | Reactions, lookup: Lookup, policy: Policy) -> Resolved | Dropped | Refused:
    root = _root(body.target.key, lookup)
    if root is not None and not isinstance(body, Reactions) and not _may_change(event, body, root, policy, lookup):
        if lookup.merged(body.target.key) is not None:
            return Dropped("merged")  # it was taken for another's post, which stays as that one wrote it
        if root.event is not None:
            return Refused("only who wrote a message may change it")
        root = None
    if isinstance(body, Edit):
        message, needs = _message(body.message, lookup)
        body = replace(body, message=message)
    else:
        needs = ()
    if root is None:
        return (
            Resolved(event=replace(event, body=body), needs=needs, trusted=False)
            if isinstance(body, Edit)
            else Dropped("unknown-target")
        )
    first, changed = root.event, replace(body, target=_told(body.target, root))
    by_own_name = isinstance(body, Redaction) and first is not None and brought(first) and body.target.key == root.key
    if isinstance(body, Edit):
        event = replace(event, author=_as_shown(event.author, root, lookup))
    return Resolved(
        event=replace(event, body=changed), needs=(root.key, *needs), original=first, taken=first if by_own_name else None
    )


def _as_shown(author: Identity, root: _Root, lookup: Lookup) -> Identity:
    """Nobody can change the words of another puppet, be both one human."""
    first = None if root.event is None else _writer(root.event)
    return first if first is not None and first.id != author.id and one_human(first.id, author.id, lookup) else author


def _may_change(event: Event, body: Edit | Redaction, root: _Root, policy: Policy, lookup: Lookup) -> bool:
    first, who, by_own_name = root.event, event.author.id, root.key == body.target.key
    if first is None:
        return policy.vouches(event, Origins(key=root.key, event=None))
    author = _writer(first)
    if by_own_name and brought(first):  # he takes his boost back; the words are another's
        return first.author.id == who and isinstance(body, Redaction)
    if author is not None and (author.id == who or (not by_own_name and one_human(author.id, who, lookup))):
        return True
    return policy.vouches(event, Origins(key=root.key, event=first))


def brought(event: Event) -> bool:
    """Whether it stands for another's post."""
    return isinstance(event.body, Boost) and event.body.comment is None


def _writer(event: Event) -> Identity | None:
    """Whose words it is."""
    body = event.body
    return body.target.author if isinstance(body, Boost) and body.comment is None else event.author


def one_human(one: IdentityId, other: IdentityId, lookup: Lookup) -> bool:
    """Somebody's address on two networks, or identities that were declared to be one."""
    if same_address(one, other):
        return True
    person = lookup.person(one)
    return person is not None and person == lookup.person(other)


def _root(key: EventKey, lookup: Lookup) -> _Root | None:
    for _ in range(_CHAIN):
        found = lookup.root(key)
        if found is None:
            return None
        event = lookup.event(found)
        if event is None or not isinstance(event.body, Edit):
            return _Root(found, event)
        key = event.body.target.key
    return None


def _confined(root: _Root, lookup: Lookup) -> bool:
    """Whether it, or anything it answers, was not for everybody. A conversation too long to be followed counts as such."""
    waiting: list[_Root | None] = [root]
    seen: set[EventKey] = set()
    for _ in range(_CONVERSATION):
        if not waiting:
            return False
        one = waiting.pop()
        if one is None or one.event is None or one.key in seen:
            continue
        seen.add(one.key)
        if not is_public(one.event.body):
            return True
        body = one.event.body
        if isinstance(body, Message):
            waiting += [_root(ref.key, lookup) for ref in (body.reply_to, body.thread) if ref is not None]
    return bool(waiting)


def _told(ref: Ref, root: _Root) -> Ref:
    event = root.event
    if event is None:
        return replace(ref, key=root.key)
    return Ref(key=root.key, author=_writer(event) or ref.author, excerpt=ref.excerpt or _first_words(event.body))


def _first_words(body: Body) -> str | None:
    if isinstance(body, Boost):
        if body.comment is not None:
            return excerpt(body.comment.plain, _WORDS)
        return None if body.original is None else _first_words(body.original)
    if not isinstance(body, Message):
        return None
    words = body.warning or body.text.plain or " ".join(attachment.name for attachment in body.attachments)
    return excerpt(words, _WORDS) or None


def meets(needs: tuple[EventKey, ...], channel: ChannelId, lookup: Lookup) -> bool:
    """Whether all of the needed are at a place."""
    return all(lookup.has_copy(key, channel) for key in needs)
