"""What the parts of one bridge are built on."""

from msgspec import Struct

from bridge.app.hub import Hub
from bridge.app.logins import AllLogins
from bridge.app.networks import Networks
from bridge.app.switchboard import Switchboard
from bridge.config.places import Places
from bridge.config.settings import Settings, Tokens
from bridge.contract.toolbox import Clock
from bridge.ledger.ledger import Ledger
from bridge.ops.http import GuardedHttp
from bridge.ops.metrics import PrometheusMetrics


class Ground(Struct, frozen=True, kw_only=True):
    settings: Settings
    tokens: Tokens
    places: Places
    ledger: Ledger
    http: GuardedHttp
    clock: Clock
    metrics: PrometheusMetrics
    switchboard: Switchboard
    networks: Networks
    hub: Hub
    logins: AllLogins
