"""Streams: the component's and each account's, with everything that ends one said in words."""
