"""Floor 1: what an adapter must do and what it is given. Protocols and plain values only."""
