"""People's own accounts."""
