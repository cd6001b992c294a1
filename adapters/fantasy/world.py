"""The pretend network: channels, people, lines, and knobs for everything that goes wrong on real ones.

It behaves like a decent chat service. It names each line with an id, answers each frame, remembers what a client has
acknowledged and hands out the rest again to its next connection. Nothing in it knows the bridge.
"""

import asyncio
from collections import deque
from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    SAY = "say"
    EMOTE = "emote"
    EDIT = "edit"
    DELETE = "delete"
    REACT = "react"
    JOIN = "join"
    LEAVE = "leave"
    TOPIC = "topic"


class Line(Struct, frozen=True, kw_only=True):
    """Something that happened in a channel. `author` is the account; `name` what it called itself for this line."""

    id: str
    number: int
    """Ascends over the whole world."""
    channel: str
    author: str
    name: str
    kind: Kind = Kind.SAY
    text: str = ""
    target: str | None = None
    """The line that this one answers, changes or reacts to."""
    keys: tuple[str, ...] = ()
    label: str | None = None
    """Given by whoever wrote it; only he sees it."""


class Frame(Struct, frozen=True, kw_only=True):
    """What a client writes: one frame, one answer."""

    channel: str
    name: str
    label: str
    kind: Kind = Kind.SAY
    text: str = ""
    target: str | None = None
    keys: tuple[str, ...] = ()


class Answer(Struct, frozen=True, kw_only=True):
    """`id` names the new line. Else it was not taken: `refused` for good, or come back after `busy` seconds."""

    id: str = ""
    refused: str | None = None
    busy: float | None = None


class World:
    """One pretend network."""

    def __init__(self, *, most_bytes: int = 400) -> None:
        self.most_bytes = most_bytes
        """Of one line's text."""
        self.lines: list[Line] = []
        self.frames: list[Frame] = []
        """Everything that clients wrote, taken or not."""
        self.topics: dict[str, str] = {}
        self.sessions: list[Session] = []
        self.logs: dict[str, list[Line]] = {}
        """The lines of each channel."""
        self.acknowledged: dict[tuple[str, str], int] = {}
        """By account and channel: how many of its lines need not be handed out again."""
        self.down = False
        """Nobody can connect."""
        self.banned: dict[str, str] = {}
        """Channels that cannot be entered, and why."""
        self.refuse: deque[str] = deque()
        """Reasons for which the next frames are refused."""
        self.busy: deque[float] = deque()
        """Seconds after which whoever wrote the next frames shall come back."""
        self.lose_answers = 0
        """So many frames are taken, but their connection ends before the answer."""
        self.slow = False
        """Answers are held back until `answer_all`."""

    # what people do

    def say(self, channel: str, author: str, text: str, *, answers: str | None = None, kind: Kind = Kind.SAY) -> Line:
        return self._add(channel, author, author, kind, text, answers)

    def edit(self, line: Line, text: str) -> Line:
        return self._add(line.channel, line.author, line.name, Kind.EDIT, text, line.id)

    def delete(self, line: Line) -> Line:
        return self._add(line.channel, line.author, line.name, Kind.DELETE, "", line.id)

    def react(self, line: Line, author: str, *keys: str) -> Line:
        return self._add(line.channel, author, author, Kind.REACT, "", line.id, keys)

    def topic(self, channel: str, author: str, text: str) -> Line:
        self.topics[channel] = text
        return self._add(channel, author, author, Kind.TOPIC, text)

    def come(self, channel: str, author: str) -> Line:
        return self._add(channel, author, author, Kind.JOIN)

    def go(self, channel: str, author: str) -> Line:
        return self._add(channel, author, author, Kind.LEAVE)

    def sees(self, channel: str) -> list[str]:
        """The channel as its people read it, edits and deletions applied: "name: text"."""
        shown: dict[str, str] = {}
        for line in self.lines:
            if line.channel != channel:
                continue
            if line.kind in (Kind.SAY, Kind.EMOTE):
                shown[line.id] = f"{line.name}: {line.text}" if line.kind is Kind.SAY else f"* {line.name} {line.text}"
            elif line.target in shown and line.kind is Kind.EDIT:
                shown[line.target] = f"{line.name}: {line.text}"
            elif line.target in shown and line.kind is Kind.DELETE:
                del shown[line.target]
        return list(shown.values())

    # what clients do

    def enter(self, account: str) -> "Session":
        """A connection. Raises `ConnectionError` while the world is down."""
        if self.down:
            raise ConnectionRefusedError("the world is down")
        session = Session(self, account)
        self.sessions.append(session)
        return session

    def cut(self) -> None:
        """End every connection."""
        for session in list(self.sessions):
            session.close()

    def answer_all(self) -> None:
        """End slowness: whoever waits gets the answer."""
        self.slow = False
        for session in self.sessions:
            session.answer_held()

    def take(self, session: "Session", frame: Frame) -> Answer | None:
        """What a frame leads to; None where the answer is lost."""
        self.frames.append(frame)
        if self.busy:
            return Answer(busy=self.busy.popleft())
        if self.refuse:
            return Answer(refused=self.refuse.popleft())
        if frame.channel not in session.channels:
            return Answer(refused=f"you are not in {frame.channel}")
        if len(frame.text.encode()) > self.most_bytes:
            return Answer(refused="that is too long")
        line = self._add(
            frame.channel, session.account, frame.name, frame.kind, frame.text, frame.target, frame.keys, label=frame.label
        )
        if self.lose_answers:
            self.lose_answers -= 1
            return None
        return Answer(id=line.id)

    def _add(
        self,
        channel: str,
        author: str,
        name: str,
        kind: Kind,
        text: str = "",
        target: str | None = None,
        keys: tuple[str, ...] = (),
        label: str | None = None,
    ) -> Line:
        number = len(self.lines) + 1
        line = Line(
            id=f"w{number}",
            number=number,
            channel=channel,
            author=author,
            name=name,
            kind=kind,
            text=text,
            target=target,
            keys=keys,
            label=label,
        )
        self.lines.append(line)
        self.logs.setdefault(channel, []).append(line)
        for session in self.sessions:
            session.wake()
        return line


