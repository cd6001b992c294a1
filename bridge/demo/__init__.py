"""What `make run` starts: a homeserver, a small server of each demonstrated network, and the bridge, on loopback."""
