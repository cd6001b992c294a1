"""The same words for chats through an account and for those without one: `accept`, `deny`, `subscribe`, `unsubscribe`."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from adapters.xmpp.accounts.words import Given, address_said, said_text
from adapters.xmpp.gateway.subscriptions import Subscriptions
from adapters.xmpp.ids import Kind, Place
from bridge.contract.errors import DeliveryError, LedgerUnavailable
from bridge.contract.toolbox import Toolbox
from bridge.contract.words import Answer, Asker, Word


class ChatWords:
    """`words`: those of accounts. Of who has no account here, and of what was agreed without one, we see to it ourselves."""

    def __init__(self, subscriptions: Subscriptions, words: Sequence[Word], tools: Toolbox) -> None:
        self._subscriptions, self._words, self._tools = subscriptions, words, tools
        self._ours: dict[str, Callable[[Place], Awaitable[str]]] = {
            "accept": subscriptions.accept,
            "deny": subscriptions.deny,
            "subscribe": subscriptions.subscribe,
            "unsubscribe": subscriptions.unsubscribe,
        }

    def all(self) -> tuple[Word, ...]:
        return tuple(self._shared(word) for word in self._words)

    def _shared(self, word: Word) -> Word:
        ours = self._ours.get(word.name)
        if ours is None:
            return word

        async def run(asker: Asker, given: Given) -> Answer:
            try:
                place = await self._place(asker, given)
                if place is not None:
                    return Answer(text=await ours(place))
            except (DeliveryError, LedgerUnavailable, ValueError) as error:
                return Answer(text=str(error), failed=True)
            return await word.run(asker, given)

        return replace(word, run=run)

    async def _place(self, asker: Asker, given: Given) -> Place | None:
        """The chat that is meant; None where an account's is. Raises `ValueError`, `LedgerUnavailable`."""
        if not asker.user.startswith("@") or said_text(given, "login"):
            return None
        place = Place(Kind.GATEWAY, address_said(said_text(given, "who")), user=asker.user)
        has_account = any(login.user == asker.user for login in self._tools.logins.all())
        return place if not has_account or await self._subscriptions.agreed(place) else None
