"""What is said to an account's owner alone by somebody in a room of theirs (XEP-0045 §7.5): it is shown in that room."""

import html

from msgspec.structs import replace

from adapters.xmpp.accounts.intake import Item
from adapters.xmpp.accounts.wanted import Wanted
from adapters.xmpp.stanza.said import Said
from bridge.model.events import Event, Message, Style, Text


class Asides:
    """Of one account. A room that nothing here is linked with is a contact like any other: its asides make a chat."""

    def __init__(self, me: str, wanted: Wanted) -> None:
        self._me, self._wanted = me, wanted

    def shown(self, said: Said, item: Item) -> Item:
        """`item` of the chat with the room's address, as it is to be shown."""
        mine = said.sender.partition("/")[0] in (self._me, "")
        room, _, nick = (said.to if mine else said.sender).partition("/")
        if not nick or not self._wanted.is_linked(room):
            return item
        channel = self._wanted.channel(room)
        events = [self._notice(event, room, nick, mine=mine) for event in item.events]
        item.events = tuple(replace(event, channel=channel) for event in events if event is not None)
        item.channel, item.peer = channel, self._wanted.place(room)
        return item

    def _notice(self, event: Event, room: str, nick: str, *, mine: bool) -> Event | None:
        """None for what is no message of its own: what it is about can't be told from what is said to all."""
        if not isinstance(event.body, Message):
            return None
        note = f"(to {nick} alone)" if mine else "(to you alone)"
        said = event.body.text
        text = Text(plain=f"{note} {said.plain}", html=None if said.html is None else f"{html.escape(note)} {said.html}")
        author = event.author if mine else self._wanted.occupant(room, nick)
        return replace(event, author=author, body=replace(event.body, text=text, style=Style.NOTICE, reply_to=None))
