"""Speed and memory, always beside a floor measured in the same run: a bare echo with no bridge. `make bench`."""
