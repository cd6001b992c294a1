"""Acts on what stands in a timeline room: reactions, deletions, edits; each where its author's accounts can do it."""

from msgspec.structs import replace

from bridge.contract.plan import Hint, Seat
from bridge.model.events import Edit, Event, Message, Reactions, Redaction
from bridge.model.ids import HUB
from bridge.routing.accounts import Account
from bridge.routing.admit import Policy
from bridge.routing.chosen import without
from bridge.routing.resolve import Resolved, resolve
from bridge.routing.say import answers, ref_to, standing_alone
from bridge.routing.writing import Job, Writing, Written

_NO_POST = "what you changed was said in this room only, and an edit doesn't post it: write it anew"
_POSTED = "it is posted already: an edit can't make it a thing said in this room only. Delete it, that is deleted there too"


def react(writing: Writing) -> Written:
    """Through one account: the one that brought the post, else that of the oldest link that has it."""
    reactions = writing.event.body
    assert isinstance(reactions, Reactions)
    target = reactions.target.key
    original = writing.lookup.event(target)
    seats = writing.seats(target)
    if original is not None:
        seats.sort(key=lambda one: one[1].channel != original.channel)
    if seats:
        account, seat = seats[0]
        return _also(writing, (Job(event=writing.event, legs=(writing.leg(seat.channel, account),)),))
    outside = original is not None and original.key.network != HUB and not writing.by_chat(target)
    return writing.kept("no-account", _unfelt(writing) if outside and reactions.keys else None)


def retract(writing: Writing, original: Event | None) -> Written:
    """What its author wrote with an account is deleted there, or never leaves; what others wrote is deleted in the room only."""
    redaction = writing.event.body
    assert isinstance(redaction, Redaction)
    withdrawn: list[str] = []
    jobs: list[Job] = []
    for account, seat in writing.seats(redaction.target.key):
        if not _own(account, seat, original):
            continue
        withdrawn += [id for _, id in seat.waiting]
        there = tuple(sorted({*range(seat.parts)} - {part for part, _ in seat.waiting}))
        if there:
            leg = writing.leg(seat.channel, account)
            jobs.append(Job(event=writing.event, legs=(leg,), parts={seat.channel: (seat.parts, there)}))
    written = _also(writing, tuple(jobs))
    return replace(written, withdrawn=tuple(withdrawn), dropped=None if withdrawn or written.jobs else "nowhere")


def change(writing: Writing, original: Event | None, policy: Policy) -> Written:
    """An edit: what waits leaves as it is now; what has left is changed there as far as that can be done."""
    edit = writing.event.body
    assert isinstance(edit, Edit)
    local = writing.begins_local(edit.message)
    if original is not None and writing.is_local(original):
        return Written(dropped="local") if local else Written(refused=_NO_POST)
    message = without(edit.message, writing.command)
    changed = replace(writing.event, body=replace(edit, message=standing_alone(message)))
    jobs: list[Job] = []
    withdrawn: list[str] = []
    seats = [(account, seat) for account, seat in writing.seats(edit.target.key) if _own(account, seat, original)]
    anew = _anew(writing, original, message, policy)
    for account, seat in seats:
        leg = writing.leg(seat.channel, account)
        if anew is None or len(seat.waiting) < seat.parts:
            if local:
                return Written(refused=_POSTED)
            jobs.append(Job(event=changed, legs=(leg,)))
            continue
        withdrawn += [id for _, id in seat.waiting]
        if not local:
            jobs.append(Job(event=anew, legs=(leg,), waits=True, instead=writing.event.key))
    if seats:
        return replace(_also(writing, tuple(jobs)), withdrawn=tuple(withdrawn))
    unposted = bool(writing.mine) and original is not None and not writing.by_chat(edit.target.key)
    return writing.kept("nowhere", Hint(kind="edit", words=_NO_POST) if unposted else None)


def _own(account: Account, seat: Seat, original: Event | None) -> bool:
    """Whether what is there was written with the account: by us, whom only its owner has write, or elsewhere."""
    return seat.ours or (original is not None and original.author.id == account.identity)


def _also(writing: Writing, jobs: tuple[Job, ...]) -> Written:
    """Beside what the room's links carry."""
    chats = (Job(event=writing.event, legs=writing.chats),) if writing.chats else ()
    return Written(jobs=chats + jobs)


def _anew(writing: Writing, original: Event | None, message: Message, policy: Policy) -> Event | None:
    """The original with new words; it answers what it answered."""
    if original is None or not isinstance(original.body, Message):
        return None
    told = resolve(original, writing.lookup, policy)
    if not isinstance(told, Resolved) or not isinstance(told.event.body, Message):
        return None
    before = told.event.body
    answered = answers(writing, before)
    return replace(told.event, body=standing_alone(message, None if answered is None else ref_to(writing.lookup, answered)))


def _unfelt(writing: Writing) -> Hint:
    who = "none of your accounts has seen that post" if writing.mine else "no account of yours is in this room"
    return Hint(kind="reaction", words=f"reactions of yours stay in this room: {who}")
