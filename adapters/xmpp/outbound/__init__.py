"""From deliveries and signals to stanzas, in `jabber:client`. Pure.

Whatever comes from elsewhere is clean before it is in an element: nothing that XML forbids, nothing longer than servers take.
"""

from adapters.xmpp.outbound.message import message_for, stanza, target_id
from adapters.xmpp.outbound.small import chat_state, displayed, presence, received
from adapters.xmpp.outbound.split import split

__all__ = ["chat_state", "displayed", "message_for", "presence", "received", "split", "stanza", "target_id"]
