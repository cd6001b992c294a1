"""A pretend network in one process: the smallest whole adapter, a test double and a toy."""
