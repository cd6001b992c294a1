"""Floor 0: what things are. Nothing here can fail on a network."""
