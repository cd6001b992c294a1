"""One of us in one room."""

from enum import Enum
from xml.etree.ElementTree import Element

from adapters.xmpp.rooms.refusals import Refused
from adapters.xmpp.stanza import ns

REFUSED_SECONDS = 600.0
"""How long a lasting refusal is believed before one of us asks again."""
_OWN_STATUS = f"{{{ns.MUC_USER}}}x/{{{ns.MUC_USER}}}status[@code='110']"


class State(Enum):
    OUT = "out"
    JOINING = "joining"
    IN = "in"


class Participant:
    """One of us in one room. `jid` is a full address; `nick` is held, or asked for, or was last."""

    __slots__ = ("asked_at", "jid", "lost", "nick", "refused", "refused_at", "spoke_at", "state", "tries", "wanted")

    def __init__(self, jid: str, wanted: str, now: float) -> None:
        self.jid, self.wanted, self.nick = jid, wanted, wanted
        self.state = State.OUT
        self.refused: Refused | None = None
        self.refused_at = self.asked_at = self.spoke_at = now
        self.tries = 0
        self.lost = False
        """Out only because the connection ended: the room may not have noticed."""

    def sees(self, element: Element, room: str) -> bool:
        """Whether a presence that came to this one is about itself."""
        if element.get("from") == f"{room}/{self.nick}" or element.get("type") == "error":
            return True
        return self.state is State.JOINING and element.find(_OWN_STATUS) is not None

    def barred(self, now: float) -> Refused | None:
        """A refusal that would most likely be the same again."""
        refused = self.refused
        return refused if refused is not None and refused.lasting and now - self.refused_at < REFUSED_SECONDS else None