class Session:
    """One client's connection."""

    def __init__(self, world: World, account: str) -> None:
        self.account = account
        self.channels: dict[str, int] = {}
        """Those one is in, and how many of their lines were handed out."""
        self._world = world
        self._open = True
        self._woken = asyncio.Event()
        self._held: list[tuple[asyncio.Future[Answer], Answer]] = []
        self._unanswered: list[asyncio.Future[Answer]] = []

    def join(self, channel: str) -> None:
        """Raises `PermissionError` with the reason where one may not."""
        if channel in self._world.banned:
            raise PermissionError(self._world.banned[channel])
        self.channels.setdefault(channel, self._world.acknowledged.get((self.account, channel), 0))
        self.wake()

    def leave(self, channel: str) -> None:
        self.channels.pop(channel, None)

    async def next(self) -> Line:
        """The next line of a channel one is in. Raises `ConnectionError` when the connection has ended."""
        while True:
            if not self._open:
                raise ConnectionResetError("the connection was cut")
            self._woken.clear()
            unread = [
                log[read] for channel, read in self.channels.items() if len(log := self._world.logs.get(channel, [])) > read
            ]
            if unread:
                line = min(unread, key=lambda line: line.number)
                self.channels[line.channel] += 1
                return line
            await self._woken.wait()

    def acknowledge(self, line: Line) -> None:
        """This line, and the earlier ones of its channel, need not be handed out again."""
        self._world.acknowledged[self.account, line.channel] = self._world.logs[line.channel].index(line) + 1

    def write(self, frame: Frame) -> "asyncio.Future[Answer]":
        """Written at once; the future has the answer, or `ConnectionError` where none will come."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if not self._open:
            raise ConnectionResetError("the connection was cut")
        self._unanswered.append(future)
        answer = self._world.take(self, frame)
        if answer is None:
            self.close()
        elif self._world.slow:
            self._held.append((future, answer))
        else:
            future.set_result(answer)
            self._unanswered.remove(future)
        return future

    def answer_held(self) -> None:
        held, self._held = self._held, []
        for future, answer in held:
            if not future.done():
                future.set_result(answer)

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        """Idempotent."""
        if not self._open:
            return
        self._open = False
        self._world.sessions.remove(self)
        for future in self._unanswered:
            if not future.done():
                future.set_exception(ConnectionResetError("the connection was cut"))
                future.exception()  # its writer may be gone
        self._woken.set()
