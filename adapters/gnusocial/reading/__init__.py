"""Reading: an account's timelines and direct messages, each thing handed in once, in order, and nothing skipped."""
