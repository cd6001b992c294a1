"""Exit statuses of every command."""

DONE = 0
FAILED = 1
"""It was understood and did not succeed."""
WRONG = 2
"""The command line or the configuration is wrong."""
