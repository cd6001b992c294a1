"""How an account shows itself: there, or away as its owner is."""

from contextlib import suppress

from adapters.xmpp.accounts.services import caps
from adapters.xmpp.outbound import presence
from adapters.xmpp.wire.client import Client
from bridge.contract.errors import Unavailable
from bridge.model.signals import Availability, Presence

_SHOWS = {Availability.ONLINE: "", Availability.AWAY: "away", Availability.OFFLINE: "xa"}
"""Who is offline is away for long: to a connection that is not there, the server would send nothing."""


class Showing:
    """Of one account, over all its connections."""

    def __init__(self) -> None:
        self._owner: Presence | None = None
        self._told: Presence | None = None
        self._client: Client | None = None

    def begin(self, client: Client) -> None:
        """A connection is ready to be seen. Raises `Unavailable`."""
        self._client, self._told = client, self._owner
        here = presence("")
        if self._owner is not None:
            here = presence("", show=_SHOWS[self._owner.availability], status=self._owner.status)
        here.append(caps())
        client.write(here)

    def resume(self, client: Client) -> None:
        """The same session on another connection: the server knows us as we were. Raises `Unavailable`."""
        self._client = client
        if self._told != self._owner:
            self.begin(client)

    def appear(self, owner: Presence) -> None:
        """As the owner does, now and on every connection."""
        self._owner = owner
        if self._client is not None:
            with suppress(Unavailable):  # the next connection tells it
                self.begin(self._client)

    def end(self) -> None:
        """The connection is gone."""
        self._client = None
