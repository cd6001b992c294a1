"""How the ledger itself can say no. `LedgerUnavailable` (nothing stored, try again) is part of the contract floor.

BridgeError
├── LedgerRefused   it can't be opened: locked, newer, damaged, unreachable, wrong key; a human must act
├── Taken           the name belongs to someone else
└── NoKey           secrets can't be stored or read without the key file
"""

from bridge.contract.errors import BridgeError


class LedgerRefused(BridgeError):
    """The ledger can't be opened. The text is plain words for the operator."""


class Taken(BridgeError):
    """A login of this name on this network belongs to another user."""


class NoKey(BridgeError):
    """Logins hold secrets: without the key file they can neither be stored nor read."""
