"""same, different, persons: who may say that two are one, and what is shown then."""

from collections.abc import Mapping, Sequence

import pytest

from bridge.commands.desk import Desk
from bridge.commands.office import Refused
from bridge.commands.persons import person_words
from bridge.contract.words import Answer, Asker
from bridge.model.ids import HUB, IdentityId
from tests.unit.commands.office import ADMIN, LOCAL, asker

MINE, OTHERS, ME = IdentityId(LOCAL, "ally"), IdentityId(LOCAL, "bob"), IdentityId(HUB, "@alice:localhost")


class Book:
    def __init__(self) -> None:
        self.known: list[list[IdentityId]] = []
        self.pages: dict[IdentityId, str] = {}

    def identity(self, text: str) -> IdentityId:
        network, _, id = text.partition("/")
        if network not in (LOCAL, HUB) or not id:
            raise Refused("no identity")
        return IdentityId(LOCAL if network == LOCAL else HUB, id)

    def proved(self, user: str) -> set[IdentityId]:
        return {MINE, ME} if user == ME.id else set()

    async def seen(self, id: IdentityId) -> bool:
        return id != OTHERS

    async def join(self, ids: Sequence[IdentityId]) -> Sequence[IdentityId]:
        self.known.append(list(ids))
        return ids

    async def leave(self, id: IdentityId) -> bool:
        return any(id in person for person in self.known)

    async def because(self) -> Mapping[IdentityId, str]:
        return self.pages

    async def persons(self) -> Sequence[Sequence[IdentityId]]:
        return self.known


async def said(book: Book, line: str, by: Asker = ADMIN) -> Answer:
    word, *arguments = line.split()
    return await Desk(person_words(book)).ask(by, word, arguments)


async def test_an_admin_vouches_for_anybody_and_is_told_who_was_never_heard_of() -> None:
    book = Book()
    answer = await said(book, "same local/ally local/bob")
    assert "shown as local/ally" in answer.text and "Nobody has heard of local/bob" in answer.text
    assert book.known == [[MINE, OTHERS]]
    assert (await said(book, "persons")).rows == (("local/ally", "local/bob", "somebody said so"),)
    book.pages = dict.fromkeys((MINE, OTHERS), "rel=me: a.example ↔ b.example")
    assert (await said(book, "persons")).rows == (("local/ally", "local/bob", "rel=me: a.example ↔ b.example"),)


async def test_who_has_a_matrix_account_is_shown_as_that() -> None:
    book = Book()
    await said(book, "same local/ally matrix/@alice:localhost", asker())
    assert book.known == [[ME, MINE]]


@pytest.mark.parametrize("line", ["same local/ally local/bob", "different local/bob", "same local/bob matrix/@alice:localhost"])
async def test_nobody_makes_himself_another(line: str) -> None:
    book = Book()
    book.known.append([OTHERS, IdentityId(LOCAL, "robert")])
    answer = await said(book, line, asker(power=100))
    assert answer.failed and "Nothing proves that local/bob is you" in answer.text
    assert len(book.known) == 1
    assert (await said(book, "persons", asker())).text == "No persons."


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("same local/ally", "two identities"),
        ("same local/ally local/ally", "two identities"),
        ("same matrix/@a:b matrix/@c:d", "one Matrix account"),
        ("same ally bob", "no identity"),
        ("different local/ally", "stands for itself already"),
    ],
)
async def test_what_makes_no_person_is_told(line: str, words: str) -> None:
    answer = await said(Book(), line)
    assert answer.failed and words in answer.text
