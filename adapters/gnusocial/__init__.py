"""GNU social, StatusNet, Friendica and whatever else speaks the Twitter-compatible API: signed-in accounts."""
