"""The words of an account's owner about rooms: which they are in, how to enter one, how to leave it."""

from collections.abc import Awaitable, Callable, Sequence

from adapters.xmpp.accounts.account import Account
from adapters.xmpp.accounts.services import LOST
from adapters.xmpp.accounts.words import LOGIN, Given, address_said, own_account, said_text, sentence
from adapters.xmpp.wire.client import Client
from bridge.contract.adapter import ChannelInfo
from bridge.contract.errors import DeliveryError, LedgerUnavailable, Rejected
from bridge.contract.toolbox import Toolbox
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import NetworkName
from bridge.text.plain import one_line

_ROOM = Argument(name="room", summary="its address, as room@server")
_NICK = Argument(name="nick", summary="what to be called there", required=False)
_LONGEST_NICK = 200


class RoomWords:
    """As `accounts.words.Words`."""

    def __init__(self, network: NetworkName, account: Callable[[str], Account | None], tools: Toolbox) -> None:
        self._network, self._account, self._tools = network, account, tools

    def all(self) -> tuple[Word, ...]:
        return (
            self._word("rooms", "the rooms that your account is in or has bookmarked", self._rooms, LOGIN),
            self._word("join", "enter a room with your account, now and from now on", self._join, _ROOM, _NICK, LOGIN),
            self._word("leave", "leave a room, and take it off your bookmarks", self._leave, _ROOM, LOGIN),
        )

    def _word(
        self, name: str, summary: str, does: Callable[[Account, Client, Given], Awaitable[Answer]], *arguments: Argument
    ) -> Word:
        async def run(asker: Asker, given: Given) -> Answer:
            try:
                account, client = own_account(asker, given, self._network, self._account, self._tools)
                return await does(account, client, given)
            except (DeliveryError, LedgerUnavailable, ValueError, *LOST) as error:
                return Answer(text=sentence(str(error)), failed=True)

        return Word(name=name, summary=summary, run=run, arguments=arguments)

    async def _rooms(self, account: Account, client: Client, given: Given) -> Answer:
        rows = tuple(sorted(_row(account, room) for room in _known(account)))
        return Answer(
            text=f"{len(rows)} rooms of {account.me}", columns=("address", "name", "state", "nick"), rows=rows, data=rows
        )

    async def _join(self, account: Account, client: Client, given: Given) -> Answer:
        room = address_said(said_text(given, "room"))
        nick = one_line(said_text(given, "nick"))[:_LONGEST_NICK]
        if nick:
            account.wanted.name(room, nick)
        info = await self._entered(account, room)
        why_not = await account.wanted.keep(client, room, name=info.name or "", nick=nick)
        unkept = "" if why_not is None else f" It could not be bookmarked: {why_not}."
        return Answer(text=f"You are in {info.name or room} now, in a room of its own here.{unkept}")

    async def _entered(self, account: Account, room: str) -> ChannelInfo:
        """What is said there before it has a room here waits for that."""
        channel = account.wanted.channel(room)
        with account.joined.held():
            try:
                info = await account.enter(channel, asked=True)
                if info.error is not None:
                    raise Rejected(info.error)
                await account.wanted.link(room, info.name or "")
            except (DeliveryError, LedgerUnavailable):
                if not account.wanted.is_linked(room):
                    await account.joined.rooms.close(channel)
                raise
        return info

    async def _leave(self, account: Account, client: Client, given: Given) -> Answer:
        room = address_said(said_text(given, "room"))
        if room not in _known(account):
            raise Rejected(f"You are not in {room}.")
        await account.wanted.drop(client, room)
        return Answer(text=f"You have left {room}.")


def _known(account: Account) -> Sequence[str]:
    bookmarked = (one.room for one in account.wanted.bookmarks.all())
    return [*dict.fromkeys((*account.joined.rooms.wanted, *bookmarked))]


def _row(account: Account, room: str) -> tuple[str, str, str, str]:
    bookmark = account.wanted.bookmarks.get(room)
    wanted = account.joined.rooms.wanted.get(room)
    state = wanted.state if wanted is not None else "bookmarked"
    return room, bookmark.name if bookmark is not None else "", state, account.joined.owner.listener(room)
