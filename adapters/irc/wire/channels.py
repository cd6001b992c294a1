"""The channels of one connection: joining a thousand of them quickly but without a flood, staying in, and saying why not.

A channel we were in stays wanted: thrown out, we come back, later each time. One that would not open is asked for again from
above.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

from adapters.irc.wire.isupport import Isupport
from adapters.irc.wire.line import Line
from bridge.contract.adapter import ChannelInfo
from bridge.model.ids import ChannelId

REFUSALS = {
    "403": "there is no such channel",
    "405": "the bridge is in too many channels there",
    "407": "the bridge is in too many channels there",
    "437": "the channel is unavailable for now",
    "470": "the channel forwards to another",
    "471": "the channel is full",
    "473": "the channel is invite-only",
    "474": "the bridge is banned there",
    "475": "the channel needs a key, or another key",
    "476": "that is no channel name there",
    "477": "the channel wants a registered and logged-in nick",
    "479": "that is no channel name there",
    "480": "the channel lets nobody join right now",
    "485": "the channel cannot be joined",
    "489": "the channel wants an encrypted connection",
    "519": "the channel cannot be joined",
    "520": "the channel is for operators",
    "448": "that is no channel name there",
}
"""What an error numeric to a JOIN means, in plain words."""

LASTING = frozenset({"403", "470", "473", "474", "475", "476", "477", "479", "489", "520", "448"})
"""Trying again soon will not help; whoever talks there is told."""

ANSWER_SECONDS = 20.0
"""How long after the last sign of progress a JOIN may stay unanswered."""
RETRY_FIRST, RETRY_CAP = 15.0, 1800.0
NO_ANSWER = "the server gave no answer"
CHUNK_BYTES = 400
"""Names under way before the answers are awaited: a line of them. The answers are a hundred times as long, and a server whose
queue to us is full stops reading us (InspIRCd until its next second): one line after the other, a thousand channels take it
0.1 s, all at once 4 s."""


class Wish:
    """A channel we want to be in."""

    __slots__ = (
        "answer", "asked_at", "due_at", "error", "held", "id", "joined", "lasting", "members", "op", "relays", "topic", "tries"
    )  # fmt: skip

    def __init__(self, id: ChannelId) -> None:
        self.id = id
        self.joined = False
        self.held = False
        """We were in it on this connection: thrown out, we try ourselves to come back."""
        self.op = False
        self.relays = True
        """Names can be relayed there, as far as we know."""
        self.error: str | None = None
        self.lasting = False
        self.topic: str | None = None
        self.members = 0
        self.asked_at: float | None = None
        self.due_at: float | None = None
        self.tries = 0
        self.answer: asyncio.Future[None] | None = None

    def info(self) -> ChannelInfo:
        error = None if self.joined else self.error or "not joined yet"
        return ChannelInfo(channel=self.id, name=self.id.id, topic=self.topic, members=self.members or None, error=error)


class Channels:
    """Fed with the lines of the connection; joins by `join(names, keys)`, tells of changes by `tell(words)`."""

    def __init__(
        self,
        *,
        fold: Callable[[str], str],
        nick: Callable[[], str],
        keys: dict[str, str],
        isupport: Isupport,
        rng: random.Random,
        join: Callable[[str, str], None],
        part: Callable[[str], None],
        tell: Callable[[str], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._fold, self._nick = fold, nick
        self._keys = {fold(name): key for name, key in keys.items()}
        self._isupport = isupport
        self._rng = rng
        self._join, self._part, self._tell = join, part, tell
        self._monotonic = monotonic
        self._wishes: dict[str, Wish] = {}
        self._forwards: set[str] = set()
        self._progress_at = 0.0

    # asked from above

    async def open(self, channels: Sequence[ChannelId]) -> list[ChannelInfo]:
        """Join what is not joined; returns when each has been answered, or did not get an answer in time."""
        wishes = [self._wishes.setdefault(self._fold(channel.id), Wish(channel)) for channel in channels]
        fresh = [wish for wish in dict.fromkeys(wishes) if not wish.joined and wish.answer is None]
        silent = False
        for chunk in self._chunks(fresh):
            if silent:
                for wish in chunk:
                    wish.error = NO_ANSWER
                continue
            self._ask(chunk)
            await _all(chunk)
            silent = any(wish.error == NO_ANSWER for wish in chunk)
        await _all(wishes)
        return [wish.info() for wish in wishes]

    def forget(self, channels: Iterable[ChannelId]) -> None:
        """No longer wanted; left if joined."""
        for channel in channels:
            wish = self._wishes.pop(self._fold(channel.id), None)
            if wish is not None:
                self._answered(wish)
                if wish.joined:
                    self._part(channel.id)

    def wish(self, folded: str) -> Wish | None:
        return self._wishes.get(folded)

    # from the wire

    def joined(self, name: str) -> bool:
        """Our own JOIN came; False where nobody asked for the channel (a bouncer, a forced join). A forward's goal is left."""
        wish = self._wishes.get(self._fold(name))
        if wish is None:
            if self._fold(name) in self._forwards:
                self._forwards.discard(self._fold(name))
                self._part(name)
            return False
        again = wish.tries > 0 and not wish.joined
        wish.joined, wish.error, wish.lasting, wish.members, wish.topic = True, None, False, 0, None
        wish.due_at, wish.held, wish.op, wish.relays = None, True, False, True
        self._progress_at = self._monotonic()
        if again:
            self._tell(f"joined {name} again")
        return True

    def left(self, name: str, reason: str) -> None:
        """We were kicked, or made to part."""
        wish = self._wishes.get(self._fold(name))
        if wish is not None and wish.joined:
            wish.joined, wish.error = False, reason
            self._later(wish)
            self._answered(wish)
            self._tell(reason)

    def rejoin(self, folded: str) -> None:
        """The server says we are not in there, though we thought so."""
        wish = self._wishes.get(folded)
        if wish is not None and wish.joined:
            wish.joined, wish.error = False, "the server says the bridge is not in the channel"
            wish.due_at = self._monotonic()

    def receive(self, line: Line) -> bool:
        """Take one numeric; True if it was about a JOIN of ours."""
        command = line.command
        if command in ("332", "331", "353", "366"):
            self._on_facts(line)
            return True
        if command not in REFUSALS:
            return False
        wish = self._wishes.get(self._fold(line.param(1)))
        if wish is None or wish.answer is None or wish.joined:
            return False
        self._progress_at = self._monotonic()
        self._refused(wish, command, line)
        return True

    def tick(self) -> None:
        """Once a second or so: give up on what is not answered, try again what is due."""
        now = self._monotonic()
        due = []
        for wish in self._wishes.values():
            if wish.asked_at is not None and now - max(wish.asked_at, self._progress_at) > ANSWER_SECONDS:
                if not wish.joined:
                    wish.error = NO_ANSWER
                    if wish.held:
                        self._later(wish)
                self._answered(wish)
            elif wish.due_at is not None and now >= wish.due_at and wish.answer is None:
                due.append(wish)
        for chunk in self._chunks(due):
            self._ask(chunk)

    def lost(self) -> None:
        """The connection is gone; whoever waits is told."""
        for wish in self._wishes.values():
            if not wish.joined:
                wish.error = "the connection was lost"
            self._answered(wish)

    # inside

    def _chunks(self, wishes: Sequence[Wish]) -> Iterator[list[Wish]]:
        chunk: list[Wish] = []
        size = 0
        for wish in wishes:
            size += len(wish.id.id.encode()) + len(self._keys.get(self._fold(wish.id.id), "")) + 2
            chunk.append(wish)
            if size >= CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _ask(self, wishes: Sequence[Wish]) -> None:
        now = self._monotonic()
        names = []
        for wish in wishes:
            if not sendable(wish.id.id) or not self._isupport.is_channel(wish.id.id):
                wish.error, wish.lasting = "that is no channel name there", True
                continue
            wish.asked_at, wish.due_at = now, None
            wish.answer = asyncio.get_running_loop().create_future()
            names.append(wish.id.id)
        keyed = [(name, self._keys.get(self._fold(name))) for name in names]
        for names_text, keys_text in join_lines(keyed, self._isupport.targmax.get("JOIN"), self._isupport.linelen):
            self._join(names_text, keys_text)

    def _on_facts(self, line: Line) -> None:
        at = 2 if line.command == "353" else 1
        wish = self._wishes.get(self._fold(line.param(at)))
        if wish is None:
            return
        self._progress_at = self._monotonic()
        if line.command == "332":
            wish.topic = line.param(2)
        elif line.command == "331":
            wish.topic = ""
        elif line.command == "353":
            self._on_names(wish, line.param(3).split())
        elif line.command == "366" and wish.joined:
            self._answered(wish)

    def _on_names(self, wish: Wish, names: Sequence[str]) -> None:
        if wish.answer is not None:
            wish.members += len(names)
        symbols = "".join(self._isupport.prefix)
        high = symbols[: "".join(self._isupport.prefix.values()).find("o") + 1]
        me = self._fold(self._nick())
        for name in names:
            if name[0] in high and self._fold(name.lstrip(symbols).partition("!")[0]) == me:
                wish.op = True

    def _refused(self, wish: Wish, command: str, line: Line) -> None:
        words = REFUSALS[command]
        if command == "470":
            words = f"the channel forwards to {line.param(2)[:80]}"
            self._forwards.add(self._fold(line.param(2)))
        wish.error, wish.lasting = words, command in LASTING
        if wish.held:
            self._later(wish)
        self._answered(wish)

    def _later(self, wish: Wish) -> None:
        delay = min(RETRY_CAP, RETRY_FIRST * 2.0 ** min(wish.tries, 20))
        wish.tries += 1
        wish.due_at = self._monotonic() + delay * self._rng.uniform(0.5, 1.0)

    def _answered(self, wish: Wish) -> None:
        wish.asked_at = None
        if wish.answer is not None:
            if not wish.answer.done():
                wish.answer.set_result(None)
            wish.answer = None


async def _all(wishes: Sequence[Wish]) -> None:
    """Until each has been answered, or given up."""
    waiting = [wish.answer for wish in wishes if wish.answer is not None]
    if waiting:
        await asyncio.wait(waiting)


def sendable(name: str) -> bool:
    """Whether a name can stand in a JOIN at all."""
    return bool(name) and not any(char in name for char in " ,\r\n\0\x07")


def join_lines(
    channels: Sequence[tuple[str, str | None]], most: int | None = None, linelen: int = 512
) -> Iterator[tuple[str, str]]:
    """(names, keys) of as few JOINs as the line length and TARGMAX (`most`, None: no limit) allow; those with keys first."""
    names: list[str] = []
    keys: list[str] = []
    room = linelen - len("JOIN  \r\n")
    size = 0
    for name, key in sorted(channels, key=lambda channel: channel[1] is None):
        cost = len(name.encode()) + 1 + (len(key.encode()) + 1 if key else 0)
        if names and (size + cost > room or len(names) >= (most or len(names) + 1)):
            yield ",".join(names), ",".join(keys)
            names, keys, size = [], [], 0
        names.append(name)
        size += cost
        if key:
            keys.append(key)
    if names:
        yield ",".join(names), ",".join(keys)
