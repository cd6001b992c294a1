"""What is written with an account: in the order of the calls in each chat, proven by the server's acknowledgement."""

import asyncio
from collections import OrderedDict
from datetime import timedelta

from adapters.xmpp.accounts.services import Services
from adapters.xmpp.ids import Place, conversation, loose_id, may_be_ours, sent_id
from adapters.xmpp.inbound import Bounced
from adapters.xmpp.outbound import message_for
from adapters.xmpp.stanza.said import Said, read_message
from adapters.xmpp.wire.archive import Archive
from adapters.xmpp.wire.client import Client
from adapters.xmpp.wire.turns import Turns
from adapters.xmpp.wire.uploads import Uploads, has_files
from adapters.xmpp.wire.verdicts import Refusal
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import IdentityId

_MOST_REMEMBERED = 256
"""Messages that may still come back as undeliverable after the server took them."""
_EARLIER = timedelta(minutes=2)
"""By how much clocks may differ when we look for what we sent."""
_MOST_PAGES = 20


class Sending:
    """`me`: our bare address."""

    def __init__(self, me: str, tools: Toolbox, uploads: Uploads) -> None:
        self._me, self._tools, self._uploads = me, tools, uploads
        self._turns = Turns()
        self._flying: dict[str, asyncio.Future[None]] = {}
        self._sent: OrderedDict[str, Place] = OrderedDict()

    async def deliver(self, client: Client, services: Services, delivery: Delivery, place: Place) -> Receipt:
        """As `Adapter.deliver`. What has files waits until its readers can get them, and what is behind it waits with it."""
        if place.jid not in self._turns and not has_files(delivery):
            return await self._proven(self._write(client, delivery, place), delivery, place)
        async with self._turns.take(place.jid):
            delivery = await self._uploads.placed(client, services.upload, services.upload_limit, delivery)
            proof = self._write(client, delivery, place)
        return await self._proven(proof, delivery, place)

    def _write(self, client: Client, delivery: Delivery, place: Place) -> "tuple[asyncio.Future[None], asyncio.Future[None]]":
        """Returns what is done when the server has it, and what is done where it comes back."""
        client.write(message_for(delivery, place.jid, jid_of=_jid_of, asks=True))
        back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flying[delivery.id] = back
        self._remember(delivery.id, place)
        return client.fence(), back

    async def _proven(
        self, proof: "tuple[asyncio.Future[None], asyncio.Future[None]]", delivery: Delivery, place: Place
    ) -> Receipt:
        fence, back = proof
        try:
            await asyncio.wait((fence, back), return_when=asyncio.FIRST_COMPLETED)
            for one in (back, fence):
                if one.done():
                    one.result()
        finally:
            self._flying.pop(delivery.id, None)
        return Receipt(evidence=Evidence.FENCED, ids=self._names(delivery.id, place), at=self._tools.clock.now())

    def bounced(self, bounced: Bounced, *, has_room: bool) -> str | None:
        """A message came back. Where nobody waits for it any more: with whom the chat is whose people are to be told.

        What was sent before the bridge was started was for who says that it did not come, if there is a room for them.
        """
        sender, place = bounced.sender.partition("/")[0], self._sent.get(bounced.id)
        if place is None:
            return sender if has_room and may_be_ours(bounced.id) and "@" in sender and sender != self._me else None
        if sender not in (place.jid, self._me, self._me.rpartition("@")[2], ""):
            return None
        del self._sent[bounced.id]
        flying = self._flying.get(bounced.id)
        if flying is None or flying.done():
            return place.jid
        flying.set_exception(Rejected(bounced.words))
        flying.exception()
        return None

    async def find(self, client: Client, archive: Archive, delivery: Delivery, place: Place) -> Receipt | None:
        """Looks through the account's archive. Raises `Uncertain` where it can't be looked through."""
        since = delivery.accepted_at - _EARLIER
        try:
            pages = 0
            async for page in archive.read(client, start=since, peer=place.jid):
                for kept in page:
                    said = read_message(kept.message)
                    if isinstance(said, Said) and delivery.id in (said.id, said.origin_id) and self._is_ours(said):
                        return Receipt(evidence=Evidence.ECHOED, ids=self._names(delivery.id, place), at=kept.at)
                pages += 1
                if pages >= _MOST_PAGES:
                    raise Uncertain("the archive holds too much to look through")
        except (Refusal, TimeoutError, Unavailable) as error:
            raise Uncertain(f"the archive can't be asked: {error}") from error
        return None

    def _is_ours(self, said: Said) -> bool:
        return said.sender.partition("/")[0] in (self._me, "")

    def _names(self, id: str, place: Place) -> tuple[str, ...]:
        where = conversation(self._me, place.jid)
        return (sent_id(where, self._me, id), loose_id(where, id))

    def _remember(self, id: str, place: Place) -> None:
        self._sent[id] = place
        if len(self._sent) > _MOST_REMEMBERED:
            self._sent.popitem(last=False)


def _jid_of(who: IdentityId) -> str | None:
    return who.id if "@" in who.id and not who.id.startswith("@") else None
