"""Where a stanza was heard and who is who there; and what it can turn out to be."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from adapters.xmpp.ids import Kind, Place, conversation
from adapters.xmpp.stanza.parts import Fault, Invite
from bridge.contract.delivery import Receipt
from bridge.model.events import Event, Origin
from bridge.model.ids import IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.model.signals import Signal


class Occupant(Struct, frozen=True, kw_only=True):
    """Somebody in a room. `who`: as the network's people know them (`ids.occupant` for the id, the nick as their name)."""

    who: Identity
    author: Identity | None = None
    """Who of ours speaks there; None for everybody else."""


def _nobody(nick: str) -> Occupant | None:
    return None


def _nameless(jid: str) -> str | None:
    return None


def _silently(why: str) -> None:
    return None


class Scene(Struct, frozen=True, kw_only=True):
    """One stanza's surroundings."""

    network: NetworkName
    place: Place
    me: str
    """Our own bare address there: of the login, of the puppet that is spoken with; of any of ours in a room."""
    now: datetime
    stanza_ids: bool
    """The room, or our own account's server, gives stanza ids (it offers urn:xmpp:sid:0): else anybody could write one."""
    occupant_ids: bool = False
    """The room offers XEP-0421."""
    origin: Origin = Origin.LIVE
    occupant: Callable[[str], Occupant | None] = _nobody
    """Who has a nick now; where old things are read, who had it then, and None where nobody knows."""
    name_of: Callable[[str], str | None] = _nameless
    """How a bare address is called in the roster."""
    archive_id: str | None = None
    """What the archive that it comes from calls it (`wrapped.Archived`); the surest id of all."""
    at: datetime | None = None
    """When it was said, where something that we trust told us (the archive, a carbon's wrapping)."""
    made: str = ""
    """Names a stanza that has no id and no date of its own: of the connection and the stanza's place in it."""
    lately: Callable[[str], str] = str
    """What a name that may be used again stands for now (`reused.Lately.meant`)."""
    dropped: Callable[[str], None] = _silently
    """Is told the reason of whatever could have been something and is nothing."""

    @property
    def authority(self) -> str:
        """Whose stanza ids, dates and moderation count: the room's, or our own account's."""
        return self.place.jid if self.place.is_room else self.me

    @property
    def where(self) -> str:
        """A room seen through an account is that account's alone: what is said there comes to each account by itself."""
        return self.place.jid if self.place.kind is Kind.ROOM else conversation(self.me, self.place.jid)

    @property
    def keeper(self) -> str:
        """What the ids that `authority` assigns stand under."""
        return self.where if self.place.kind is Kind.JOINED else self.authority


class Proof(Struct, frozen=True, kw_only=True):
    """An own message came back, or its other end says that it came there. `ids` of the receipt are those of the copy."""

    delivery: str
    receipt: Receipt


class Bounced(Struct, frozen=True, kw_only=True):
    """One of ours could not be delivered. `id`: of our stanza; `sender`: who says so, prepared; `words`: for people."""

    id: str
    sender: str
    fault: Fault
    words: str


class Invited(Struct, frozen=True, kw_only=True):
    """Somebody wants us in a room."""

    invite: Invite
    who: IdentityId


Heard: TypeAlias = Event | Signal | Proof | Bounced | Invited
