"""Wire code that belongs to no one adapter."""
