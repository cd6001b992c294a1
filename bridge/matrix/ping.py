"""The appservice ping (MSC2659, AS API 1.7): can the homeserver reach us, and if not, whose fault is it, in words.

It also wakes a homeserver up that backs off after it could not reach us (Synapse from 1.132 delivers at once).
"""

import logging
from collections.abc import Callable
from urllib.parse import quote

import aiohttp
import msgspec

from bridge.contract.toolbox import Clock

_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 300.0


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """`words` say what was found and what to do. `hopeless`: asking again changes nothing until a human acts."""

    reached: bool
    words: str
    hopeless: bool = False
    milliseconds: int | None = None


class Pinger:
    """`ours` is the url that the registration names: where the homeserver should find us."""

    def __init__(self, session: aiohttp.ClientSession, homeserver: str, token: str, appservice: str, *, ours: str) -> None:
        self._session = session
        self._homeserver = homeserver.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._appservice = appservice
        self._ours = ours
        self._log = logging.getLogger("unabridged.matrix.ping")

    async def ping(self, transaction: str) -> Diagnosis:
        """One try; never raises for what the network does."""
        path = f"/_matrix/client/v1/appservice/{quote(self._appservice, safe='')}/ping"
        body = {"transaction_id": transaction}
        try:
            async with self._session.post(
                self._homeserver + path, json=body, headers=self._headers, timeout=_TIMEOUT, allow_redirects=False
            ) as answer:
                return self._read(answer.status, await answer.content.read(64 * 1024))
        except TimeoutError:
            return _failed(f"the homeserver at {self._homeserver} does not answer in time")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _failed(f"the homeserver at {self._homeserver} cannot be reached: {_why(error)}")

    async def run(self, clock: Clock, tell: Callable[[Diagnosis], None]) -> Diagnosis:
        """Pings, with back-off, until the homeserver reaches us or only a human can help; every new finding is logged once.

        `tell` is called with each finding.
        """
        wait, last = _FIRST_WAIT, ""
        number = 0
        while True:
            number += 1
            found = await self.ping(f"start-{number}")
            tell(found)
            if found.reached:
                self._log.info("%s", found.words)
                return found
            if found.words != last:
                self._log.warning("%s", found.words)
                last = found.words
            if found.hopeless:
                return found
            await clock.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _read(self, status: int, raw: bytes) -> Diagnosis:
        try:
            body = msgspec.json.decode(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return _failed(f"{self._homeserver} answers {status} and no JSON: is there a homeserver, or a proxy without one?")
        if status == 200:
            taken = body.get("duration_ms")
            taken = taken if isinstance(taken, int) else None
            return Diagnosis(reached=True, words=f"the homeserver reaches us at {self._ours}", milliseconds=taken)
        errcode, error = str(body.get("errcode", "")), str(body.get("error", ""))[:200]
        if errcode == "M_BAD_STATUS":
            return self._bad_status(body)
        permanent = {
            "M_UNKNOWN_TOKEN": "the homeserver does not know our as_token: install the registration file there and restart it",
            "M_MISSING_TOKEN": "our as_token does not reach the homeserver: a proxy takes the Authorization header away",
            "M_FORBIDDEN": f"the homeserver does not know us as {self._appservice!r}: the registration it has is another one",
            "M_URL_NOT_SET": f"the homeserver's copy of the registration names no url: set it to {self._ours} and restart it",
            "M_UNRECOGNIZED": "the homeserver is too old to ping us (it needs Matrix 1.7); whether it reaches us is not known",
        }
        if errcode in permanent:
            return _failed(permanent[errcode], hopeless=True)
        passing = {
            "M_CONNECTION_TIMEOUT": f"the homeserver gets no answer from us at {self._ours}: a firewall, or another address?",
            "M_CONNECTION_FAILED": f"the homeserver cannot connect to us at {self._ours}: is that our address, seen from there?",
            "M_LIMIT_EXCEEDED": "the homeserver asks us to slow down",
        }
        words = passing.get(errcode, f"the homeserver answers {status} {errcode} to our ping")
        return _failed(f"{words} ({error})" if error else words)

    def _bad_status(self, body: dict[str, object]) -> Diagnosis:
        """The homeserver reached something at our url, and that answered something else than 200."""
        status = body.get("status")
        if status in (401, 403):
            words = f"{self._ours} refuses the homeserver's hs_token: the registration it has and ours differ; install ours there"
            return _failed(words, hopeless=True)
        if status in (404, 405):
            return _failed(f"at {self._ours} the homeserver finds something that is not this bridge (it answers {status})")
        return _failed(f"at {self._ours} the homeserver is answered {status}: a proxy without a bridge behind it?")


def _failed(words: str, *, hopeless: bool = False) -> Diagnosis:
    return Diagnosis(reached=False, words=words, hopeless=hopeless)


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name does not resolve"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not to be trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or "no connection"
    return type(error).__name__
