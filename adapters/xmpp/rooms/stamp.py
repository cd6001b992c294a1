"""Our mark on what we say in rooms, so that we know it again after a restart, in an archive, whatever nick it was said under.

Nobody else can make one: it is a digest of the stanza's id and the room with the component's secret. Who copies a whole message,
mark and all, only has it taken for what it copies. Pure.
"""

import hmac
from xml.etree.ElementTree import Element, SubElement

_TAG = "{urn:unabridged:said}by-us"


class Stamp:
    """For one component."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"unabridged: what we say in rooms", "sha256")

    def put(self, message: Element, room: str, id: str) -> None:
        """`id` is the stanza's: of the delivery."""
        SubElement(message, _TAG, {"mark": self._mark(room, id)})

    def of(self, message: Element, room: str) -> str | None:
        """The delivery that a message seen in a room is; None where it is not ours."""
        mark, id = message.find(_TAG), message.get("id")
        if mark is None or not id:
            return None
        return id if hmac.compare_digest(mark.get("mark", "").encode(), self._mark(room, id).encode()) else None

    def _mark(self, room: str, id: str) -> str:
        return hmac.digest(self._key, f"{room}\0{id}".encode(errors="replace"), "sha256").hex()[:32]
