"""Who is who and what is where on an IRC network: folding, channel ids, and the roster of sessions.

IRC has no identity but a nick that changes. A session (one connection as we see it) gets an identity when it first matters (it
says or does something; a list of names alone fixes nothing, since it tells no accounts) and keeps it whatever its nick becomes:
a nick change is the same person. Two live sessions never share one. Somebody renamed is known again after a reconnect of ours,
unless the account or the address says that it is another. What is lost with our own restart is which nick a renamed session had
before.
"""

import re
import string
from collections import OrderedDict
from functools import lru_cache

from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.model.people import Identity, Profile

_ASCII = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_STRICT = str.maketrans(string.ascii_uppercase + "[]\\", string.ascii_lowercase + "{}|")
_RFC1459 = str.maketrans(string.ascii_uppercase + "[]\\~", string.ascii_lowercase + "{}|^")
_MAPPINGS = {"ascii": _ASCII, "rfc1459": _RFC1459, "rfc1459-strict": _STRICT, "strict-rfc1459": _STRICT}
_ACCOUNT = "account/"
_NICK = "nick/"
_MADE = re.compile(r"[0-9a-f]+\.[0-9a-f]{6}\.[0-9]+(?:/|\Z)")


def fold(text: str, casemapping: str = "rfc1459") -> str:
    """Equal names have equal folds, by ISUPPORT CASEMAPPING. Unicode mappings fold as Unicode does, unknown ones as RFC 1459."""
    if casemapping in ("rfc7613", "rfc8265", "precis"):
        return text.casefold()
    return text.translate(_MAPPINGS.get(casemapping, _RFC1459))


def channel_id(network: NetworkName, name: str, casemapping: str = "rfc1459") -> ChannelId:
    return ChannelId(network, fold(name, casemapping))


def made_id(epoch: str, count: int) -> str:
    """The id of a line that the network gave none: of the connection and the line's place in it."""
    return f"{epoch}.{count}"


def is_made(id: str) -> bool:
    """Whether an id is ours, and so nothing that the network could find."""
    return _MADE.match(id) is not None


@lru_cache(maxsize=2048)
def _mask(mask: str) -> re.Pattern[str]:
    """Between two `*` the first match is kept (an atomic group), so no mask can make the search slow."""
    first, *rest = ("".join("." if char == "?" else re.escape(char) for char in piece) for piece in mask.split("*"))
    if not rest:
        return re.compile(first, re.DOTALL)
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece)
    return re.compile(f"{first}{middle}.*{rest[-1]}", re.DOTALL)


def matches(mask: str, source: str, casemapping: str = "rfc1459") -> bool:
    """Whether a ban mask (`nick!user@host` with `*` and `?`) means this source."""
    return _mask(fold(mask, casemapping)).fullmatch(fold(source, casemapping)) is not None


class Session:
    """One live connection of somebody. `channels` are folded names of those we share; `who` is None until somebody asked.

    `unsure`: we were away meanwhile, and somebody else may have the nick now.
    """

    __slots__ = ("account", "channels", "first", "folded", "host", "nick", "unsure", "user", "who")

    def __init__(self, folded: str, nick: str) -> None:
        self.first = self.folded = folded
        self.nick = nick
        self.who: Identity | None = None
        self.account: str | None = None
        self.user: str | None = None
        self.host: str | None = None
        self.channels: set[str] = set()
        self.unsure = False

    def is_another(self, user: str | None, host: str, account: str | None) -> bool:
        """Whether a source with this address cannot be taken for who had the nick before."""
        if account and self.account:
            return account != self.account
        return self.host is not None and (self.user, self.host) != (user, host)

    def renew(self) -> str:
        """Somebody else has the nick now: nothing of who had it before is theirs. The id that is free by that."""
        known, self.who, self.account, self.first = self.who, None, None, self.folded
        return "" if known is None else known.id.id

    def spell(self, nick: str) -> None:
        self.nick = nick
        if self.who is not None:
            self.who = Identity(id=self.who.id, profile=Profile(name=nick))


