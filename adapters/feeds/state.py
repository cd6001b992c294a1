"""What is kept of a feed between two looks: in memory all but its entries, in the ledger everything, in one cursor.

The cursor is committed together with the events it stands behind, so that a kill at any point loses nothing and doubles nothing.
"""

import msgspec
from msgspec import Struct

from adapters.feeds.known import Known


class Moved(Struct, frozen=True, array_like=True):
    """A permanent redirect, as it was last seen: believed when it is there on another day too."""

    to: str
    day: str


class Subscription(Struct, frozen=True, kw_only=True):
    """What a hub was asked to push. Times in seconds since 1970; 0: never."""

    hub: str
    topic: str
    secret: str
    asked: int = 0
    until: int = 0
    """How long it pushes; 0 while it has not confirmed."""
    tries: int = 0
    """Askings in a row that came to nothing."""
    trouble: str | None = None
    """Why it doesn't push: its refusal, or what went wrong on asking."""
    denied: bool = False
    pushed: int = 0
    """Posts that it brought."""
    missed: int = 0
    """Posts that it should have brought, and polling did."""
    streak: int = 0
    """Posts that it brought since the last it missed."""

    def __repr__(self) -> str:
        return f"Subscription(hub={self.hub!r}, until={self.until}, trouble={self.trouble!r})"


class FeedState(Struct, frozen=True, kw_only=True):
    """Times in seconds since 1970; 0: never."""

    address: str = ""
    """Where it is fetched: where it moved to, or where a person's feed is. Empty: as its channel says."""
    final: str = ""
    """Where the last redirect led: `etag` and `modified` are of that address."""
    etag: str | None = None
    modified: str | None = None
    digest: str = ""
    """Of the last document that was read."""
    moved: Moved | None = None
    gone: bool = False
    """It answered 410: not asked again until somebody says so."""
    failures: int = 0
    trouble: str | None = None
    rest_until: int = 0
    """Not to be asked before."""
    found: int = 0
    """When a person's address was last looked up."""
    read: int = 0
    """When a document was last read."""
    ttl: int = 0
    """Seconds that the feed asks to be left alone."""
    pending: bool = False
    """A change of an entry was held back: the same document is to be read again."""
    title: str | None = None
    page: str | None = None
    author: str | None = None
    """The address by which the feed names whose it is."""
    hub: str | None = None
    topic: str | None = None
    token: str = ""
    """Names its callbacks; nobody can guess it."""
    subscription: Subscription | None = None

    def __repr__(self) -> str:
        return f"FeedState(failures={self.failures}, gone={self.gone}, trouble={self.trouble!r}, hub={self.hub!r})"


class Stored(Struct, frozen=True, kw_only=True):
    """The cursor's value."""

    v: int = 1
    state: FeedState = FeedState()
    known: msgspec.Raw = msgspec.Raw(b"null")


_ENCODER = msgspec.json.Encoder()
_STORED = msgspec.json.Decoder(Stored)
_KNOWN: msgspec.json.Decoder[Known | None] = msgspec.json.Decoder(Known | None)


def load(value: str) -> Stored:
    """Raises `ValueError` for what no version of ours wrote."""
    return _STORED.decode(value)


def known_of(stored: Stored) -> Known:
    """Raises `ValueError` likewise."""
    return _KNOWN.decode(stored.known) or Known()


def dump(state: FeedState, known: Known | None, before: Stored) -> str:
    """`known`: None where its entries are as they were before."""
    raw = before.known if known is None else msgspec.Raw(_ENCODER.encode(known))
    return _ENCODER.encode(Stored(state=state, known=raw)).decode()
