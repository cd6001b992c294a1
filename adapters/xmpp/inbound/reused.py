"""Ids that are used again: some clients count "1", "2", "3" anew each time they are started.

Where nobody else names a stanza, it is told from others of the same id by its words and its time, so that what is new is not
taken for what was, while the same stanza that comes twice (live and out of an archive, or again after a broken line) is one.
"""

from collections import OrderedDict
from datetime import datetime
from hashlib import blake2b

from adapters.xmpp import ids
from adapters.xmpp.inbound.scene import Scene
from adapters.xmpp.stanza.said import Said
from bridge.model.events import Event
from bridge.model.ids import IdentityId

SHORT = 16
"""Characters from which an id is taken for one of its own: long enough for a random one, too long for a counter."""
SLOT_SECONDS = 600
"""The same words under the same id are one stanza within one slot and its neighbours: clocks differ, lines are mended late."""
_MOST = 1000


def told_apart(said: Said, scene: Scene, who: IdentityId, at: datetime) -> tuple[str, ...]:
    """By what a stanza is known that nobody else names: the id that is its own; else its words and time, its own slot first.

    Nothing where it has no id at all.
    """
    own = [id for id in (said.id, said.origin_id) if id is not None]
    lasting = [id for id in own if len(id) >= SHORT]
    if not own or lasting:
        return tuple(ids.sent_id(scene.where, who.id, id) for id in lasting[:1])
    meant = f"{said.subject!r} {said.body!r} {said.replaces!r} {said.retraction!r} {said.reacted!r}"
    digest = blake2b(meant.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    slot = int(at.timestamp() // SLOT_SECONDS)
    return tuple(ids.told_id(scene.where, who.id, own[0], f"{digest}.{number}") for number in (slot, slot - 1, slot + 1))


class Lately:
    """What short ids stood for last: a correction of "7" is of the newest "7", not of the one of last week."""

    def __init__(self) -> None:
        self._meant: OrderedDict[str, str] = OrderedDict()

    def note(self, event: Event) -> None:
        for name in (event.key.id, *event.aliases):
            sent = ids.sent_in(name)
            if sent is not None and len(sent) < SHORT:
                self._meant[name] = event.key.id
                self._meant.move_to_end(name)
                if len(self._meant) > _MOST:
                    self._meant.popitem(last=False)

    def meant(self, name: str) -> str:
        """The key of the event that is called so now; the name itself where that is not known."""
        return self._meant.get(name, name)
