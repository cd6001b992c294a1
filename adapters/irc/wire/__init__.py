"""The wire: bytes, lines, capabilities, login and proof. Everything here knows IRC and nothing of the bridge."""
