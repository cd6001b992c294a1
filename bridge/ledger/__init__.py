"""Floor 2: memory. The only floor that imports SQLAlchemy."""

from bridge.ledger.errors import LedgerRefused, NoKey, Taken
from bridge.ledger.ledger import Ledger

__all__ = ["Ledger", "LedgerRefused", "NoKey", "Taken"]
