"""The words of an account's owner: whom they know, who may see them, whom they don't want to hear from."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from xml.etree.ElementTree import Element

from adapters.common.owners import own_login
from adapters.xmpp.accounts.account import Account
from adapters.xmpp.accounts.contacts import ROSTER, Contact
from adapters.xmpp.accounts.services import BLOCKING, LOST, request
from adapters.xmpp.ids import bare
from adapters.xmpp.outbound import presence
from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.clean import xml_text
from adapters.xmpp.stanza.here import Kind
from adapters.xmpp.wire.client import Client
from bridge.contract.errors import DeliveryError, Rejected
from bridge.contract.toolbox import Toolbox
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import NetworkName
from bridge.model.signals import Availability
from bridge.text.plain import one_line

Given = Mapping[str, str | Sequence[str]]
_Does = Callable[[Account, Client, str], Awaitable[str]]

_WHO = Argument(name="who", summary="whose address, as user@server")
LOGIN = Argument(name="login", summary="with which of your logins, where you have several", required=False)
_SEEN = {"none": "", "to": "you see them", "from": "they see you", "both": "you see each other"}


class Words:
    """`account` gives what belongs to a login while it is in use."""

    def __init__(self, network: NetworkName, account: Callable[[str], Account | None], tools: Toolbox) -> None:
        self._network, self._account, self._tools = network, account, tools

    def all(self) -> tuple[Word, ...]:
        return (
            Word(
                name="contacts",
                summary="whom your account knows, and who waits for an answer",
                run=self._contacts,
                arguments=(LOGIN,),
            ),
            self._word("accept", "let somebody who asked see when you are there, and ask to see them", self._accept),
            self._word("deny", "don't let somebody see when you are there", self._deny),
            self._word("subscribe", "ask somebody to let you see when they are there", self._subscribe),
            self._word("unsubscribe", "take somebody off your contacts", self._unsubscribe),
            self._word("block", "hear nothing from somebody any more", self._block),
            self._word("unblock", "hear from somebody again", self._unblock),
        )

    def _word(self, name: str, summary: str, does: _Does) -> Word:
        async def run(asker: Asker, given: Given) -> Answer:
            try:
                account, client = self._of(asker, given)
                return Answer(text=await does(account, client, address_said(said_text(given, "who"))))
            except (DeliveryError, ValueError, *LOST) as error:
                return Answer(text=sentence(str(error)), failed=True)

        return Word(name=name, summary=summary, run=run, arguments=(_WHO, LOGIN))

    def _of(self, asker: Asker, given: Given) -> tuple[Account, Client]:
        return own_account(asker, given, self._network, self._account, self._tools)

    # who is known

    async def _contacts(self, asker: Asker, given: Given) -> Answer:
        try:
            account, _ = self._of(asker, given)
        except Rejected as error:
            return Answer(text=sentence(error.reason), failed=True)
        rows = [(jid, "", "asks to see you", words) for jid, words in sorted(account.people.asking.items())]
        rows += [self._row(account, contact) for contact in account.contacts.all()]
        shown = tuple(rows)
        return Answer(
            text=f"Contacts of {account.me}: {len(rows)}", columns=("address", "name", "state", "status"), rows=shown, data=shown
        )

    def _row(self, account: Account, contact: Contact) -> tuple[str, str, str, str]:
        there = account.contacts.shown(contact.jid)
        state = _SEEN[contact.subscription] or ("asked" if contact.asked else "")
        if there.availability is not Availability.OFFLINE:
            state = f"{there.availability}, {state}" if state else str(there.availability)
        return contact.jid, contact.name, state, there.status

    # who sees whom (RFC 6121 §3)

    async def _accept(self, account: Account, client: Client, who: str) -> str:
        if who not in account.people.asking:
            raise Rejected(f"{who} has not asked.")
        client.write(presence(who, Kind.SUBSCRIBED))
        account.people.asking.pop(who, None)
        contact = account.contacts.get(who)
        if contact is None or not (contact.seen or contact.asked):
            client.write(presence(who, Kind.SUBSCRIBE))
        return f"{who} sees when you are there."

    async def _deny(self, account: Account, client: Client, who: str) -> str:
        client.write(presence(who, Kind.UNSUBSCRIBED))
        account.people.asking.pop(who, None)
        return f"{who} does not see when you are there."

    async def _subscribe(self, account: Account, client: Client, who: str) -> str:
        if who in account.people.asking:
            return await self._accept(account, client, who)
        contact = account.contacts.get(who)
        if contact is not None and contact.seen:
            return f"You see already when {who} is there."
        if contact is None:
            await client.ask(_item(who))
        client.write(presence(who, Kind.SUBSCRIBE))
        return f"{who} has been asked."

    async def _unsubscribe(self, account: Account, client: Client, who: str) -> str:
        if account.contacts.get(who) is None:
            raise Rejected(f"{who} is none of your contacts.")
        await client.ask(_item(who, subscription="remove"))
        return f"{who} is none of your contacts any more."

    # blocking (XEP-0191)

    async def _block(self, account: Account, client: Client, who: str) -> str:
        await self._blocking(account, client, "block", who)
        account.people.asking.pop(who, None)
        return f"Nothing comes from {who} any more."

    async def _unblock(self, account: Account, client: Client, who: str) -> str:
        await self._blocking(account, client, "unblock", who)
        return f"{who} is blocked no longer."

    async def _blocking(self, account: Account, client: Client, verb: str, who: str) -> None:
        if not account.services.blocking:
            raise Rejected("Your server can't block anybody.")
        iq = request("set")
        ns.add(ns.add(iq, BLOCKING, verb), BLOCKING, "item", None, jid=xml_text(who))
        await client.ask(iq)


def _item(who: str, **attributes: str) -> Element:
    iq = request("set")
    ns.add(ns.add(iq, ROSTER, "query"), ROSTER, "item", None, jid=xml_text(who), **attributes)
    return iq


def address_said(text: str) -> str:
    """Somebody's bare address, as people write it. Raises `ValueError` in words for them."""
    try:
        jid = bare(one_line(text).removeprefix("xmpp:"))
    except ValueError:
        raise ValueError("That is no XMPP address.") from None
    if "@" not in jid:
        raise ValueError("An XMPP address has a name, an @ and a server.")
    return jid


def own_account(
    asker: Asker, given: Given, network: NetworkName, account_of: Callable[[str], Account | None], tools: Toolbox
) -> tuple[Account, Client]:
    """The asker's own; nobody acts through another's account. Raises `Rejected`."""
    account = account_of(own_login(asker, said_text(given, "login"), tools.logins, network))
    client = None if account is None else account.client
    if account is None or client is None or not client.up or account.trouble is not None:
        raise Rejected((account and account.trouble) or "The account is not connected now.")
    return account, client


def said_text(given: Given, name: str) -> str:
    value = given.get(name, "")
    return value if isinstance(value, str) else " ".join(value)


def sentence(words: str) -> str:
    return words[:1].upper() + words[1:] if words else "The server did not answer."
