"""A small real IRC server for the demo, the tests and the benchmarks; WeeChat and irssi can use it."""
