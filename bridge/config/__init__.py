"""Floor 1: `bridge.toml` to typed settings."""
