"""What becomes of something written in a room with accounts: said in the room only, posted, or refused with words.

A chat link carries everything, as ever. What is seen through a login is another matter: only its owner writes there, under their
own name, for everybody to read and hardly ever to be taken back for good. So nothing goes there by being said in the same room.
It goes where its author points: a reply and a reaction to where their account has what is answered, all else to what the room's
settings or the message itself name (`!to`). Where that is nowhere, its author is told.
"""

from bridge.contract.plan import Hint
from bridge.model.events import Edit, Event, Message, Reactions, Redaction
from bridge.model.portals import Portal
from bridge.routing.accounts import Accounts
from bridge.routing.acts import change, react, retract
from bridge.routing.admit import Policy
from bridge.routing.say import say
from bridge.routing.topology import Topology
from bridge.routing.writing import Job, Writing, Written

__all__ = ["Job", "Writing", "Written", "not_his", "write"]


def write(writing: Writing, original: Event | None, policy: Policy) -> Written:
    """`original`: what the event is about, where that is still known."""
    match writing.event.body:
        case Message():
            return say(writing)
        case Reactions():
            return react(writing)
        case Redaction():
            return retract(writing, original)
        case Edit():
            return change(writing, original, policy)
        case _:
            return writing.kept("unlinked")


def not_his(event: Event, portal: Portal | None, topology: Topology, accounts: Accounts) -> Hint | None:
    """For a message that goes nowhere because the room's account is somebody else's."""
    if portal is None or not isinstance(event.body, Message):
        return None
    if not any(link.outward and accounts.is_personal(link.channel) for link in topology.links_of(portal)):
        return None
    return Hint(kind="account", words="only the owner of this room's account writes through it; what you say stays in the room")
