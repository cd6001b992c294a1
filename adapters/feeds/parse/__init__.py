"""From bytes to entries: a worker process reads, the bridge gets plain values."""
