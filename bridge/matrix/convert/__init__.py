"""Matrix events to canonical ones and back: pure, so that a golden file is the whole test.

`from_matrix` reads what a homeserver pushed; `to_matrix` writes what a puppet is to send.
What does not survive, on purpose:

- into Matrix: an event's `order`. Polls and quotations come here already written as text (see `routing.fit`), and a boost that
  is shown anew as the post with the fact that it was passed on. What a post is else, `post_out` writes around its text.
- out of Matrix: read-only extensions, poll answers, per-message profiles, `m.space` state, to-device messages.
"""

from bridge.matrix.convert.fields import ConvertError
from bridge.matrix.convert.incoming import Business, Context, Reacted, from_matrix
from bridge.matrix.convert.message_in import answered
from bridge.matrix.convert.outgoing import Outgoing, Sending, to_matrix
from bridge.matrix.convert.stamp import STAMP, Stamp, seal, stamp_of

__all__ = [
    "STAMP",
    "Business",
    "Context",
    "ConvertError",
    "Outgoing",
    "Reacted",
    "Sending",
    "Stamp",
    "answered",
    "from_matrix",
    "seal",
    "stamp_of",
    "to_matrix",
]
