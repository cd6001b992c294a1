"""What an answer answers, where that was never seen: looked up in the conversation, so that the answer has somewhere to land."""

from collections.abc import Container, Mapping
from typing import Any

from adapters.common.activity import Verb
from adapters.gnusocial.ids import alias
from adapters.gnusocial.reading.faces import Notice, Page, Server, read_page, statuses_in
from adapters.gnusocial.reading.memory import Memory
from adapters.gnusocial.wire.answers import Revoked
from adapters.gnusocial.wire.client import Client, Refused
from bridge.contract.errors import DeliveryError

STEPS = 3
"""Questions of questions that are asked for one by one."""
CHAIN = 50
REQUESTS = 12
"""In one round, for all answers in it."""
PAGE = 100


class Ancestors:
    """For one round. What can't be had is remembered as lost, and what there was no time for is left out."""

    def __init__(self, client: Client, server: Server, memory: Memory) -> None:
        self._client = client
        self._server = server
        self._memory = memory
        self._left = REQUESTS

    async def of(self, notice: Notice, coming: Container[str], at_hand: Mapping[str, Notice]) -> tuple[Notice, ...]:
        """The unknown ones, the oldest first. `coming`: numbers of what is handed in anyway. Raises `Revoked` alone."""
        found: list[Notice] = []
        around = dict(at_hand)
        steps, asked, child = 0, False, notice
        while (
            len(found) < CHAIN and (id := child.reply_number) is not None and id not in coming and not self._is_known(child, id)
        ):
            if id not in around and not asked and child.thread is not None:
                asked = True
                around |= {one.number: one for one in await self._conversation(child.thread)}
            if id not in around:
                steps += 1
                shown = await self._show(id) if steps <= STEPS else None
                if shown is None:
                    break
                around[id] = shown
            child = around[id]
            if child in found or child.verb is not Verb.POST:
                break
            found.append(child)
        return tuple(reversed(found))

    def _is_known(self, child: Notice, id: str) -> bool:
        names = [alias(self._server.host, id)] + ([child.reply_uri] if child.reply_uri else [])
        return any(self._memory.known(name) is not None or self._memory.is_lost(name) for name in names)

    async def _conversation(self, thread: str) -> tuple[Notice, ...]:
        data = await self._get(f"statusnet/conversation/{thread}", count=PAGE)
        if not statuses_in(data):
            return ()
        return self._read(data, await self._get(f"statusnet/conversation/{thread}", face="as", count=PAGE)).notices

    async def _show(self, id: str) -> Notice | None:
        data = await self._get(f"statuses/show/{id}", gone=alias(self._server.host, id))
        return next(iter(self._read([data], None).notices), None)

    def _read(self, data: Any, activities: Any) -> Page:
        return read_page(data, activities, self._server)

    async def _get(self, path: str, *, face: str = "json", count: int | None = None, gone: str | None = None) -> Any:
        if self._left <= 0:
            return None
        self._left -= 1
        try:
            return (await self._client.get(path, face=face, count=count)).data
        except Revoked:
            raise
        except Refused:
            if gone is not None:
                self._memory.lose(gone)
        except DeliveryError:
            self._left = 0
        return None
