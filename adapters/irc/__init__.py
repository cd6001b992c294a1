"""IRC: the adapter for any network that speaks RFC 1459 or what grew out of it."""
