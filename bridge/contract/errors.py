"""How a delivery or a connection can fail.

BridgeError
├── Disconnected        run() lost its connection; it will be started again
├── LedgerUnavailable   accept() could not commit: stop reading, try again later
└── DeliveryError       what deliver() may raise; anything else is treated as a bug of ours
    ├── Unavailable     surely not sent; keep it at the head of its lane
    ├── Uncertain       may have been sent
    └── Rejected        never will be; the author is told
"""


class BridgeError(Exception):
    """Everything this project raises on purpose."""


class Disconnected(BridgeError):
    """The connection is gone. `retry_after` in seconds; `fatal` means a human must act first (banned, bad password)."""

    def __init__(self, reason: str, *, retry_after: float | None = None, fatal: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.fatal = fatal


class LedgerUnavailable(BridgeError):
    """Nothing was stored. Whoever brought the event must not acknowledge it."""


class DeliveryError(BridgeError):
    """A delivery did not end in a receipt."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unavailable(DeliveryError):
    """Surely not sent. `retry_after` in seconds, where the network named a time."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Uncertain(DeliveryError):
    """May have been sent: the answer was lost."""


class Rejected(DeliveryError):
    """The destination will never take it. `reason` is shown to the author: plain words, no secrets."""
