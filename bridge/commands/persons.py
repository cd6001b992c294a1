"""same, different, persons: identities that are known to be one human are one puppet with one face, over all networks.

A claim needs both sides. Whoever is logged in has proved an identity; anybody else's is for the operator to vouch for. What was
shown before stays as it was: only new events follow.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bridge.commands.line import Arguments
from bridge.commands.linking import many, one
from bridge.commands.office import Refused
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import HUB, IdentityId
from bridge.model.permissions import Permission


class Persons(Protocol):
    """What these words need of the running bridge."""

    def identity(self, text: str) -> IdentityId:
        """Reads `network/identity`; a person of the hub is `matrix/@user:domain`. Raises `Refused`."""
        ...

    def proved(self, user: str) -> set[IdentityId]:
        """Who a Matrix user is over there, by logins; and the user themself."""
        ...

    async def seen(self, id: IdentityId) -> bool:
        """Whether anybody of that name was ever heard of."""
        ...

    async def join(self, ids: Sequence[IdentityId]) -> Sequence[IdentityId]:
        """From now on these are one human, shown as the first; all who are that human now."""
        ...

    async def leave(self, id: IdentityId) -> bool:
        """It stands for itself again; whether it did not before."""
        ...

    async def because(self) -> Mapping[IdentityId, str]:
        """Why those are one human whom nobody declared to be: their pages."""
        ...

    async def persons(self) -> Sequence[Sequence[IdentityId]]:
        """Every human of several identities, the one that is shown first."""
        ...


def person_words(persons: Persons) -> tuple[Word, ...]:
    return (_same(persons), _different(persons), _persons(persons))


def _same(persons: Persons) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        ids = list(dict.fromkeys(persons.identity(text) for text in many(arguments, "identities")))
        if len(ids) < 2:
            raise Refused("Name two identities at least: same NETWORK/ID NETWORK/ID")
        if sum(id.network == HUB for id in ids) > 1:
            raise Refused("A person has one Matrix account here.")
        _vouched(persons, asker, ids)
        ids.sort(key=lambda id: id.network != HUB)  # who has a Matrix account is shown as that
        everyone = await persons.join(ids)
        unseen = [str(id) for id in ids if not await persons.seen(id)]
        doubt = f" Nobody has heard of {', '.join(unseen)} yet: is that spelt right?" if unseen else ""
        text = f"{', '.join(map(str, everyone))} are one person from now on, shown as {everyone[0]}.{doubt}"
        return Answer(text=text, data=[str(id) for id in everyone])

    argument = Argument(name="identities", summary="network/identity; the first one's face is shown", many=True)
    return Word(name="same", summary="identities that are one human: one puppet, one face", run=run, arguments=(argument,))


def _different(persons: Persons) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        id = persons.identity(one(arguments, "identity"))
        _vouched(persons, asker, [id])
        if not await persons.leave(id):
            raise Refused(f"{id} stands for itself already.")
        return Answer(text=f"{id} stands for itself again.")

    argument = Argument(name="identity", summary="network/identity")
    return Word(name="different", summary="an identity stands for itself again", run=run, arguments=(argument,))


def _persons(persons: Persons) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        mine = persons.proved(asker.user)
        admin = asker.permission >= Permission.ADMIN
        shown = [person for person in await persons.persons() if admin or mine & {*person}]
        known = await persons.because()
        rows = tuple((str(person[0]), ", ".join(map(str, person[1:])), _why(person, known)) for person in shown)
        data = [[str(id) for id in person] for person in shown]
        return Answer(text="" if rows else "No persons.", columns=("shown as", "also", "because"), rows=rows, data=data)

    return Word(name="persons", summary="which identities are one human, and why", run=run)


def _why(person: Sequence[IdentityId], known: Mapping[IdentityId, str]) -> str:
    pages = dict.fromkeys(known[id] for id in person if id in known)
    return "; ".join([*pages, *(["somebody said so"] if any(id not in known for id in person) else [])])


def _vouched(persons: Persons, asker: Asker, ids: Sequence[IdentityId]) -> None:
    if asker.permission >= Permission.ADMIN:
        return
    others = [str(id) for id in ids if id not in persons.proved(asker.user)]
    if others:
        raise Refused(f"Nothing proves that {', '.join(others)} is you: log in there first, or ask an admin.")
