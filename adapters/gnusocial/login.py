"""Logging in: an account, where its server is, and what lets us in: a password, or a grant without it (OAuth 1.0a, by PIN)."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from urllib.parse import urlencode, urlsplit

from adapters.common.oauth1 import Keys, authorization, granted
from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.ids import address, fold_host, host_of, number, person_of
from adapters.gnusocial.wire.account import allowed_by, kept_of, me_of
from adapters.gnusocial.wire.answers import said
from adapters.gnusocial.wire.client import Basic, Client, Revoked, Secret, Site
from adapters.gnusocial.wire.discover import find_site
from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.logins import LoggedIn, Question
from bridge.contract.toolbox import HttpAnswer, Toolbox
from bridge.model.ids import NetworkName
from bridge.text.plain import one_line

TRIES = 3
OAUTH = "oauth"
"""What to answer instead of a password."""
_OUT_OF_BAND = "oob"
_LIMIT = 64 * 1024

Said = Question | LoggedIn


class Dialogue:
    """One attempt to log in, question by question. What it learns is gone with it."""

    def __init__(self, network: NetworkName, name: str, config: GnuSocialConfig, tools: Toolbox) -> None:
        self._network = network
        self._name = name
        self._config = config
        self._tools = tools
        self._next: Callable[[str], Awaitable[Said]] = self._account
        self._tries = 0
        self._user = ""
        self._site = Site("")
        self._keys = Keys("", "")

    async def steps(self) -> AsyncGenerator[Said, str]:
        """See `bridge.contract.logins.LogsIn`."""
        heard = yield self._ask_account("")
        while True:
            try:
                said = await self._next(heard.strip())
            except Unavailable as error:
                raise OSError(error.reason) from error
            heard = yield said
            if isinstance(said, LoggedIn):
                return

    def _ask(self, question: Question, answer: Callable[[str], Awaitable[Said]]) -> Question:
        self._next, self._tries = answer, 0
        return question

    def _again(self, question: Question) -> Question:
        """Raises `Rejected` at the third wrong answer to one question."""
        self._tries += 1
        if self._tries >= TRIES:
            raise Rejected(f"{question.text.partition('. ')[0]}. That was the third time: begin again when you know more")
        return question

    # which account, and where

    def _ask_account(self, why: str) -> Question:
        default = self._config.server_host
        ask = f"Your account: your name on {default}, or name@server." if default else "Your account, as name@server."
        return Question(text=f"{why}. {ask}" if why else ask)

    async def _account(self, heard: str) -> Said:
        try:
            self._user, host = account_in(heard, self._config.server_host)
            self._site = await find_site(self._user or None, host, self._config, self._tools)
        except Rejected as error:
            return self._again(self._ask_account(error.reason))
        except (ValueError, OSError) as error:
            return self._again(self._ask_account(str(error)))
        if self._site.host != host:
            words = f"The accounts of {host} are kept on {self._site.host}. Log in there?"
            return self._ask(Question(text=words, choices=("yes", "no")), self._elsewhere)
        return await self._whose()

    async def _elsewhere(self, heard: str) -> Said:
        if heard.lower() not in ("yes", "y"):
            raise Rejected("then not")
        return await self._whose()

    async def _whose(self) -> Said:
        if self._user:
            return await self._how()
        return self._ask(Question(text=f"Your name on {self._site.host}."), self._named)

    async def _named(self, heard: str) -> Said:
        try:
            self._user, _ = person_of(address(f"{heard}@{self._site.host}"))
        except ValueError:
            return self._again(Question(text=f"That is no name. Your name on {self._site.host}."))
        return await self._how()

    # what lets us in

    async def _how(self) -> Said:
        consumer = self._config.consumer(self._site.host)
        if consumer is None:
            return self._ask(self._ask_password(""), self._password)
        self._keys = Keys(*consumer)
        return await self._grant()

    def _ask_password(self, why: str) -> Question:
        secure = "" if self._site.root.startswith("https:") else " It goes there unencrypted."
        ask = f"Your password on {self._site.host}, or {OAUTH} to grant access without it.{secure}"
        return Question(text=f"{why}. {ask}" if why else ask, secret=True)

    async def _password(self, heard: str) -> Said:
        if heard.lower() == OAUTH:
            words = f"Key and secret of an application that you registered on {self._site.host}, with a space between."
            return self._ask(Question(text=words, secret=True), self._consumer)
        try:
            return await self._done(Basic(self._user, heard))
        except Revoked:
            return self._again(self._ask_password("The server does not take that password"))

    async def _consumer(self, heard: str) -> Said:
        words = heard.split()
        if len(words) != 2:
            return self._again(Question(text="Key and secret, with a space between.", secret=True))
        self._keys = Keys(*words)
        return await self._grant()

    async def _grant(self) -> Said:
        """Raises `Rejected` where the server knows no such application, or no OAuth."""
        self._keys = await self._token("request_token", callback=_OUT_OF_BAND)
        link = f"{self._site.root}oauth/authorize?{urlencode({'oauth_token': self._keys.token or ''})}"
        return self._ask(Question(text="Grant access on that page, and tell me the number it shows.", link=link), self._pin)

    async def _pin(self, heard: str) -> Said:
        if not heard or len(heard) > 64 or not heard.isalnum():
            return self._again(Question(text="That is no such number. Tell me the number that the page shows."))
        self._keys = await self._token("access_token", verifier=heard)
        try:
            return await self._done(self._keys)
        except Revoked as error:
            raise Rejected(error.reason) from None

    async def _token(self, step: str, *, callback: str | None = None, verifier: str | None = None) -> Keys:
        """RFC 5849 §2.1 and §2.3."""
        url, tools, keys = f"{self._site.root}oauth/{step}", self._tools, self._keys
        header = authorization(
            "POST",
            url,
            keys,
            timestamp=int(tools.clock.now().timestamp()),
            nonce=f"{tools.random.getrandbits(128):032x}",
            callback=callback,
            verifier=verifier,
        )
        answer = await tools.http.request("POST", url, headers={"Authorization": header}, limit=_LIMIT, redirects=0)
        try:
            found = granted(answer.body) if answer.status == 200 else _refuse(answer)
        except ValueError as error:
            raise Rejected(f"{self._site.host}: {error}") from error
        return Keys(keys.consumer, keys.consumer_secret, found["oauth_token"], found["oauth_token_secret"])

    async def _done(self, secret: Secret) -> LoggedIn:
        """Raises `Revoked` where the server doesn't take it."""
        client = Client(self._site, secret, self._tools)
        data = (await client.get("account/verify_credentials")).data
        me = me_of(self._network, data, self._site.host)
        kept = kept_of(self._site, secret, number(data["id"]) or "", await allowed_by(client))
        return LoggedIn(identity=me, secrets=kept, channels=(f"home@{self._name}", f"mentions@{self._name}"))


def account_in(text: str, default: str) -> tuple[str, str]:
    """(name, host) of `name@host`, of a profile's or site's address, of a host, or of a name on the default host.

    The name is empty where only a host was given. Raises `ValueError` with plain words.
    """
    text = one_line(text).removeprefix("acct:")
    if "//" in text:
        host = host_of(text)
        if not host:
            raise ValueError("that is no http(s) address")
        path = urlsplit(text).path.strip("/").removeprefix("index.php").strip("/")
        return "" if "/" in path else path.removeprefix("@").lower(), host
    bare = text.lstrip("@")
    if "@" in bare:
        return person_of(address(bare))
    if default and bare and "." not in bare:
        return bare.lower(), default
    host = fold_host(bare)
    if not host or not ("." in host or ":" in host or host == "localhost"):
        raise ValueError("that is no account")
    return "", host


def _refuse(answer: HttpAnswer) -> dict[str, str]:
    raise ValueError(said(answer))
