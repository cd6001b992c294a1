"""Which settings a bridge was started with, told without telling them."""

from hashlib import blake2b

import msgspec

from bridge.config.settings import Settings


def mark_of(settings: Settings) -> str:
    """The same for equal settings, over processes too. Secrets are among what it is made of and can't be had from it."""
    written = msgspec.json.encode(settings, enc_hook=str, order="deterministic")
    return blake2b(written, digest_size=16).hexdigest()
