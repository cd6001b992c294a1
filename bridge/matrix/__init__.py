"""Floor 3: the hub's Matrix face: what the homeserver pushes comes in, what puppets say goes out."""
