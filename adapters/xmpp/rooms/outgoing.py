"""What goes into one room, in the order of the calls: each message waits until its speaker is in, and all behind it with it.

A room has no acknowledgements, but shows everybody everything in one order: our listener seeing a message is its proof. What
comes back with an error was seen by nobody. What does neither in time is in doubt, and whoever sent it looks for it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from xml.etree.ElementTree import Element

from adapters.xmpp.rooms.cast import Cast
from adapters.xmpp.rooms.participant import Participant, State
from adapters.xmpp.rooms.refusals import NOT_IN, Refused, saying
from adapters.xmpp.stanza import ns
from bridge.contract.delivery import Receipt
from bridge.contract.errors import DeliveryError, Rejected, Unavailable, Uncertain

DOUBTFUL_SECONDS = 10.0
"""A message unseen for so long makes us ask whether its speaker is still in the room."""
LOST_SECONDS = 30.0
"""From then on it may or may not be there."""
RETRY_SECONDS = 5.0
"""When a message for a room that its speaker could not enter may be tried again."""
_SUBJECT = ns.qualified(ns.CLIENT, "subject")


class NotShown(Uncertain):
    """The room is there, and did not show what was said to it."""


class Post:
    """One message on its way."""

    __slots__ = ("asked", "at", "element", "id", "one", "outcome")

    def __init__(self, id: str, one: Participant, element: Element, outcome: "asyncio.Future[Receipt]", at: float) -> None:
        self.id, self.one, self.element, self.outcome, self.at = id, one, element, outcome, at
        self.asked = False

    def fail(self, error: DeliveryError) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)
            self.outcome.exception()


class Outgoing:
    """`doubt(participant)` asks the room whether it is still in. While `deaf` nothing is said: nobody of ours might see it."""

    def __init__(
        self,
        cast: Cast,
        *,
        write: Callable[[Element], None],
        monotonic: Callable[[], float],
        doubt: Callable[[Participant], None],
        deaf: Callable[[], bool],
    ) -> None:
        self._cast, self._write, self._monotonic, self._doubt, self._deaf = cast, write, monotonic, doubt, deaf
        self._waiting: deque[Post] = deque()
        self._written: dict[str, Post] = {}

    def submit(self, id: str, one: Participant, element: Element) -> "asyncio.Future[Receipt]":
        """The message leaves now, or as soon as its speaker, and those of all before it, are in.

        The future ends as `Adapter.deliver` does. Raises what writing raises.
        """
        now = self._monotonic()
        post = Post(id, one, element, asyncio.get_running_loop().create_future(), now)
        one.spoke_at = now
        self._waiting.append(post)
        if one.state is State.OUT:
            self._cast.enter(one)
        self.pump()
        return post.outcome

    def pump(self) -> None:
        """Called when one of us came in, or is out, or our listener is sure to be in."""
        while self._waiting and not self._deaf():
            post = self._waiting[0]
            if post.outcome.done():  # whoever waited was cancelled before it was written
                self._waiting.popleft()
            elif post.one.state is State.IN:
                self._waiting.popleft()
                self._send(post)
            elif post.one.state is State.JOINING:
                return
            else:
                self._kept_out(post, post.one.refused or Refused("left the room"))

    def _send(self, post: Post) -> None:
        post.at = self._monotonic()
        try:
            self._write(post.element)
        except DeliveryError as error:
            post.fail(error)
            if isinstance(error, Unavailable):
                self.fail_waiting(error.reason)
            return
        self._written[post.id] = post

    def _kept_out(self, post: Post, refused: Refused) -> None:
        if refused.lasting:
            self._waiting.popleft()
            post.fail(Rejected(refused.words))
        else:  # those behind it must not overtake it
            self.fail_waiting(refused.words)

    def fail_waiting(self, reason: str) -> None:
        """Nothing of what waits will be written."""
        waiting, self._waiting = self._waiting, deque()
        for post in waiting:
            post.fail(Unavailable(reason, retry_after=RETRY_SECONDS))

    # what comes of them

    def topic_by(self, one: Participant, topic: str) -> str | None:
        """Which message on its way sets that topic: a room shows a topic without the id it came with (Prosody does)."""
        found = (post for post in self._written.values() if post.one is one and post.element.findtext(_SUBJECT) == topic)
        return next((post.id for post in found), None)

    def seen(self, id: str, receipt: Receipt) -> bool:
        """A message of ours came back from the room: whether somebody waits for that."""
        post = self._written.pop(id, None)
        if post is None or post.outcome.done():
            return False
        post.outcome.set_result(receipt)
        return True

    def bounced(self, id: str, to: str, condition: str, words: str, kind: str) -> bool:
        """A message came back with an error: nobody saw it."""
        post = self._written.get(id)
        if post is None or post.one.jid != to:
            return False
        del self._written[id]
        if condition == NOT_IN and post.one.state is State.IN:
            self._cast.out(post.one, Refused("was no longer in the room"))
        post.fail(saying(condition, words, kind))
        return True

    def forsake(self, one: Participant | None, reason: str) -> None:
        """One of us, or all of us for None, fell out of the room at some time: what is unseen may have been before that."""
        for post in [post for post in self._written.values() if one is None or post.one is one]:
            del self._written[post.id]
            post.fail(Uncertain(reason))

    def tick(self) -> None:
        now = self._monotonic()
        for post in [post for post in self._written.values() if now - post.at > DOUBTFUL_SECONDS]:
            if post.outcome.done():
                del self._written[post.id]
            elif now - post.at > LOST_SECONDS:
                del self._written[post.id]
                post.fail(NotShown("the room did not show the message"))
            elif not post.asked:
                post.asked = True
                self._doubt(post.one)

    def lose(self, reason: str) -> None:
        """The connection is gone."""
        self.fail_waiting(reason)
        written, self._written = self._written, {}
        for post in written.values():
            post.fail(Uncertain(f"the connection was lost before the room showed the message: {reason}"))
