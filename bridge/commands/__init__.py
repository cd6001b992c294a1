"""Floor 4: the words people say to the bot, in a room or a terminal."""
