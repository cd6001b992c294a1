"""Rooms (XEP-0045) through the component: one listener of ours in each, and an occupant for everybody who speaks."""
