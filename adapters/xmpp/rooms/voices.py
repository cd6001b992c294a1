"""Who of ours is in rooms, and under which addresses."""

from typing import Protocol
from xml.etree.ElementTree import Element

from adapters.xmpp.config import XmppConfig
from adapters.xmpp.gateway.answers import NODE, VER
from adapters.xmpp.ids import identity_of, puppet_jid
from adapters.xmpp.stanza.caps import caps_of
from bridge.model.ids import IdentityId, NetworkName
from bridge.model.people import Identity

LISTENER = "bridge"
"""The node of who listens in every room for all of us. No author's has it: theirs all have an escape in them."""
RESOURCE = "unabridged"
"""Of every address of ours that is in rooms."""


class Voices(Protocol):
    """Addresses are full, but for `author`'s."""

    me: str
    """Who listens in every room."""
    person: Identity | None
    """Whom the network's people know all of us as, where we are one of them; None where each of us is known for themselves."""

    def listener(self, room: str) -> str:
        """The nick that who listens wants."""
        ...

    def nick(self, room: str, name: str) -> str:
        """The nick wanted by who speaks, and is called so."""
        ...

    def password(self, room: str) -> str | None: ...

    def jid_of(self, who: IdentityId) -> str:
        """Under which address somebody speaks."""
        ...

    def is_ours(self, who: IdentityId) -> bool:
        """Whether it is somebody who is in rooms through us."""
        ...

    def author(self, jid: str) -> IdentityId | None:
        """Whose bare address it is; None where it is none of ours."""
        ...

    def caps(self) -> Element:
        """What our clients can do (XEP-0115)."""
        ...


class Puppets:
    """Over a component: an address for each author, and one that only listens."""

    def __init__(self, network: NetworkName, config: XmppConfig) -> None:
        self._network, self._config, self._host = network, config, config.component or ""
        self.me = f"{LISTENER}@{self._host}/{RESOURCE}"
        self.person: Identity | None = None

    def listener(self, room: str) -> str:
        return self._config.nick

    def nick(self, room: str, name: str) -> str:
        return self._config.nick_pattern.replace("{name}", name)

    def password(self, room: str) -> str | None:
        return self._config.room_keys.get(room)

    def jid_of(self, who: IdentityId) -> str:
        return f"{puppet_jid(who, self._host)}/{RESOURCE}"

    def is_ours(self, who: IdentityId) -> bool:
        return who.network != self._network

    def author(self, jid: str) -> IdentityId | None:
        if jid.rpartition("@")[2] != self._host:
            return None
        return identity_of(jid, self._host) or IdentityId(self._network, jid)

    def caps(self) -> Element:
        return caps_of(NODE, VER)
