"""Unix sockets wherever their folder is: the system takes addresses of at most 107 bytes, folders are often deeper."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 100


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """A spelling of the path that fits into a socket address, valid within the block. Raises `OSError`: no such folder."""
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
