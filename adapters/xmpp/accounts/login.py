"""Logging in: an address and its password, proven by connecting."""

import asyncio
from collections.abc import AsyncGenerator
from secrets import token_hex
from xml.etree.ElementTree import Element

from adapters.xmpp.accounts.crew import tls_context
from adapters.xmpp.accounts.joined import MARK
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.ids import bare
from adapters.xmpp.wire.client import Client, Credentials
from adapters.xmpp.wire.dial import addresses
from adapters.xmpp.wire.sasl import LoginRefused
from adapters.xmpp.wire.session import Session
from bridge.contract.errors import Disconnected, Rejected
from bridge.contract.logins import LoggedIn, Question
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import IdentityId, NetworkName
from bridge.model.people import Identity, Profile

TRIES = 3
_LONGEST_PASSWORD = 1000


class Dialogue:
    """One attempt to log in. What it learns is gone with it."""

    def __init__(self, network: NetworkName, config: XmppConfig, tools: Toolbox) -> None:
        self._network, self._config, self._tools = network, config, tools

    async def steps(self) -> AsyncGenerator[Question | LoggedIn, str]:
        """See `bridge.contract.logins.LogsIn`."""
        why, jid = "", ""
        for _ in range(TRIES):
            ask = "Your XMPP address, as name@server."
            heard = yield Question(text=f"{why}. {ask}" if why else ask)
            try:
                jid = account_in(heard)
                break
            except ValueError as error:
                why = str(error)
        else:
            raise Rejected(f"{why}. That was the third time: begin again when you know more")
        why = ""
        for _ in range(TRIES):
            ask = f"Your password for {jid}."
            password = yield Question(text=f"{why}. {ask}" if why else ask, secret=True)
            refused = await self._refusal(jid, password)
            if refused is None:
                name = jid.partition("@")[0]
                me = Identity(id=IdentityId(self._network, jid), profile=Profile(name=name))
                yield LoggedIn(identity=me, secrets={"password": password, MARK: token_hex(16)})
                return
            why = _sentence(refused)
        raise Rejected(f"{why}. That was the third time: begin again when you know more")

    async def _refusal(self, jid: str, password: str) -> str | None:
        """Why the server does not take the password; None where it does.

        Raises `Rejected` where trying again is of no use, `OSError` where the server can't be reached.
        """
        if not password or len(password) > _LONGEST_PASSWORD:
            return "that is no password"
        try:
            context = await asyncio.to_thread(tls_context, self._config)
            places = await addresses(jid.rpartition("@")[2], self._config)
        except Disconnected as error:
            raise OSError(error.reason) from None
        mark = f"unabridged-login-{self._tools.random.getrandbits(48):012x}"
        who = Credentials(jid=jid, password=password, resource=mark)
        client = Client(who, self._config, self._tools, _Deaf(), session=Session(), context=context)
        try:
            await client.reach(places)
        except LoginRefused as error:
            return error.reason
        except Disconnected as error:
            raise (Rejected(_sentence(error.reason)) if error.fatal else OSError(error.reason)) from None
        finally:
            await client.close()
        return None


class _Deaf:
    """Hears nothing: what came is left to the account's own connection."""

    def message(self, element: Element, ticket: int) -> None:
        return

    def presence(self, element: Element) -> None:
        return

    def query(self, element: Element) -> bool:
        return False


def account_in(text: str) -> str:
    """The bare address that somebody typed. Raises `ValueError` with plain words."""
    typed = text.strip().removeprefix("xmpp:")
    try:
        jid = bare(typed)
    except ValueError:
        raise ValueError("That is no XMPP address") from None
    if "@" not in jid:
        raise ValueError("An XMPP address has a name, an @ and a server")
    return jid


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
