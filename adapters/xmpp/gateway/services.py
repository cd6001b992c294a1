"""What is asked of our addresses (iq): who they are, whether they are there, how to find others.

What needs nobody else is answered at once; what the homeserver must be asked for is an errand. Whoever asks without end is told
to wait.
"""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from xml.etree.ElementTree import Element

from adapters.xmpp.caps import Caps
from adapters.xmpp.gateway import answers
from adapters.xmpp.gateway.door import Door
from adapters.xmpp.gateway.errands import Errands
from adapters.xmpp.gateway.faces import Faces
from adapters.xmpp.gateway.persons import Persons
from adapters.xmpp.gateway.refusing import BUSY
from adapters.xmpp.gateway.replies import Replies
from adapters.xmpp.ids import Place
from adapters.xmpp.rooms.house import House
from adapters.xmpp.stanza import ns

_MINUTE = 60.0


class Services:
    def __init__(
        self,
        house: House,
        faces: Faces,
        errands: Errands,
        *,
        invite: Callable[[Place], None],
        forget: Callable[[str], None],
    ) -> None:
        """`invite` and `forget`: as `Door` wants them."""
        self._house = house
        self._replies = Replies(house, errands)
        self._door = Door(house, self._replies, faces, invite=invite, forget=forget)
        self._persons = Persons(house, self._replies, faces)
        self._caps = Caps(house.tools.clock.monotonic, _MINUTE, each=120, host=1200, all=3000)

    def query(self, iq: Element) -> bool:
        """True: it is, or will be, answered. Every address of ours answers; what it doesn't serve is refused."""
        sender, to = iq.get("from", "").partition("/")[0], iq.get("to", "").partition("/")[0]
        if not len(iq) or not sender:
            self._replies.refuse(iq, "bad-request")
        elif not self._caps.take(sender):
            self._house.odd("asks too much")
            self._replies.refuse(iq, BUSY)
        elif not (self._everywhere(iq) or (to == self._house.host and self._door.serves(iq)) or self._persons.serves(iq)):
            self._replies.refuse(iq, "service-unavailable")
        return True

    def _everywhere(self, iq: Element) -> bool:
        """What the smallest address can answer."""
        answer = answers.result(iq)
        match iq.get("type"), *ns.split(iq[0].tag):
            case "get", ns.PING, "ping":
                pass
            case "get", answers.VERSION, "query":
                answers.version(answer, _number())
            case "get", answers.TIME, "time":
                answers.time(answer, self._house.tools.clock.now())
            case _:
                return False
        self._replies.write(answer)
        return True


def _number() -> str:
    try:
        return installed("unabridged")
    except PackageNotFoundError:
        return "0"
