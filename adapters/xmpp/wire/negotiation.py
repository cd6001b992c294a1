"""What is agreed on before stanzas flow: who we are (SASL), and how they are counted (XEP-0198)."""

import asyncio
import base64
from collections.abc import Callable
from xml.etree.ElementTree import Element

from adapters.common.sasl import Mechanism
from adapters.common.scram import SaslFailed, decoded
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.wire.client_stream import SASL, SM
from adapters.xmpp.wire.sasl import choose, refused
from adapters.xmpp.wire.session import Session
from bridge.contract.errors import Disconnected
from bridge.contract.toolbox import Toolbox


class Negotiation:
    """`say` writes; `end` ends the connection."""

    def __init__(
        self,
        jid: str,
        password: str,
        config: XmppConfig,
        tools: Toolbox,
        *,
        say: Callable[[str], None],
        end: Callable[[Disconnected], None],
    ) -> None:
        self._user, self._password = jid.rpartition("@")[0], password
        self._config, self._tools = config, tools
        self._say, self._end = say, end
        self._heard: asyncio.Queue[Element | None] = asyncio.Queue()

    def hear(self, element: Element | None) -> None:
        """None: nothing more will come."""
        self._heard.put_nowait(element)

    async def log_in(self, mechanisms: list[str], *, secure: bool) -> bool:
        """False where it failed: the connection has been ended."""
        try:
            if not secure:
                raise Disconnected("the server offers no encryption", fatal=True)
            nonce = base64.b64encode(self._tools.random.randbytes(24)).decode()
            await self._exchange(choose(mechanisms, self._user, self._password, nonce, plain=self._config.plain_passwords))
        except SaslFailed as error:
            self._end(Disconnected(f"the login failed: {error}"))
            return False
        except Disconnected as error:
            self._end(error)
            return False
        return True

    async def _exchange(self, mechanism: Mechanism) -> None:
        """Raises `SaslFailed`, `Disconnected`."""
        first = await asyncio.to_thread(mechanism.respond, b"")
        self._say(f"<auth xmlns='{SASL[1:-1]}' mechanism='{mechanism.name}'>{_encoded(first)}</auth>")
        while True:
            said = await self._heard.get()
            if said is None or said.tag not in (f"{SASL}challenge", f"{SASL}success", f"{SASL}failure"):
                raise Disconnected("the server stopped in the middle of the login")
            if said.tag == f"{SASL}failure":
                raise refused(said)
            challenge = decoded((said.text or "").strip().removeprefix("="))
            if said.tag == f"{SASL}success":
                if not mechanism.done and challenge:
                    mechanism.respond(challenge)
                if not mechanism.done:
                    raise SaslFailed("the server did not prove that it knows the password")
                return
            answer = await asyncio.to_thread(mechanism.respond, challenge)
            self._say(f"<response xmlns='{SASL[1:-1]}'>{_encoded(answer)}</response>")

    async def enable(self, session: Session) -> None:
        session.enable()
        self._say(f"<enable xmlns='{SM[1:-1]}' resume='true'/>")
        answer = await self._heard.get()
        if answer is None or answer.tag != f"{SM}enabled":
            session.lost("the server keeps no count")

    async def resume(self, session: Session) -> bool:
        self._say(f"<resume xmlns='{SM[1:-1]}' h='{session.acknowledged()}' previd='{_attribute(session.key or '')}'/>")
        answer = await self._heard.get()
        if answer is not None and answer.tag == f"{SM}resumed":
            return True
        if answer is not None:
            session.lost("the server did not keep the session")
        return False


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode() or "="


def _attribute(text: str) -> str:
    return text.translate({38: "&amp;", 60: "&lt;", 39: "&apos;"})
