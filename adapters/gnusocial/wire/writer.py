"""Carries out what a delivery asks of a server: once, or not at all, or with words that say why not."""

import asyncio
from collections import OrderedDict
from typing import Any

from msgspec.structs import replace

from adapters.gnusocial.find import Finder
from adapters.gnusocial.ids import direct_id, number, person_of
from adapters.gnusocial.outbound import Delete, Direct, Marks, Outgoing, Post, Repeat, guarded, wire_text
from adapters.gnusocial.wire.account import Account
from adapters.gnusocial.wire.answers import Broken
from adapters.gnusocial.wire.client import Refused
from adapters.gnusocial.wire.matching import repeat_among
from adapters.gnusocial.wire.people import People
from adapters.gnusocial.wire.statuses import author_number, favourite_names, names_of
from adapters.gnusocial.wire.uploads import Uploads
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence
from bridge.contract.toolbox import Toolbox

REMEMBERED = 2_000
"""Posts whose marks made here are kept in mind."""
_MAYBE_DONE = frozenset({400, 403})
"""What a server answers to a write that it has done before, among other things."""


class Writer:
    """Of one account. `source`: the program's name to be shown with posts."""

    def __init__(self, account: Account, people: People, finder: Finder, tools: Toolbox, *, source: str) -> None:
        self._account = account
        self._people = people
        self._finder = finder
        self._source = source
        self._uploads = Uploads(account, tools)
        self._made: OrderedDict[str, set[str]] = OrderedDict()

    async def write(self, delivery: Delivery, out: Outgoing) -> Receipt:
        """Raises `Unavailable`, `Uncertain` or `Rejected`."""
        echoes = self._account.echoes
        with echoes.writing():
            try:
                ids = await self._write(delivery, out)
            except (Uncertain, asyncio.CancelledError):
                echoes.doubt(delivery.id)
                raise
            echoes.wrote(delivery.id, ids)
        return Receipt(evidence=Evidence.ASSIGNED, ids=ids)

    async def _write(self, delivery: Delivery, out: Outgoing) -> tuple[str, ...]:
        try:
            match out:
                case Post():
                    return await self._post(delivery, out)
                case Direct():
                    return await self._direct(out)
                case Repeat(number):
                    return await self._repeat(number)
                case Marks():
                    return await self._mark(out)
                case Delete(number):
                    return await self._delete(number)
        except Broken as error:
            # what it did is done: if it is not there now, it never will be
            receipt = await self._finder.look(delivery, out)
            if receipt is None:
                raise Unavailable(error.reason) from error
            return receipt.ids
        except Refused as error:
            if error.status not in _MAYBE_DONE or not isinstance(out, Post | Repeat):
                raise
            # "said already", "repeated already": perhaps by ourselves, in an attempt whose answer was lost
            receipt = await self._finder.look(delivery, out)
            if receipt is None:
                raise
            return receipt.ids

    async def _post(self, delivery: Delivery, out: Post) -> tuple[str, ...]:
        media = await self._uploads.ids_of(delivery.id, out.attachments)
        answer = await self._account.client.post(
            "statuses/update",
            status=wire_text(guarded(out.text)),
            in_reply_to_status_id=out.reply_to,
            media_ids=",".join(media) or None,
            source=self._source,
        )
        return self._new(delivery, answer.data)

    def _new(self, delivery: Delivery, status: Any) -> tuple[str, ...]:
        """The names of what a server says it has just stored for us."""
        account = self._account
        ids = names_of(status, account.host)
        if not ids:
            raise Uncertain("the server did not say what became of it")
        if author_number(status) != account.number or account.echoes.writer(*ids) not in (None, delivery.id):
            raise Rejected("the server took it for a command, and posted nothing")
        return ids

    async def _direct(self, out: Direct) -> tuple[str, ...]:
        account, to = self._account, await self._people.find(out.to)
        if to is None:
            raise Rejected(f"{account.host} does not know {out.to.id}")
        nick, _ = person_of(out.to.id)
        answer = await account.client.post(
            "direct_messages/new",
            screen_name=nick if to.local else None,
            user_id=None if to.local else to.number,
            text=wire_text(out.text),
            source=self._source,
        )
        id = number(answer.data.get("id")) if isinstance(answer.data, dict) else None
        if id is None:
            raise Broken("the server did not say what became of it")
        return (direct_id(account.host, id),)

    async def _repeat(self, of: str) -> tuple[str, ...]:
        answer = await self._account.client.post(f"statuses/retweet/{of}", id=of, source=self._source)
        ids = names_of(answer.data, self._account.host)
        if not ids:
            raise Uncertain("the server did not say what became of it")
        return ids

    async def _delete(self, of: str) -> tuple[str, ...]:
        try:
            await self._account.client.post(f"statuses/destroy/{of}", once=False, id=of)
        except Refused as error:
            if not error.gone:
                raise
        return ()

    async def _mark(self, out: Marks) -> tuple[str, ...]:
        """Looks how it stands first, so doing it again does nothing. A mark on a repeat is on what was repeated.

        A mark is taken back where the set is empty, or where this bridge made it: one that was made elsewhere stays while
        there are other reactions.
        """
        now = await self._shown(out.number)
        if isinstance(original := now.get("retweeted_status"), dict) and (found := number(original.get("id"))) is not None:
            out, now = replace(out, number=found), original
        made = self._made.get(out.number, set())
        emptied = not (out.favourite or out.repeat or out.others)
        ids: tuple[str, ...] = ()
        if out.favourite and not now.get("favorited"):
            ids += await self._favour(out.number)
        elif now.get("favorited") and not out.favourite and (emptied or "favourite" in made):
            await self._account.client.post(f"favorites/destroy/{out.number}", once=False, id=out.number)
        if out.repeat and not now.get("repeated"):
            ids += await self._repeat(out.number)
        elif now.get("repeated") and not out.repeat and (emptied or "repeat" in made):
            await self._unrepeat(out.number)
        self._remember(out)
        if out.others and not (out.favourite or out.repeat):
            raise Rejected(f"there are only favourites and repeats there; {' '.join(out.others)} stays in this room")
        return ids

    async def _shown(self, of: str) -> dict[str, Any]:
        try:
            status = (await self._account.client.get(f"statuses/show/{of}")).data
        except Refused as error:
            raise Refused("that post is not there any more", error.status) if error.gone else error from None
        return status if isinstance(status, dict) else {}

    async def _favour(self, of: str) -> tuple[str, ...]:
        account = self._account
        try:
            answer = await account.client.post(f"favorites/create/{of}", once=False, id=of)
        except Refused:
            if not (await self._shown(of)).get("favorited"):
                raise
            return ()
        uri = answer.data.get("uri") if isinstance(answer.data, dict) else None
        if answer.at is None or not isinstance(uri, str):
            return ()
        return favourite_names(account.host, account.number, of, uri, answer.at)

    async def _unrepeat(self, of: str) -> None:
        account = self._account
        page = (await account.client.get(f"statuses/retweets/{of}", count=100)).data
        mine = repeat_among(page, of, account.number)
        id = number(mine.get("id")) if mine is not None else None
        if id is not None:
            await self._delete(id)

    def _remember(self, out: Marks) -> None:
        made = {name for name, on in (("favourite", out.favourite), ("repeat", out.repeat)) if on}
        self._made[out.number] = made
        self._made.move_to_end(out.number)
        while len(self._made) > REMEMBERED:
            self._made.popitem(last=False)
