"""Floor 3: how events come in and how their copies go out, for as long as it takes."""
