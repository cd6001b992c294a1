"""Dialogues: questions to one person, alone with the bot or in a terminal.

What is answered may be a password, so it lies in memory only, from the moment it is heard: no chore, no event and no line of
the log holds it. A dialogue dies with the process. That one was open is written down, so that an answer to it which comes later
is not taken for a word, shown and kept.
"""

import asyncio
import logging
import secrets
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeAlias

from bridge.commands.line import split
from bridge.commands.office import Refused
from bridge.contract.errors import BridgeError
from bridge.contract.logins import LoggedIn, Question
from bridge.contract.resting import rest
from bridge.contract.toolbox import Clock
from bridge.contract.words import Answer, Asker
from bridge.ledger.ledger import Ledger

MOST, EACH = 100, 3
"""Open at a time: over all, and for one person."""
IDLE = 600.0
"""Seconds without an answer after which one is given up."""
STEP = 90.0
"""Seconds that a network has to say what comes next."""
HELD = 20
"""Answers heard and not yet taken, of one dialogue."""

_OPEN = "open-talk"
_CANCEL = "cancel"
_BEGIN = "login"
"""The word that begins a dialogue is never an answer to one that is over."""

Steps: TypeAlias = AsyncGenerator[Question | LoggedIn, str]
Finish: TypeAlias = Callable[[LoggedIn], Awaitable[Answer]]


class _Talk:
    def __init__(self, id: str, owner: str, room: str | None, steps: Steps, finish: Finish) -> None:
        self.id = id
        self.owner = owner
        self.room = room
        self.steps = steps
        self.finish = finish
        self.secret = False
        """Whether what is asked now must not be seen."""
        self.heard_at = 0.0
        self.busy = False
        self.held: dict[str, str] = {}
        """What was heard, by event."""

    async def next(self, words: str | None, log: logging.Logger) -> Question | LoggedIn | Answer:
        """An answer: it could not go on, and why. The words of an error that isn't meant for people may hold what was said."""
        try:
            async with asyncio.timeout(STEP):
                return await (anext(self.steps) if words is None else self.steps.asend(words))
        except StopAsyncIteration:
            return Answer(text="The login ended without a result.", failed=True)
        except TimeoutError:
            return Answer(text="That took too long, and I gave up. Please begin again.", failed=True)
        except (BridgeError, OSError) as error:
            return Answer(text=str(error) or type(error).__name__, failed=True)
        except Exception as bug:  # noqa: BLE001 - an adapter's bug ends the talk, and the log says where it was, not what it said
            where = "".join(traceback.format_tb(bug.__traceback__))
            log.error("a login failed by a bug, %s:\n%s", type(bug).__name__, where)
            return Answer(text="That failed by a fault in the bridge; its log says more.", failed=True)

    async def finished(self, result: LoggedIn) -> Answer:
        """What came of the end."""
        try:
            return await self.finish(result)
        except (BridgeError, OSError) as error:
            return Answer(text=str(error) or type(error).__name__, failed=True)


