"""The pretend network with accounts: one logs in, follows, and chats alone with people.

A login's channels end in `@name`: `home@me`, `direct/bob@me`. Whoever's password is the account's name backwards gets in.
`post/bob/@alice:hs` is a chat of @alice:hs without a login; on a `PostOffice` all may have such.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar

from msgspec.structs import replace

from adapters.fantasy.adapter import Fantasy
from adapters.fantasy.config import FantasyConfig
from adapters.fantasy.manifest import MANIFEST
from bridge.contract.adapter import Inlet
from bridge.contract.errors import Rejected
from bridge.contract.features import Manifest
from bridge.contract.logins import LoggedIn, Question
from bridge.contract.places import Finding
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.model.people import Identity, Profile


def login_of(channel: str) -> str | None:
    return channel.rpartition("@")[2] if "@" in channel and owner_of(channel) is None else None


def owner_of(channel: str) -> str | None:
    return channel.rpartition("/")[2] if channel.startswith("post/") else None


class Salon(Fantasy):
    """`shelf` is what `search` finds, by the words; an `OSError` there is raised. `changes` counts `changed`."""

    manifest: ClassVar[Manifest] = replace(
        MANIFEST,
        login_of=login_of,
        posts_to=lambda name: f"home@{name}",
        direct_with=lambda who, name: f"direct/{who}@{name}",
        owner_of=owner_of,
    )

    def __init__(self, network: NetworkName, config: FantasyConfig, inlet: Inlet, tools: Toolbox) -> None:
        super().__init__(network, config, inlet, tools)
        self.tools = tools
        self.network = network
        self.shelf: dict[str, Sequence[Finding] | OSError] = {}
        self.changes = 0
        self.given_up = 0
        self.bug: Exception | None = None
        """What the dialogue dies of at the password."""

    def channel(self, name: str) -> ChannelId:
        return ChannelId(self.network, name)

    async def steps(self, name: str) -> AsyncGenerator[Question | LoggedIn, str]:
        try:
            account = yield Question(text="Which account?")
            password = yield Question(text=f"The password of {account}?", secret=True)
            if self.bug is not None:
                raise self.bug
            for _ in range(2):
                if password == account[::-1]:
                    break
                password = yield Question(text="That is not the password. Once more?", secret=True)
            else:
                raise Rejected("Three wrong passwords are enough.")
            yield LoggedIn(
                identity=Identity(id=IdentityId(self.network, account), profile=Profile(name=account.title())),
                secrets={"password": password},
                channels=(f"home@{name}", f"mentions@{name}"),
            )
        except GeneratorExit:
            self.given_up += 1
            raise

    async def changed(self) -> None:
        self.changes += 1

    async def search(self, words: str) -> Sequence[Finding]:
        found = self.shelf.get(words, ())
        if isinstance(found, OSError):
            raise found
        return found


class PostOffice(Salon):
    """Where everybody here has an address."""

    manifest: ClassVar[Manifest] = replace(Salon.manifest, direct_for=lambda config, who, user: f"post/{who}/{user}")
