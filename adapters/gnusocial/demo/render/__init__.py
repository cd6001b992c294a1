"""How the stand-in writes down what it knows: Twitter's JSON and XML, ActivityStreams, Atom, RSS."""