class Talks:
    """`tell` says something of the bot's own in a room; best effort."""

    def __init__(
        self, ledger: Ledger, clock: Clock, tell: Callable[[str, str], Awaitable[None]], log: logging.Logger, *, prefix: str
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._tell = tell
        self._log = log
        self._cancels = (_CANCEL, prefix + _CANCEL)
        self._begins = (_BEGIN, prefix + _BEGIN)
        self._talks: dict[str, _Talk] = {}
        self._over: set[tuple[str, str]] = set()
        """(room, person): one was open there and is over without the person's doing."""
        self._changed = asyncio.Event()

    async def load(self) -> None:
        """Before anything is heard: what the last run left open."""
        for place in await self._ledger.facts(_OPEN):
            room, _, user = place.partition(" ")
            self._over.add((room, user))

    async def begin(self, asker: Asker, steps: Steps, finish: Finish) -> Answer:
        """Asks the first question. One that is open in the same chat is given up. Raises `Refused`."""
        for talk in [talk for talk in self._talks.values() if asker.room and (talk.owner, talk.room) == (asker.user, asker.room)]:
            await self._end(talk)
        mine = sum(talk.owner == asker.user for talk in self._talks.values())
        if mine >= EACH or len(self._talks) >= MOST:
            await steps.aclose()
            raise Refused("Too many logins are under way: finish or cancel one, or come back in ten minutes.")
        talk = _Talk(secrets.token_urlsafe(16), asker.user, asker.room, steps, finish)
        self._talks[talk.id] = talk
        if talk.room is not None:
            self._over.discard((talk.room, talk.owner))
            await self._ledger.save_fact(_OPEN, f"{talk.room} {talk.owner}", "1")
        return await self._step(talk, None)

    def hears(self, room: str, user: str, event: str, words: str) -> bool:
        """Whether this answers a question: then it is held here and must be kept nowhere else. Quick and without I/O."""
        talk = self._in_chat(room, user)
        if talk is None:
            first = split(words[:100])[:1]
            return (room, user) in self._over and not (first and first[0].lower() in self._begins)
        if len(talk.held) < HELD:
            talk.held[event] = words
        return True

    def is_open(self, room: str, user: str) -> bool:
        """Whether the person is asked something in this chat."""
        return self._in_chat(room, user) is not None

    def is_secret(self, room: str, user: str) -> bool:
        """Whether what the person answers now must not stay in the chat. So is what comes too late: nobody knows any more."""
        talk = self._in_chat(room, user)
        return talk is None or talk.secret

    async def answer_in(self, room: str, user: str, event: str, words: str | None) -> Answer:
        """What was said in a chat, heard before (`words` None) or just now."""
        talk = self._in_chat(room, user)
        if talk is None:
            await self._forget(room, user)
            return Answer(text="That talk is over, and what you answered is forgotten. Please begin again.", failed=True)
        said = talk.held.pop(event, words)
        if said is None:
            return Answer(text="That was too much at once. Please answer again.", asks=None, failed=True)
        return await self._answered(talk, said.strip())

    async def stop(self, room: str, user: str, why: str) -> Answer:
        """Ends what is open in a chat."""
        talk = self._in_chat(room, user)
        if talk is not None:
            await self._end(talk)
        else:
            await self._forget(room, user)
        return Answer(text=why, failed=True)

    async def answer(self, id: str, user: str, words: str) -> Answer:
        """What was said in a terminal. A talk of somebody else, or in a chat, is as if it weren't there."""
        talk = self._talks.get(id)
        if talk is None or talk.room is not None or talk.owner != user:
            return Answer(text="There is no such talk; it may have waited too long.", failed=True)
        return await self._answered(talk, words)

    async def run(self) -> None:
        """Until cancelled: gives up what waits too long. In the end every dialogue is closed."""
        try:
            for room, user in sorted(self._over):
                if await self._ledger.fact(_OPEN, f"{room} {user}") == "1":
                    await self._tell(
                        room, "I was restarted, and our talk is lost. Please begin again; don't answer my last question."
                    )
                    await self._ledger.save_fact(_OPEN, f"{room} {user}", "told")
            while True:
                self._changed.clear()
                await rest(self._clock, self._changed, self._pause())
                for talk in [talk for talk in self._talks.values() if not talk.busy and self._left(talk) <= 0]:
                    await self._expire(talk)
        finally:
            for talk in self._talks.values():
                if not talk.busy:
                    await talk.steps.aclose()

    def _in_chat(self, room: str, user: str) -> _Talk | None:
        return next((talk for talk in self._talks.values() if (talk.room, talk.owner) == (room, user)), None)

    def _left(self, talk: _Talk) -> float:
        return talk.heard_at + IDLE - self._clock.monotonic()

    def _pause(self) -> float | None:
        return min((max(self._left(talk), 1.0) for talk in self._talks.values()), default=None)

    async def _expire(self, talk: _Talk) -> None:
        await self._close(talk)
        if talk.room is not None:
            self._over.add((talk.room, talk.owner))
            await self._tell(
                talk.room, "Ten minutes without an answer: I gave up. Please begin again; don't answer my last question."
            )

    async def _answered(self, talk: _Talk, words: str) -> Answer:
        if words.strip().lower() in self._cancels:
            await self._end(talk)
            return Answer(text="Cancelled; nothing was kept.")
        if talk.busy:
            return Answer(text="One moment: your last answer is still being tried.", failed=True)
        return await self._step(talk, words)

    async def _step(self, talk: _Talk, words: str | None) -> Answer:
        talk.busy = True
        try:
            said = await talk.next(words, self._log)
        finally:
            talk.busy = False
            talk.heard_at = self._clock.monotonic()
            self._changed.set()
        if isinstance(said, Question):
            talk.secret = said.secret
            return Answer(text=asked(said), asks=said, talk=talk.id)
        await self._end(talk)
        return said if isinstance(said, Answer) else await talk.finished(said)

    async def _close(self, talk: _Talk) -> None:
        self._talks.pop(talk.id, None)
        talk.held.clear()
        await talk.steps.aclose()

    async def _end(self, talk: _Talk) -> None:
        await self._close(talk)
        if talk.room is not None:
            await self._forget(talk.room, talk.owner)

    async def _forget(self, room: str, user: str) -> None:
        self._over.discard((room, user))
        await self._ledger.save_fact(_OPEN, f"{room} {user}", None)


def asked(question: Question) -> str:
    """A question as text."""
    lines = [question.text]
    if question.link:
        lines.append(question.link)
    if question.choices:
        lines.append("Answer one of: " + ", ".join(question.choices) + ".")
    return "\n".join(lines)
