"""What an account's chats show besides what is said in them: notices, and how their people are called and look now."""

from adapters.xmpp.accounts.hearing import Hearing
from adapters.xmpp.accounts.intake import Item
from adapters.xmpp.ids import conversation, made_id, sent_id
from adapters.xmpp.inbound import Bounced, notice
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Body, Event, ProfileChange
from bridge.model.ids import EventKey, NetworkName


class Notices:
    """`me`: the account's bare address."""

    def __init__(self, network: NetworkName, me: str, hearing: Hearing, tools: Toolbox) -> None:
        self._network, self._me, self._hearing, self._tools = network, me, hearing, tools

    def said(self, jid: str, words: str, what: str) -> Item:
        """In the chat with somebody; `what` tells it from all others, so that it is said once."""
        return self._of(jid, what, notice(words, self._network))

    def bounced(self, jid: str, bounced: Bounced) -> Item:
        """In the chat with somebody, that what was written to them came back."""
        about = sent_id(conversation(self._me, jid), self._me, bounced.id)
        words = f"This message did not arrive: {bounced.words}."
        return self._of(jid, f"bounced {bounced.id}", notice(words, self._network, about))

    def shown(self, jid: str) -> Item:
        """How somebody is called and looks now."""
        who = self._hearing.person(jid)
        what = f"shown {self._tools.clock.now().isoformat()} {who.profile.avatar} {who.name}"
        return self._of(jid, what, ProfileChange(who=who.id, profile=who.profile))

    def _of(self, jid: str, what: str, body: Body) -> Item:
        who, channel = self._hearing.person(jid), self._hearing.channel(jid)
        event = Event(
            key=EventKey(self._network, made_id(conversation(self._me, jid), jid, what)),
            channel=channel,
            author=who,
            happened_at=self._tools.clock.now(),
            body=body,
        )
        return Item(channel=channel, peer=who, events=(event,))
