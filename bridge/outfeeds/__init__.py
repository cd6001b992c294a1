"""Timeline rooms read outside Matrix: Atom 1.0, JSON Feed 1.1, and a WebSub hub that pushes them. Public posts only."""
