"""A message in a timeline room: said there only, posted, or refused with words."""

from msgspec.structs import replace

from bridge.contract.plan import Hint, Lookup
from bridge.model.events import Message, Ref, Style
from bridge.model.ids import HUB, EventKey
from bridge.routing.accounts import Account
from bridge.routing.admit import Refused
from bridge.routing.chosen import chosen
from bridge.routing.topology import Leg
from bridge.routing.writing import CONVERSATION, Job, Writing, Written

_TALK = "what you answer was said in this room only, and so is your answer"


def say(writing: Writing) -> Written:
    """A message."""
    message = writing.event.body
    assert isinstance(message, Message)
    if writing.is_local(writing.event):
        return Written(dropped="local")
    if message.style is Style.NOTICE:
        return writing.kept("notice")  # by convention a program's: it may talk in the room, not in public
    mine = writing.mine
    choice = chosen(message, mine, writing.command)
    if isinstance(choice, Refused):
        return Written(refused=choice.words)
    if choice is not None:
        message, wanted = choice
        answered = answers(writing, message)
        return _post(writing, message, wanted) if answered is None else _reply(writing, message, answered, wanted)
    answered = answers(writing, message)
    if answered is None:
        named = (writing.accounts.named(handle) for handle in writing.portal.post_to)
        there = tuple(account for account in named if account in mine and account.posts_to is not None)
        return _post(writing, message, there) if there else writing.kept("nowhere", _nowhere(writing))
    if writing.by_chat(answered):
        return writing.kept("nowhere")
    if not mine:
        return writing.kept("nowhere", _nowhere(writing))
    return _reply(writing, message, answered, ())


def _post(writing: Writing, message: Message, accounts: tuple[Account, ...]) -> Written:
    legs = tuple(writing.leg(one.posts_to, one) for one in accounts if one.posts_to is not None)
    return _carried(writing, standing_alone(message), legs, message is not writing.event.body)


def _reply(writing: Writing, message: Message, answered: EventKey, wanted: tuple[Account, ...]) -> Written:
    """Through the account that brought what is answered, or those that are `wanted`, each of which must have it."""
    seats = writing.seats(answered)
    legs: list[Leg] = []
    for account in wanted or tuple(one for one, _ in seats[:1]):
        seat = next((seat for one, seat in seats if one == account), None)
        if seat is None:
            had = ", ".join(dict.fromkeys(str(one) for one, _ in seats))
            return Written(refused=f"{account} has not seen what you answer" + (f"; {had} has" if had else _anew(writing)))
        legs.append(writing.leg(seat.channel, account))
    if not legs and answered.network == HUB:
        return writing.kept("nowhere", Hint(kind="talk", words=_TALK))
    if not legs:
        return Written(refused="none of your accounts has seen what you answer" + _anew(writing))
    return _carried(writing, standing_alone(message, ref_to(writing.lookup, answered)), tuple(legs), bool(wanted))


def _carried(writing: Writing, message: Message, legs: tuple[Leg, ...], alone: bool) -> Written:
    """`alone`: its author named the accounts, so it goes nowhere else."""
    jobs = [Job(event=replace(writing.event, body=message), legs=legs, waits=writing.portal.timeline.undo_seconds > 0)]
    if writing.chats and not alone:
        jobs.insert(0, Job(event=writing.event, legs=writing.chats))
    return Written(jobs=tuple(jobs))


def standing_alone(message: Message, answered: Ref | None = None) -> Message:
    """Of a thread of the room nothing but what it answers."""
    return replace(message, reply_to=answered, thread=None, follows=None)


def ref_to(lookup: Lookup, key: EventKey) -> Ref:
    event = lookup.event(key)
    return Ref(key=key, author=None if event is None else event.author)


def answers(writing: Writing, message: Message) -> EventKey | None:
    """The root of what a message answers: what it says so of, else, in a thread, the newest that others wrote before it."""
    if message.reply_to is not None:
        return message.reply_to.key
    if message.thread is None:
        return None
    own = {writing.event.author.id, *(account.identity for account in writing.mine)}
    key = _root(writing, message.follows)
    for _ in range(CONVERSATION):
        event = None if key is None else writing.lookup.event(key)
        if key is None or event is None or not isinstance(event.body, Message):
            break
        if event.author.id not in own and not writing.is_local(event) and writing.seats(key):
            return key
        key = _root(writing, event.body.reply_to or event.body.follows)
    return message.thread.key


def _root(writing: Writing, ref: Ref | None) -> EventKey | None:
    return None if ref is None else writing.lookup.root(ref.key)


def _nowhere(writing: Writing) -> Hint:
    mine = [str(account) for account in writing.mine if account.posts_to is not None]
    if mine:
        how = f"“{writing.command}to {mine[0]} TEXT” posts one message, and the room's “post_to” names where all of them go"
        return Hint(kind="nowhere", words=f"what you write here stays in this room. {how}.")
    how = f"“{writing.command}login” to the bot adds one"
    return Hint(kind="nowhere", words=f"what you write here stays in this room, as no account of yours posts from it. {how}.")


def _anew(writing: Writing) -> str:
    mark = writing.portal.timeline.local
    room = f", “{mark}” before it says it in this room only" if mark else ""
    return f". Written without answering it, it can be posted{room}."
