"""Floor 1: pure functions on text. Nothing here waits, reads a clock or keeps anything."""
