"""The settings of one network of feeds, as they stand under `[networks.NAME]`."""

from msgspec import Struct

DAY = 86_400.0


class FeedsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is followed isn't here: that is what the links say."""

    contact: str | None = None
    """An address (web or mail) in the User-Agent, so that who runs a site we ask can ask back. Wished for by most."""
    interval: float = 300.0
    """Seconds between two looks at a feed, at least: a feed or its server may ask for more, and gets it."""
    per_host: int = 2
    """Requests to one host at a time."""
    at_once: int = 24
    """Requests at a time over all hosts; a quarter of them for hosts that were slow or away when last asked."""
    pages: int = 5
    """Pages of a feed (`rel=next`) that are read back when more came than its document holds."""
    websub: bool = True
    """Let hubs push, where the bridge has a public address."""
    slow_interval: float = 6 * 3600.0
    """Seconds between two looks at a feed whose hub pushes what it should."""
    lease: float = 10 * DAY
    """Seconds that hubs are asked to push for, and at most believed."""
    activities: bool = False
    """Show who follows whom and who joins which group."""

    def __post_init__(self) -> None:
        if not 1 <= self.interval <= DAY:
            raise ValueError("interval is a number of seconds from 1 to 86400")
        if not self.interval <= self.slow_interval <= 7 * DAY:
            raise ValueError("slow_interval is a number of seconds, from interval to a week")
        if not 1 <= self.per_host <= 8:
            raise ValueError("per_host is a number from 1 to 8")
        if not 1 <= self.at_once <= 40:
            raise ValueError("at_once is a number from 1 to 40")
        if not 0 <= self.pages <= 50:
            raise ValueError("pages is a number from 0 to 50")
        if not 300 <= self.lease <= 365 * DAY:
            raise ValueError("lease is a number of seconds, from five minutes to a year")
        if self.contact is not None and not (self.contact.isascii() and self.contact.isprintable() and len(self.contact) <= 200):
            raise ValueError("contact is a web or mail address")

    @property
    def agent(self) -> str:
        """The User-Agent."""
        return f"Unabridged/0.1 (+{self.contact})" if self.contact else "Unabridged/0.1"
