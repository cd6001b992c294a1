"""People's own XMPP accounts: each login is a client of its server."""
