"""login, logout, logins: accounts of one's own on networks.

A login is made in a dialogue. It may ask for a password, so it goes on only where nobody else reads along: in a chat alone with
the bot, or in a terminal.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from bridge.commands.desk import TERMINAL
from bridge.commands.line import Arguments
from bridge.commands.linking import one
from bridge.commands.office import Refused
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.permissions import Permission


class Account(Struct, frozen=True, kw_only=True):
    """A login, as people see it."""

    network: str
    name: str
    user: str
    identity: str | None = None
    trouble: str | None = None


class Accounts(Protocol):
    """What these words need of the running bridge."""

    @property
    def bot(self) -> str: ...

    async def log_in(self, asker: Asker, network: str, name: str | None) -> Answer:
        """The first question of the dialogue, or its end. Raises `Refused`."""
        ...

    async def log_out(self, asker: Asker, login: str) -> str:
        """`name`, or `network@name` where that is not enough; what became of it. Raises `Refused`."""
        ...

    def accounts(self, user: str | None) -> Sequence[Account]:
        """Of one user, or all."""
        ...


def login_words(accounts: Accounts) -> tuple[Word, ...]:
    return (_login(accounts), _logout(accounts), _logins(accounts))


def _login(accounts: Accounts) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        if asker.user == TERMINAL:
            raise Refused("Whose login shall it be? Say so with --as @user:domain.")
        if asker.room is not None and not asker.direct:
            raise Refused(
                "Logging in may ask for a password, so not in front of others: "
                f"start a chat with {accounts.bot} alone and say it there."
            )
        return await accounts.log_in(asker, one(arguments, "network"), one(arguments, "name") if "name" in arguments else None)

    return Word(
        name="login",
        summary="an account of yours on a network: read and write there as yourself",
        run=run,
        arguments=(
            Argument(name="network", summary="its name in the configuration"),
            Argument(name="name", summary='what the login is called here; "me" where that is free', required=False),
        ),
    )


def _logout(accounts: Accounts) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        return Answer(text=await accounts.log_out(asker, one(arguments, "login")))

    argument = Argument(name="login", summary='its name, or "network@name"')
    return Word(name="logout", summary="forgets a login and its secrets", run=run, arguments=(argument,))


def _logins(accounts: Accounts) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        found = accounts.accounts(None if asker.permission >= Permission.ADMIN else asker.user)
        return Answer(
            text="" if found else "No logins.",
            columns=("network", "name", "account", "whose", "state"),
            rows=tuple((it.network, it.name, it.identity or "", it.user, it.trouble or "well") for it in found),
            data=found,
        )

    return Word(name="logins", summary="your logins and how they are; everybody's for an admin", run=run)