class Roster:
    """Nick ⇄ session identity, and who is in which channel. Pure data; the casemapping is set before anybody is known.

    Sessions in a channel with us are kept while they are there; of all others (who spoke without being in a channel) the last
    `strangers` seen. A network that names more than `most` people at once is not believed: the oldest are forgotten.
    """

    def __init__(
        self,
        network: NetworkName,
        casemapping: str = "rfc1459",
        *,
        identify_by: str = "account",
        strangers: int = 2_000,
        most: int = 200_000,
    ) -> None:
        self._network = network
        self.casemapping = casemapping
        self._by_account = identify_by == "account"
        self._strangers = strangers
        self._most = most
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lonely: OrderedDict[str, None] = OrderedDict()
        self._by_id: dict[str, Session] = {}
        self._channels: dict[str, dict[str, Session]] = {}

    def identity(self, nick: str, user: str | None = None, host: str | None = None, account: str | None = None) -> Identity:
        """Who this nick is now; asked for the first time, an identity is fixed for the session.

        With a host it is a line's own source, and its spelling is the nick's; without, somebody else's way to write it.
        """
        return self._who(self.session(nick, user, host, account))

    def session(self, nick: str, user: str | None = None, host: str | None = None, account: str | None = None) -> Session:
        folded = fold(nick, self.casemapping)
        session = self._sessions.get(folded)
        if session is None:
            session = self._admit(folded, nick)
        elif host is not None and session.nick != nick:
            session.spell(nick)
        if host is not None:
            if session.unsure and session.is_another(user, host, account):
                self._by_id.pop(session.renew(), None)
            session.unsure = False
            session.user, session.host = user, host
        if account and account != "*":
            session.account = account
        return session

    def join(self, channel: str, nick: str, user: str | None = None, host: str | None = None, account: str | None = None) -> None:
        name = fold(channel, self.casemapping)
        session = self.session(nick, user, host, account)
        session.channels.add(name)
        self._lonely.pop(session.folded, None)
        self._channels.setdefault(name, {})[session.folded] = session

    def part(self, channel: str, nick: str) -> None:
        """Out of the channel; still the same person when they come back soon."""
        name, folded = fold(channel, self.casemapping), fold(nick, self.casemapping)
        members = self._channels.get(name)
        session = members.pop(folded, None) if members is not None else None
        if members is not None and not members:
            del self._channels[name]
        if session is not None:
            session.channels.discard(name)
            if not session.channels:
                self._estrange(session)

    def quit(self, nick: str) -> None:
        """The session is over: its identity is free for whoever comes next."""
        session = self._sessions.get(fold(nick, self.casemapping))
        if session is not None:
            self._forget(session)

    def rename(self, old: str, new: str) -> Identity:
        """The same session under another nick; unknown ones are taken as seen first under the old."""
        session = self.session(old)
        folded = fold(new, self.casemapping)
        other = self._sessions.get(folded)
        if other is not None and other is not session:
            self._forget(other)
        self._sessions.pop(session.folded, None)
        lonely = self._lonely.pop(session.folded, "known") is None
        for name in session.channels:
            members = self._channels[name]
            members.pop(session.folded, None)
            members[folded] = session
        session.folded = folded
        self._sessions[folded] = session
        if lonely:
            self._lonely[folded] = None
        session.spell(new)
        return self._who(session)

    def members(self, channel: str) -> tuple[Identity, ...]:
        return tuple(self._who(session) for session in self.sessions(channel))

    def sessions(self, channel: str) -> tuple[Session, ...]:
        return tuple(self._channels.get(fold(channel, self.casemapping), {}).values())

    def channels_of(self, nick: str) -> tuple[str, ...]:
        """Folded names of the channels shared with us, sorted."""
        session = self._sessions.get(fold(nick, self.casemapping))
        return () if session is None else tuple(sorted(session.channels))

    def is_member(self, channel: str, nick: str) -> bool:
        return fold(nick, self.casemapping) in self._channels.get(fold(channel, self.casemapping), ())

    def nick_of(self, who: IdentityId) -> str | None:
        """The nick a live session has now; None for who is not here."""
        session = self._by_id.get(who.id) if who.network == self._network else None
        return None if session is None else session.nick

    def leave(self, channel: str) -> None:
        """We are out of the channel: who is in it is no longer known."""
        for session in tuple(self._channels.pop(fold(channel, self.casemapping), {}).values()):
            session.channels.discard(fold(channel, self.casemapping))
            if not session.channels:
                self._estrange(session)

    def restart(self, casemapping: str) -> None:
        """A new connection: everybody is a stranger until seen again. Kept is what the nick alone wouldn't tell again."""
        same = casemapping == self.casemapping
        self.casemapping = casemapping
        for channel in tuple(self._channels):
            self.leave(channel)
        for session in tuple(self._sessions.values()):
            session.unsure = True
            if not same or session.who is None or session.who.id.id == session.folded:
                self._forget(session)

    def _admit(self, folded: str, nick: str) -> Session:
        session = self._sessions[folded] = Session(folded, nick)
        self._estrange(session)
        if len(self._sessions) > self._most:
            self._forget(next(iter(self._sessions.values())))
        return session

    def _who(self, session: Session) -> Identity:
        if session.who is None:
            id = self._free_id(session)
            session.who = Identity(id=IdentityId(self._network, id), profile=Profile(name=session.nick))
            self._by_id[id] = session
        return session.who

    def _free_id(self, session: Session) -> str:
        """Nicks cannot hold `/`, but relayed names can: one that looks like an account is marked as the nick it is."""
        if session.account and self._by_account:
            wanted = _ACCOUNT + fold(session.account, self.casemapping)
            if self._yields(wanted):
                return wanted
        names = [_NICK + name if name.startswith((_ACCOUNT, _NICK)) else name for name in (session.first, session.folded)]
        for wanted in names:
            if self._yields(wanted):
                return wanted
        mark = 2
        while not self._yields(f"{names[0]}/{mark}"):
            mark += 1
        return f"{names[0]}/{mark}"

    def _yields(self, wanted: str) -> bool:
        """Whether an id is free; who holds it without being in any channel with us may be long gone, and gives it up."""
        holder = self._by_id.get(wanted)
        if holder is None:
            return True
        if holder.channels:
            return False
        self._forget(holder)
        return True

    def _estrange(self, session: Session) -> None:
        self._lonely[session.folded] = None
        self._lonely.move_to_end(session.folded)
        if len(self._lonely) > self._strangers:
            folded, _ = self._lonely.popitem(last=False)
            self._forget(self._sessions[folded])

    def _forget(self, session: Session) -> None:
        self._sessions.pop(session.folded, None)
        self._lonely.pop(session.folded, None)
        if session.who is not None:
            self._by_id.pop(session.who.id.id, None)
        for name in session.channels:
            members = self._channels.get(name)
            if members is not None:
                members.pop(session.folded, None)
                if not members:
                    del self._channels[name]
        session.channels.clear()
