"""A stateful stand-in for a GNU social server (1.20), for tests and the demo: answers as a real one was recorded to."""
