"""Names of Matrix people on other networks: two who call themselves alike must be tellable apart there."""

from collections import OrderedDict

from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Identity
from bridge.routing.names import safe_name
from bridge.routing.topology import Leg

MOST = 20_000


class Names:
    """Who first bore a name keeps it bare; another who takes it is shown with their user id."""

    def __init__(self) -> None:
        self._bearers: OrderedDict[str, IdentityId] = OrderedDict()

    def of(self, identity: Identity, leg: Leg) -> str:
        """Quick and without I/O: called for every copy of every message."""
        name = identity.profile.name
        if identity.id.network != HUB:
            return identity.name
        if not name:
            return identity.id.id[1:].partition(":")[0] or identity.id.id
        folded = safe_name(name).casefold()
        bearer = self._bearers.get(folded)
        if bearer is None:
            self._bearers[folded] = identity.id
            if len(self._bearers) > MOST:
                self._bearers.popitem(last=False)
            return name
        return name if bearer == identity.id else f"{name} ({identity.id.id})"
