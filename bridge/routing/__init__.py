"""Floor 2: decisions, pure. What an event may do, where it goes, who speaks it there and in which form."""
