"""The ledger: inbox, outbox, copies, and all else that must outlive the process.

One thread writes and one reads; the event loop only waits. The verbs live with their subjects (`inbox`, `outbox`,
`batches`, `keeping`, `chores`, `portals`, `people`, `logins`, `media`), and `Ledger` is their one face: each attribute
below is a coroutine, described where it is defined. Each returns after its commit, and raises `LedgerUnavailable` when
nothing could be stored or read.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bridge.contract.toolbox import Clock
from bridge.ledger.backend import Backend, discard, open_backend, plain_words
from bridge.ledger.batches import Batches
from bridge.ledger.chores import Chores
from bridge.ledger.core import Core
from bridge.ledger.digested import Digested
from bridge.ledger.errors import LedgerRefused
from bridge.ledger.inbox import Inbox
from bridge.ledger.keeping import Keeping
from bridge.ledger.logins import Logins, check_key
from bridge.ledger.media import Facts, Media
from bridge.ledger.missed import Missed
from bridge.ledger.outbox import Outbox
from bridge.ledger.people import People
from bridge.ledger.portals import Portals
from bridge.ledger.reader import Reader
from bridge.ledger.shown import Shown
from bridge.ledger.upgrade import upgrade
from bridge.ledger.writer import Writer


class Ledger:
    """Made by `connect`; one for each process and database."""

    def __init__(self, core: Core, backend: Backend, key: bytes | None) -> None:
        self._core = core
        self._backend = backend
        inbox, outbox, keeping, batches = Inbox(core), Outbox(core), Keeping(core), Batches(core)
        self.accept, self.cursor, self.event, self.root = inbox.accept, inbox.cursor, inbox.event, inbox.root
        self.quarantined, self.release, self.part = inbox.quarantined, inbox.release, inbox.part
        self.lanes, self.undone, self.lease, self.settle = outbox.lanes, outbox.undone, outbox.lease, outbox.settle
        self.enqueue, self.entry, self.dead, self.replay = outbox.enqueue, outbox.entry, outbox.dead, outbox.replay
        self.make_batch, self.part_batch = batches.make_batch, batches.part_batch
        self.batch, self.change_batch = batches.batch, batches.change_batch
        self.copies, self.trace, self.counts, self.prune = keeping.copies, keeping.trace, keeping.counts, keeping.prune
        shown = Shown(core)
        self.newest_entry, self.shown_in, self.states = shown.newest_entry, shown.shown_in, shown.states
        self.came = Missed(core).came
        digested = Digested(core)
        self.recall, self.reword = digested.recall, digested.reword
        shown = Shown(core)
        self.newest_entry, self.shown_in, self.states = shown.newest_entry, shown.shown_in, shown.states
        chores = Chores(core)
        self.due_chores, self.quarantined_chores = chores.due_chores, chores.quarantined_chores
        self.chore_done, self.chore_failed, self.knows_chore = chores.chore_done, chores.chore_failed, chores.knows_chore
        portals = Portals(core)
        self.portals, self.add_portal = portals.portals, portals.add_portal
        self.change_portal, self.remove_portal = portals.change_portal, portals.remove_portal
        self.links, self.add_link, self.remove_link = portals.links, portals.add_link, portals.remove_link
        people = People(core)
        self.puppet, self.save_puppet = people.puppet, people.save_puppet
        self.member, self.save_member, self.members = people.member, people.save_member, people.members
        self.forget_room = people.forget_room
        self.identity, self.save_identity = people.identity, people.save_identity
        self.person, self.persons = people.person, people.persons
        self.join_person, self.leave_person = people.join_person, people.leave_person
        logins = Logins(core, key)
        self.logins, self.save_login, self.remove_login = logins.logins, logins.save_login, logins.remove_login
        media, facts = Media(core), Facts(core)
        self.media, self.same_media, self.save_media = media.media, media.same_media, media.save_media
        self.revoke_links, self.link_revoked = media.revoke_links, media.link_revoked
        self.fact, self.save_fact, self.facts = facts.fact, facts.save_fact, facts.facts

    @classmethod
    async def connect(
        cls, url: str, *, clock: Clock, key: bytes | None = None, progress: Callable[[str], None] | None = None
    ) -> "Ledger":
        """Take the ledger's lock and bring its tables up to date.

        `url` is `sqlite:///file` or `postgresql://…`; `key` the contents of the key file; `progress` is called, from
        another thread, with a line about each step that may take long. Raises `LedgerRefused`, in plain words: used by
        another process, written by a newer version, damaged, unreachable, wrong key.
        """
        backend = open_backend(url)
        try:
            connection = await asyncio.to_thread(_open, backend, key, progress)
        except BaseException:
            backend.close()
            raise
        core = Core(partial(Writer, backend, clock), Reader(backend), clock)
        core.writer.start(connection)
        core.reader.start()
        return cls(core, backend, key)

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored right now, in plain words; None while all is well, as far as the last commit told."""
        return self._core.writer.trouble

    async def close(self) -> None:
        """Finish what waits, then give up the lock. Verbs called from now on raise `LedgerUnavailable`."""
        await self._core.writer.close()
        await self._core.reader.close()
        self._backend.close()


def _open(backend: Backend, key: bytes | None, progress: Callable[[str], None] | None) -> Connection:
    connection = None
    try:
        connection = backend.connect()
        upgrade(connection, progress)
        check_key(connection, key)
    except SQLAlchemyError as error:
        if connection is not None:
            discard(connection)
        raise LedgerRefused(f"the ledger can't be opened: {plain_words(error)}") from error
    except BaseException:
        if connection is not None:
            discard(connection)
        raise
    return connection
