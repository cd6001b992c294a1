"""XMPP: accounts, a component with a JID for each Matrix user, and MUC rooms. See docs/internals.md."""
