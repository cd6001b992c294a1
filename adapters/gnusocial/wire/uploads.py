"""Pictures and files on their way to a server, each sent once for a delivery however often it is tried."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from adapters.gnusocial.ids import number
from adapters.gnusocial.wire.account import Account
from adapters.gnusocial.wire.multipart import File
from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Attachment

LARGEST = 50 * 1024 * 1024
"""Bytes of one upload where the server names no limit; it is held in memory while it is sent."""
TRIES = 5
"""How often a file that can't be read is tried before its message is given up."""
_REMEMBERED = 500


class Uploads:
    def __init__(self, account: Account, tools: Toolbox) -> None:
        self._account = account
        self._tools = tools
        self._sent: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._failed: OrderedDict[str, int] = OrderedDict()

    async def ids_of(self, delivery: str, attachments: Sequence[Attachment]) -> list[str]:
        """The server's ids of them, in order. Raises `Unavailable` or `Rejected`."""
        return [await self._one(delivery, attachment) for attachment in attachments]

    async def _one(self, delivery: str, attachment: Attachment) -> str:
        key = (delivery, attachment.source)
        if key not in self._sent:
            file = await self._read(delivery, attachment)
            answer = await self._account.client.post("media/upload", once=False, files=(file,))
            self._sent[key] = _media_id(answer.data)
            _shorten(self._sent)
        return self._sent[key]

    async def _read(self, delivery: str, attachment: Attachment) -> File:
        cap = self._account.allowed.file if self._account.allowed.file is not None else LARGEST
        if (attachment.size or 0) > cap:
            raise self._too_large(attachment, cap)
        data = bytearray()
        try:
            async with self._tools.media.open(attachment) as stream:
                async for chunk in stream.chunks():
                    data += chunk
                    if len(data) > cap:
                        raise self._too_large(attachment, cap)
        except OSError as error:
            self._failed[delivery] = self._failed.get(delivery, 0) + 1
            _shorten(self._failed)
            if self._failed[delivery] >= TRIES:
                raise Rejected(f"{attachment.name} can't be read, so it can't be posted: {error}") from error
            raise Unavailable(f"{attachment.name} can't be read: {error}") from error
        return File("media", attachment.name, attachment.type, bytes(data))

    def _too_large(self, attachment: Attachment, cap: int) -> Rejected:
        return Rejected(f"{attachment.name} is larger than the {cap} bytes that {self._account.host} takes")


def _media_id(data: Any) -> str:
    """Raises `Rejected` where the server gave none."""
    found = (number(data.get("media_id_string")) or number(data.get("media_id"))) if isinstance(data, dict) else None
    if found is None:
        raise Rejected("the server took the file, but gave it no name by which it could be posted")
    return found


def _shorten(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > _REMEMBERED:
        kept.popitem(last=False)
