"""Floor 5: the terminal's face of the bridge."""
