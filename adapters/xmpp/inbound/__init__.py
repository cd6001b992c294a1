"""What messages mean: one in, no event or a few out. Pure.

Who really sent a message is its author, whatever it claims; so what only an author may do (to correct, to take back) is refused
by the core where somebody else tries. Only a room can moderate, and only the place's own authority gives ids and dates.
"""

from adapters.xmpp.inbound.reused import Lately
from adapters.xmpp.inbound.scene import Bounced, Heard, Invited, Occupant, Proof, Scene
from adapters.xmpp.inbound.speech import copy_ids, events, words_for
from adapters.xmpp.inbound.text import notice

__all__ = [
    "Bounced",
    "Heard",
    "Invited",
    "Lately",
    "Occupant",
    "Proof",
    "Scene",
    "copy_ids",
    "events",
    "notice",
    "words_for",
]
