"""Who begins a chat with an account unasked: a few get one each, a flood is told of in one place."""

from collections import OrderedDict

from adapters.xmpp.accounts.contacts import Contacts
from adapters.xmpp.accounts.intake import Item
from adapters.xmpp.accounts.notices import Notices
from adapters.xmpp.caps import HOUR, MOST_GUESTS, Cap
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Body, Message
from bridge.model.ids import NetworkName

_REMEMBERED = 1000
_WHY = "no chat of their own, since so many strangers began one this hour; the bot's word `{} subscribe {}` opens one"


class Strangers:
    """Of one account. Who is on its roster, or has a chat already, is none."""

    def __init__(self, network: NetworkName, me: str, contacts: Contacts, notices: Notices, tools: Toolbox) -> None:
        self._network, self._me, self._contacts, self._notices, self._tools = network, me, contacts, notices, tools
        self._cap = Cap(tools.clock.monotonic, MOST_GUESTS, HOUR)
        self._guests: OrderedDict[str, None] = OrderedDict()
        """Who was let in: their room may still be in the making."""

    def placed(self, peer: str, item: Item) -> Item:
        """The item itself, or, where there are too many of them, one of the same stanza for the account's chat with itself."""
        if not item.events or self._is_known(peer, item):
            return item
        if self._cap.take(self._me):
            self._guests[peer] = None
            if len(self._guests) > _REMEMBERED:
                self._guests.popitem(last=False)
            return item
        self._tools.metrics.count("xmpp_strangers")
        words = " / ".join(filter(None, (_words(event.body) for event in item.events)))
        writes = f"{peer} writes ({_WHY.format(self._network, peer)}): {words}"
        told = self._notices.said(self._me, writes, f"stranger {item.events[0].key.id}")
        return Item(
            channel=told.channel, peer=told.peer, events=told.events, ticket=item.ticket, cursor=item.cursor, then=item.then
        )

    def _is_known(self, peer: str, item: Item) -> bool:
        known = peer == self._me or peer in self._guests or self._contacts.get(peer) is not None
        return known or self._tools.linking.is_linked(item.channel)


def _words(body: Body) -> str:
    if not isinstance(body, Message):
        return ""
    return "\n".join((body.text.plain, *(one.source for one in body.attachments))).strip()
