"""Our mark on what we say in rooms, so that we know it again after a restart, in an archive, whatever nick it was said under.

It stands in the stanza's id, behind that of the delivery: an element of its own would be copied for everybody in the room, and
a tenth of all that a room costs its server. Nobody else can make one: it is a digest of the delivery's id and the room with the
component's secret. Who copies an id of ours only has their message taken for what they copied. Pure.
"""

import hmac

_BETWEEN = "."
_MARK_DIGITS = 20
"""80 bits, which can be guessed only in front of everybody in the room."""


class Stamp:
    """For one component."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"unabridged: what we say in rooms", "sha256")

    def put(self, delivery: str, room: str) -> str:
        """The id of the stanza by which a delivery goes into a room."""
        return f"{delivery}{_BETWEEN}{self._mark(delivery, room)}"

    def read(self, id: str | None, room: str) -> str | None:
        """The delivery that a stanza of that id was; None where it is not ours."""
        delivery, _, mark = (id or "").rpartition(_BETWEEN)
        if not delivery or not hmac.compare_digest(mark.encode(errors="replace"), self._mark(delivery, room).encode()):
            return None
        return delivery

    def _mark(self, delivery: str, room: str) -> str:
        return hmac.digest(self._key, f"{room}\0{delivery}".encode(errors="replace"), "sha256").hex()[:_MARK_DIGITS]
