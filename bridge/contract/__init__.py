"""Floor 1: what an adapter must do and what it is given. Protocols, plain values, and waiting on the given clock."""
