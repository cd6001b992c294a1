"""How feeds are called: by their address, or `user@host` for a person who is followed without an account. Pure."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

from adapters.common.hosts import fold_host

URL_CAP = 2048
"""Characters of a feed's address."""
_PERSON = re.compile(r"(?P<user>[^\s@/:?#\\<>\"]{1,100})@(?P<host>[^\s@/?#\\<>\"]{1,255})")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_BAD = re.compile(r"[\s\x00-\x1f\x7f<>\"\\^`{|}]")
_SAFE = "%/:?&=+$,;@!~*'()[]-._#"


def fold_channel(name: str) -> str:
    """A feed's one spelling. Raises `ValueError` in plain words for what is neither an address nor user@host."""
    name = name.strip()
    if (person := person_of(name)) is not None:
        return "@".join(person)
    return fold_url(name)


def person_of(name: str) -> tuple[str, str] | None:
    """user and host of `user@host`, `@user@host` or `acct:user@host`; None for anything else."""
    bare = name.strip()
    bare = bare[5:] if bare[:5].lower() == "acct:" else bare
    found = _PERSON.fullmatch(bare.removeprefix("@"))
    if found is None or not bare.isprintable():
        return None
    try:
        return found["user"], fold_host(found["host"])
    except ValueError:
        return None


def fold_url(url: str) -> str:
    """An http(s) address in its one spelling: scheme and host in lower case, no port that goes without saying, no fragment.

    `feed:` addresses are read as what they mean. Raises `ValueError`, for one with a password in it too: it would be shown.
    """
    url = url.strip()
    if url[:5].lower() == "feed:":
        url = url[5:] if url[5:].lower().startswith(("http:", "https:")) else f"http:{url[5:]}"
    if len(url) > URL_CAP:
        raise ValueError("the address is too long")
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"a feed is called by its http(s) address, or by user@host, not {url[:100]!r}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a user or password in it can't be followed: both would be shown")
    host = fold_host(parts.netloc).removesuffix(f":{_DEFAULT_PORTS[scheme]}")
    path = _quoted(parts.path) or "/"
    return urlunsplit((scheme, host, path, _quoted(parts.query), ""))


def _quoted(part: str) -> str:
    """What may not stand in an address is written in percents; what is written so stays as it is."""
    return quote(part, safe=_SAFE) if not part.isascii() or _BAD.search(part) else part


def shown(id: str) -> str:
    """A channel as it may stand in a log: what follows `?` in an address may be somebody's secret."""
    address, mark, _ = id.partition("?")
    return f"{address}?…" if mark else id
