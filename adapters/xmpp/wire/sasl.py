"""Logging in to a server (RFC 6120 §6): which mechanism, and what its refusal means. Pure."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from adapters.common.sasl import Mechanism, Plain
from adapters.common.scram import Scram
from bridge.contract.errors import Disconnected

_DIGESTS = {"SCRAM-SHA-512": "sha512", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
"""Best first."""

_WORDS = {
    "account-disabled": "the server has disabled the account",
    "credentials-expired": "the password has expired",
    "encryption-required": "the server wants an encrypted connection",
    "not-authorized": "the server does not take that name and password",
    "temporary-auth-failure": "the server can't check passwords now",
}
_FATAL = frozenset({"account-disabled", "credentials-expired", "not-authorized"})


class LoginRefused(Disconnected):
    """It is the account, or its password: whoever typed them may try again."""


def choose(offered: Sequence[str], user: str, password: str, nonce: str, *, plain: bool) -> Mechanism:
    """The best that both sides have. Raises `Disconnected` in words."""
    for name, digest in _DIGESTS.items():
        if name in offered:
            return Scram(user, password, nonce, digest)
    if "PLAIN" in offered:
        if plain:
            return Plain(user, password)
        raise Disconnected("the server wants the password itself, and this bridge is not allowed to send it", fatal=True)
    raise Disconnected("the server has no way to log in that this bridge knows", fatal=True)


def refused(failure: Element) -> Disconnected:
    """What a `<failure/>` means."""
    condition = next((child.tag.rpartition("}")[2] for child in failure if not child.tag.endswith("}text")), "")
    words = _WORDS.get(condition, f"the server refuses the login ({condition[:60] or 'without a reason'})")
    return LoginRefused(words, fatal=True) if condition in _FATAL else Disconnected(words)
