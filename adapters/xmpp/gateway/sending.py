"""What Matrix people write one to one: in the order of the calls, proven by a round trip behind it, or by the other's receipt.

What comes back as undeliverable while somebody waits for it is refused; what comes back later is told in the chat.
"""

import asyncio
from collections import OrderedDict

from adapters.xmpp.ids import Place, conversation, loose_id, may_be_ours, puppet_jid, sent_id
from adapters.xmpp.inbound import Bounced, Proof
from adapters.xmpp.outbound import message_for
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.voices import RESOURCE
from adapters.xmpp.wire.shelf import Shelf
from adapters.xmpp.wire.turns import Turns
from adapters.xmpp.wire.uploads import has_files
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.features import Evidence
from bridge.model.ids import HUB, IdentityId

_MOST_REMEMBERED = 2000
"""Messages that may still come back after the server took them."""
_LATER = frozenset({"internal-server-error", "remote-server-timeout", "resource-constraint"})


class Sending:
    def __init__(self, house: House, shelf: Shelf) -> None:
        self._house, self._shelf = house, shelf
        self._turns = Turns()
        self._flying: dict[str, asyncio.Future[Receipt]] = {}
        self._sent: OrderedDict[str, Place] = OrderedDict()

    async def deliver(self, delivery: Delivery, place: Place) -> Receipt:
        """As `Adapter.deliver`. What has files waits until its readers can get them, and what is behind it waits with it."""
        me = puppet_jid(IdentityId(HUB, place.user), self._house.host)
        if place.jid.rpartition("@")[2] == self._house.host:
            raise Rejected("that address is one of this bridge's own: write to them where they are")
        sender = f"{me}/{RESOURCE}"
        if place.id not in self._turns and not has_files(delivery):
            fence, proof = self._write(delivery, place, sender)
        else:
            async with self._turns.take(place.id):
                fence, proof = self._write(await self._shelf.placed(delivery, sender), place, sender)
        try:
            await asyncio.wait((fence, proof), return_when=asyncio.FIRST_COMPLETED)
            if proof.done():
                return proof.result()
            fence.result()
        finally:
            self._flying.pop(delivery.id, None)
        return Receipt(evidence=Evidence.FENCED, ids=_names(delivery.id, me, place), at=self._house.tools.clock.now())

    def _write(self, delivery: Delivery, place: Place, sender: str) -> "tuple[asyncio.Future[None], asyncio.Future[Receipt]]":
        """Returns what is done when the server has it, and what is done when the other has, or it comes back."""
        link = self._house.linked()
        element = message_for(delivery, place.jid, sender=sender, jid_of=self._jid_of, asks=True, mark_repeats=True)
        link.write(element)
        proof: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._flying[delivery.id] = proof
        self._remember(delivery.id, place)
        return link.fence(), proof

    def proved(self, proof: Proof, place: Place) -> None:
        """The other has it. What was not waited for any more, the core closes by its id."""
        if self._sent.get(proof.delivery, place) != place:
            self._house.odd("receipt of another's")
            return
        flying = self._flying.get(proof.delivery)
        if flying is not None and not flying.done():
            flying.set_result(proof.receipt)
        elif flying is None:
            self._house.inlet.proved(proof.delivery, proof.receipt)

    def bounced(self, bounced: Bounced, place: Place) -> bool:
        """Whether the chat's people must be told: nobody waits for it any more, or it was sent before the bridge was started."""
        if self._sent.get(bounced.id, place) != place or not may_be_ours(bounced.id):
            return False
        self._sent.pop(bounced.id, None)
        flying = self._flying.get(bounced.id)
        if flying is None or flying.done():
            return True
        later = bounced.fault.kind == "wait" or bounced.fault.condition in _LATER
        flying.set_exception(Unavailable(bounced.words) if later else Rejected(bounced.words))
        flying.exception()
        return False

    def _jid_of(self, who: IdentityId) -> str | None:
        if who.network == self._house.network:
            return who.id if "@" in who.id and "#" not in who.id and "/" not in who.id else None
        return puppet_jid(who, self._house.host)

    def _remember(self, id: str, place: Place) -> None:
        self._sent[id] = place
        self._sent.move_to_end(id)
        if len(self._sent) > _MOST_REMEMBERED:
            self._sent.popitem(last=False)


def _names(id: str, me: str, place: Place) -> tuple[str, ...]:
    where = conversation(me, place.jid)
    return (sent_id(where, me, id), loose_id(where, id))
