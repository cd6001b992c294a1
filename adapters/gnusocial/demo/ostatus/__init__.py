"""How two stand-ins meet: WebFinger, hubs and slaps."""
