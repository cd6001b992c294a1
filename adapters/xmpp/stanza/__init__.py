"""What stands in messages and presences, read and written: the only place that knows the elements. Pure."""
