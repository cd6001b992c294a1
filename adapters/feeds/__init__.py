"""Feeds: RSS, Atom, JSON Feed, twtxt, and OStatus without an account."""
