"""Whether a delivery that may have been sent is there: looked up in the account's own posts, never guessed.

A server may still be at work when its answer is already lost (a time-out, our own kill −9). So what is not there at first is
looked for once more `SETTLE_SECONDS` after the doubt arose, before anybody sends it again.
"""

from datetime import datetime

from adapters.gnusocial.outbound import Direct, Outgoing, Post, Repeat
from adapters.gnusocial.wire.account import Account
from adapters.gnusocial.wire.client import Answer, Refused
from adapters.gnusocial.wire.matching import Free, direct_among, oldest_of, post_among, repeat_among, since
from adapters.gnusocial.wire.people import People
from adapters.gnusocial.wire.statuses import names_of
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Unavailable
from bridge.contract.features import Evidence
from bridge.contract.toolbox import Toolbox

SETTLE_SECONDS = 10.0
PAGE = 40
PAGES = 5
"""Of own posts that are looked through: what is further back was not just sent."""


class Finder:
    """Of one account. Raises `Unavailable` where the server can't be asked now, and nothing else."""

    def __init__(self, account: Account, people: People, tools: Toolbox) -> None:
        self._account = account
        self._people = people
        self._clock = tools.clock
        self._began = tools.clock.monotonic()

    async def find(self, delivery: Delivery, out: Outgoing) -> Receipt | None:
        """None: it surely is not there, or may be done twice."""
        receipt = await self.look(delivery, out)
        if receipt is None and isinstance(out, Post | Direct | Repeat):
            doubted = self._account.echoes.doubted_at(delivery.id)
            rest = (self._began if doubted is None else doubted) + SETTLE_SECONDS - self._clock.monotonic()
            if rest > 0:
                await self._clock.sleep(rest)
                receipt = await self.look(delivery, out)
        if receipt is None:
            self._account.echoes.settle(delivery.id)
        return receipt

    async def look(self, delivery: Delivery, out: Outgoing) -> Receipt | None:
        """What is there at this moment."""
        try:
            ids = await self._ids(delivery, out)
        except Refused as error:
            raise Unavailable(f"can't look whether it was posted: {error.reason}") from error
        if not ids:
            return None
        self._account.echoes.wrote(delivery.id, ids)
        return Receipt(evidence=Evidence.ASSIGNED, ids=ids)

    async def _ids(self, delivery: Delivery, out: Outgoing) -> tuple[str, ...]:
        match out:
            case Post():
                return await self._post(delivery, out)
            case Direct():
                return await self._direct(delivery, out)
            case Repeat(number):
                account = self._account
                page = (await account.client.get(f"statuses/retweets/{number}", count=100)).data
                return names_of(repeat_among(page, number, account.number), account.host)
            case _:
                return ()

    async def _post(self, delivery: Delivery, out: Post) -> tuple[str, ...]:
        account, before = self._account, None
        for _ in range(PAGES):
            answer = await account.client.get(f"statuses/user_timeline/{account.number}", count=PAGE, max_id=before)
            after = self._since(delivery, answer)
            found = post_among(answer.data, out, account.number, account.host, after, self._free_for(delivery.id))
            if found is not None:
                return names_of(found, account.host)
            oldest = oldest_of(answer.data)
            if oldest is None or oldest[1] < after or oldest[0] == before:
                break
            before = oldest[0]
        return ()

    async def _direct(self, delivery: Delivery, out: Direct) -> tuple[str, ...]:
        account = self._account
        to = await self._people.find(out.to)
        if to is None:
            return ()
        answer = await account.client.get("direct_messages/sent", count=PAGE)
        after = self._since(delivery, answer)
        found = direct_among(answer.data, out, to.number, account.host, after, self._free_for(delivery.id))
        return () if found is None else (found,)

    def _since(self, delivery: Delivery, answer: Answer) -> datetime:
        return since(delivery.accepted_at, answer, self._clock.now())

    def _free_for(self, delivery: str) -> Free:
        return lambda ids: self._account.echoes.writer(*ids) in (None, delivery)
