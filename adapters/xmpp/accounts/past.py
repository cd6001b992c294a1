"""What was said while we were away, out of the account's archive (XEP-0313), before what is said now."""

from collections.abc import Callable
from datetime import timedelta

from adapters.xmpp.accounts.hearing import Hearing, Words
from adapters.xmpp.accounts.intake import Intake
from adapters.xmpp.accounts.services import LOST
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.wire.archive import Archive
from adapters.xmpp.wire.client import Client
from adapters.xmpp.wire.verdicts import Refusal
from bridge.contract.adapter import Inlet
from bridge.contract.toolbox import Toolbox

MOST_HELD = 1000
"""Messages that wait for the archive to be read; beyond it they go on, out of order, and none is lost."""


class Past:
    """`scope`: of the cursor, which is the archive's id of what was read last; `take` is given one message after the other."""

    def __init__(
        self,
        scope: str,
        hearing: Hearing,
        intake: Intake,
        inlet: Inlet,
        config: XmppConfig,
        tools: Toolbox,
        take: Callable[[Words, int], None],
    ) -> None:
        self._scope, self._hearing, self._intake = scope, hearing, intake
        self._inlet, self._config, self._tools, self._take = inlet, config, tools, take
        self._held: list[tuple[Words, int]] = []
        self._reading = False
        self.whole = False
        """The archive was read up to now: what is said from here on may move the cursor. Else it would leave a gap behind."""

    def expect(self) -> None:
        """The archive is about to be read: what is said from now on waits."""
        self._reading, self.whole = True, False

    def heard(self, words: Words, ticket: int) -> None:
        """Something is said now."""
        if not self._reading:
            self._take(words, ticket)
            return
        self._held.append((words, ticket))
        if len(self._held) > MOST_HELD:
            self._tools.log.warning("much is said while the archive is being read: it is shown in between")
            self.release()

    def release(self) -> None:
        """Nothing is waited for any more."""
        self._reading = False
        held, self._held = self._held, []
        for words, ticket in held:
            self._take(words, ticket)

    async def read(self, client: Client, archive: Archive) -> None:
        """From where we stopped; the first time, from `history_days` ago. Whatever goes wrong, what is said now goes on.

        Raises `LedgerUnavailable` where it isn't known where we stopped.
        """
        cursor = await self._inlet.cursor(self._scope)
        try:
            try:
                await self._read(client, archive, None if cursor is None else cursor.value)
            except Refusal as refusal:
                if cursor is None or refusal.condition != "item-not-found":
                    raise
                self._tools.log.info("the archive has forgotten where we stopped: it is read by date")
                await self._read(client, archive, None)
            self.whole = True
        except LOST as error:
            self._tools.metrics.count("xmpp_archive_unread")
            self._tools.log.warning("the archive can't be read: %s", error)
        finally:
            self.release()

    async def _read(self, client: Client, archive: Archive, after: str | None) -> None:
        days = self._config.history_days
        start = None if after is not None else self._tools.clock.now() - timedelta(days=days)
        async for page in archive.read(client, after=after, start=start):
            for kept in page:
                self._take(self._hearing.archived(kept), 0)
            await self._intake.finish()
