"""The adapters that ship with Unabridged; each is found by its `bridge.adapters` entry point."""
