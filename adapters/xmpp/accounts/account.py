"""One login's account: connected as long as it can be, and troubled by nobody else's server."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from xml.etree.ElementTree import Element

from adapters.xmpp.accounts.asides import Asides
from adapters.xmpp.accounts.contacts import ROSTER, Contacts
from adapters.xmpp.accounts.faces import Faces
from adapters.xmpp.accounts.hearing import Found, Hearing, Words
from adapters.xmpp.accounts.intake import Intake, Item
from adapters.xmpp.accounts.joined import Joined
from adapters.xmpp.accounts.marks import Marks
from adapters.xmpp.accounts.notices import Notices
from adapters.xmpp.accounts.past import Past
from adapters.xmpp.accounts.people import People
from adapters.xmpp.accounts.sending import Sending
from adapters.xmpp.accounts.services import LOST, Services, answer_to, learn, request
from adapters.xmpp.accounts.showing import Showing
from adapters.xmpp.accounts.strangers import Strangers
from adapters.xmpp.accounts.wanted import Wanted
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.ids import Place, bare, place_of
from adapters.xmpp.outbound import received
from adapters.xmpp.stanza import ns
from adapters.xmpp.wire.archive import Archive
from adapters.xmpp.wire.client import Client, Credentials
from adapters.xmpp.wire.dial import addresses
from adapters.xmpp.wire.pauses import Pauses
from adapters.xmpp.wire.session import Session
from adapters.xmpp.wire.uploads import Uploads
from bridge.contract.adapter import ChannelInfo, Inlet
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import DeliveryError, Disconnected, LedgerUnavailable, Unavailable, Uncertain
from bridge.contract.logins import Login
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, NetworkName

RESUME_SECONDS = 300.0
"""For how long we hope that the server keeps a session: then what it did not acknowledge is looked for in its archive."""
TICK_SECONDS = 1.0


class Account:
    """`told` is called whenever its state changed. Raises `ValueError` where the login is not whole."""

    def __init__(
        self,
        network: NetworkName,
        login: Login,
        config: XmppConfig,
        inlet: Inlet,
        tools: Toolbox,
        *,
        context: ssl.SSLContext,
        uploads: Uploads,
        told: Callable[[], None],
    ) -> None:
        self._who = credentials_of(login)
        self.login, self.me = login, self._who.jid
        self._network, self._config, self._tools = network, config, tools
        self._inlet, self._context, self._told = inlet, context, told
        self.client: Client | None = None
        """None while it is not connected."""
        self.tried = False
        """It has been found out whether it can be connected."""
        self.trouble: str | None = "the account is not connected yet"
        self.services = Services()
        self.contacts = Contacts()
        self._session = Session()
        self._archive: Archive | None = None
        self.showing = Showing()
        scope = f"account/{login.name}/{self.me}"
        self._halted: set[str] = set()
        halts = partial(self._read_on, "chats"), partial(self._read_on, "rooms")
        self.intake = Intake(login.name, scope, inlet, tools, settle=self._settle, reading=halts[0])
        who = (network, login, self.me, config, inlet, tools)
        self.joined = Joined(*who, uploads=uploads, settle=self._settle, reading=halts[1])
        self.wanted = Wanted(network, login.name, self.me, self.joined, tools)
        self.faces = Faces(inlet, tools, self._shown_otherwise)
        shown = Asides(self.me, self.wanted).shown
        self.hearing = Hearing(network, login.name, self.me, self.contacts, tools, face=self.faces.face, shown=shown)
        self._notices = Notices(network, self.me, self.hearing, tools)
        self._strangers = Strangers(network, self.me, self.contacts, self._notices, tools)
        known = (network, self.me, self.contacts, inlet, tools)
        self.people = People(*known, faces=self.faces, say=self.say, renamed=self._shown_otherwise)
        self._past = Past(scope, self.hearing, self.intake, inlet, config, tools, self._take)
        self.marks = Marks()
        self.sending = Sending(self.me, tools, uploads)

    # life

    async def run(self) -> None:
        """Connected, or about to be, until cancelled. The session ends with it: who waits for a proof then is told so."""
        clock, pauses, was_up = self._tools.clock, Pauses(self._tools), 0.0
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.intake.run())
                group.create_task(self.joined.run())
                group.create_task(self.wanted.run())
                while True:
                    pauses.begin()
                    end = await self._connect()
                    now = clock.monotonic()
                    was_up = now if self.trouble is None else was_up
                    if self._session.resumable and now - was_up > RESUME_SECONDS:
                        self._session.lost(end.reason)
                    self.fell_ill(end)
                    await clock.sleep(pauses.after(end))
        finally:
            self._session.lost("the account's connection was given up")
            self.joined.end("the account's connection was given up")

    async def _connect(self) -> Disconnected:
        """One connection, to its end."""
        client = Client(self._who, self._config, self._tools, self, session=self._session, context=self._context)
        try:
            await client.reach(await addresses(self.me.rpartition("@")[2], self._config))
            async with asyncio.TaskGroup() as group:
                jobs = (self._tick(client), self._begin(client), self.faces.run(client))
                working = [group.create_task(one) for one in jobs]
                end = await asyncio.shield(client.over)
                for one in working:
                    one.cancel()
            return end
        except Disconnected as error:
            return error
        finally:
            self.client = None
            self.showing.end()
            await client.close()
            self._past.release()

    def fell_ill(self, end: Disconnected) -> None:
        """It is not connected, for that reason."""
        self.trouble, self.tried = end.reason, True
        self._tools.log.info("the account %s is not connected: %s", self.login.name, end.reason)
        self._tools.metrics.count("xmpp_account_disconnects", network=self._network)
        if end.fatal:
            self._tools.logins.trouble(self.login.name, f"the account is refused, log in again: {end.reason}")
        else:
            self._tools.logins.trouble(self.login.name, end.reason, passing=True)
        if not self._session.resumable:
            self.people.gone()
            self.joined.end(end.reason)
        self._told()

    async def _tick(self, client: Client) -> None:
        while True:
            await self._tools.clock.sleep(TICK_SECONDS)
            client.tick()
            self.joined.rooms.tick()

    async def _begin(self, client: Client) -> None:
        """What a connection begins with. A session that goes on has all of it."""
        self.client = client
        if not client.resumed:
            self.hearing.connection = f"{self._tools.random.getrandbits(64):016x}"
            archive = self._archive = Archive(self.me, self._session.jid)
            self._past.expect()
            try:
                await self._enter(client)
                if self.joined.can:
                    await self.wanted.read(client)
            except LOST as error:
                client.end(Disconnected(f"the server does not answer: {error}"))
                return
            self._well()
            try:
                if self.services.archive:
                    await self._past.read(client, archive)
            except LedgerUnavailable:
                client.end(Disconnected("the ledger does not say where we stopped"))
            self._past.release()
        else:
            self.joined.resume(client, self.services)
            self._well()
            with suppress(Unavailable):
                self.showing.resume(client)
        await self.joined.rooms.run()

    async def _enter(self, client: Client) -> None:
        """Raises what asking raises."""
        self.services = await learn(client, self.me)
        self.hearing.stanza_ids = self.services.stanza_ids
        if self.services.carbons:
            enable = request("set")
            ns.add(enable, ns.CARBONS, "enable")
            await client.ask(enable)
        roster = request("get")
        ns.add(roster, ROSTER, "query")
        for query in (await client.ask(roster)).iter(f"{{{ROSTER}}}query"):
            self.contacts.fill(query)
        self.showing.begin(client)
        self.joined.begin(client, self._session.jid, self.services)

    def _well(self) -> None:
        self.trouble, self.tried = None, True
        self._tools.logins.trouble(self.login.name, None)
        self._told()

    # what comes (`wire.listener.Ear`)

    def message(self, element: Element, ticket: int) -> None:
        if self.joined.message(element, ticket):
            return
        words = None
        if self._archive is None or not self._archive.take(element):
            self.people.published(element)
            self.wanted.published(element)
            words = self.hearing.unwrap(element)
        if words is None:
            self._settle((ticket,))
        else:
            self._past.heard(words, ticket)

    def presence(self, element: Element) -> None:
        if not self.joined.presence(element):
            self.people.presence(element)

    def query(self, element: Element) -> bool:
        client = self.client
        if client is None:
            return False
        if element.get("type") == "set" and len(element) == 1 and element[0].tag == f"{{{ROSTER}}}query":
            return self._pushed(client, element)
        answer = answer_to(element)
        if answer is not None:
            client.write(answer)
        return answer is not None

    def _pushed(self, client: Client, iq: Element) -> bool:
        """The roster changed; only our own server may say so (RFC 6121 §2.1.6)."""
        if iq.get("from", self.me) not in (self.me, ""):
            self.hearing.count("spoofed")
            return False
        for contact in self.contacts.push(iq[0]):
            self._shown_otherwise(contact.jid)
        answer = request("result")
        answer.set("id", iq.get("id", ""))
        client.write(answer)
        return True

    def _take(self, words: Words, ticket: int) -> None:
        found = self.hearing.understand(words)
        if found is None:
            me = self.hearing.person(self.me)
            self.intake.put(Item(channel=self.hearing.channel(self.me), peer=me, ticket=ticket, cursor=words.archive_id))
            return
        if (bounced := found.bounced) is not None:
            jid = self.sending.bounced(bounced, has_room=self.intake.is_housed(found.item.channel))
            if jid is not None:
                self.intake.put(self._notices.bounced(jid, bounced))
        item = found.item
        if found.invited is not None and (told := self.people.invited(found.peer, found.invited.invite)) is not None:
            item = self._notices.said(found.peer, told, f"invited {found.invited.invite.room} {found.said.id}")
            item.cursor = found.item.cursor
        if found.said.sender.partition("/")[0] != self.me:
            self.marks.note(found.said, item.events)
            item = self._strangers.placed(found.peer, item)
        item.ticket = ticket
        if words.archive_id is None and not self._past.whole:
            item.cursor = None
        item.then = lambda: self._after(found)
        self.intake.put(item)

    def _after(self, found: Found) -> None:
        """What it meant is committed: now others may hear of it."""
        for signal in found.signals:
            self._inlet.signal(signal)
        for proof in found.proofs:
            self._inlet.proved(proof.delivery, proof.receipt)
        client = self.client
        if not (client and client.up and found.direct and found.said.wants_receipt and found.said.id):
            return
        if self.contacts.sees(found.peer):
            try:
                client.write(received(found.said.sender, found.said.id))
            except DeliveryError as error:
                self._tools.log.debug("no receipt for a message: %s", error.reason)

    async def enter(self, channel: ChannelId, *, asked: bool = False) -> ChannelInfo:
        """A room of its own. The account is connected. `asked`: by its owner, who may have been sent away before."""
        if not self.joined.can:
            words = f"this login knows nothing of rooms yet: say `login {self._network}` again"
            return ChannelInfo(channel=channel, error=words)
        room = self.joined.rooms.wanted.get(place_of(channel.id).jid)
        if asked and room is not None:
            room.timers.clear()
        (info,) = await self.joined.rooms.open(channel)
        return info

    async def find(self, delivery: Delivery, place: Place) -> Receipt | None:
        """As `Reconciles.find`. Raises `Uncertain` where the server keeps no archive, `Unavailable` without a connection."""
        client, archive = self.client, self._archive
        if client is None or archive is None:
            raise Unavailable(self.trouble or "the account is not connected")
        if not self.services.archive:
            raise Uncertain("the server keeps no archive to look in")
        return await self.sending.find(client, archive, delivery, place)

    def say(self, jid: str, words: str, what: str) -> None:
        """A notice in the chat with somebody; `what` tells it from all others, so that it is said once."""
        self.intake.put(self._notices.said(jid, words, what))

    def _shown_otherwise(self, jid: str) -> None:
        """A contact's name or picture is another: the chat shows it, where there is one."""
        if self.intake.is_housed(self.hearing.channel(jid)):
            self.intake.put(self._notices.shown(jid))

    def _settle(self, tickets: Sequence[int]) -> None:
        if self.client is not None:
            self.client.settle(*tickets)
        else:
            for ticket in tickets:
                self._session.settle(ticket)

    def _read_on(self, which: str, on: bool) -> None:
        """It is read while none of those who take what comes has too much of it."""
        if on:
            self._halted.discard(which)
        else:
            self._halted.add(which)
        if self.client is not None and self._halted:
            self.client.pause()
        elif self.client is not None:
            self.client.resume()


def credentials_of(login: Login) -> Credentials:
    """Raises `ValueError` where the login is not whole."""
    if login.identity is None or "password" not in login.secrets:
        raise ValueError("the login is not complete")
    jid = bare(login.identity.id)
    mark = blake2b(f"{login.network}/{login.name}/{login.user}".encode(), digest_size=6).hexdigest()
    return Credentials(jid=jid, password=login.secrets["password"], resource=f"unabridged-{mark}")
