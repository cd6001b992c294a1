"""What was set aside is shown to the operator, and tried again when he says so."""

from collections.abc import Sequence

from bridge.commands.desk import Desk
from bridge.commands.quarantine import Held, quarantine_words
from bridge.contract.words import Answer, Asker
from bridge.model.permissions import Permission
from tests.unit.commands.office import ADMIN, AT, asker


class SmallWard:
    """A quarantine of two."""

    def __init__(self) -> None:
        self.inside = [
            Held(id="local/w1", what="event", where="local/#lobby", reason="KeyError: 'x'", at=AT),
            Held(id="$power", what="power", where="!room:localhost", reason="the homeserver failed (500)"),
        ]
        self.released: list[str] = []

    async def held(self, limit: int) -> Sequence[Held]:
        return self.inside[:limit]

    async def release(self, held: Held) -> None:
        self.released.append(held.id)


async def say(ward: SmallWard, word: str, *arguments: str, by: Asker = ADMIN) -> Answer:
    return await Desk(quarantine_words(ward)).ask(by, word, arguments)


async def test_quarantine_shows_what_is_inside_and_why() -> None:
    answer = await say(SmallWard(), "quarantine")
    assert answer.rows == (
        ("local/w1", "event", "local/#lobby", "2026-01-02 03:04:05 UTC", "KeyError: 'x'"),
        ("$power", "power", "!room:localhost", "", "the homeserver failed (500)"),
    )
    assert len((await say(SmallWard(), "quarantine", "1")).rows) == 1


async def test_an_empty_quarantine_says_so() -> None:
    ward = SmallWard()
    ward.inside.clear()
    assert (await say(ward, "quarantine")).text == "Nothing is set aside."


async def test_release_tries_one_or_all_again() -> None:
    ward = SmallWard()
    answer = await say(ward, "release", "$power")
    assert (ward.released, answer.text) == (["$power"], "1 thing tried again; what fails once more is back in quarantine.")
    await say(ward, "release", "all")
    assert ward.released == ["$power", "local/w1", "$power"]


async def test_release_of_what_is_not_inside_releases_nothing() -> None:
    ward = SmallWard()
    answer = await say(ward, "release", "$power", "$other")
    assert answer.failed and "$other" in answer.text
    assert ward.released == []
    assert (await say(ward, "release")).failed


async def test_only_admins_look_inside() -> None:
    assert (await say(SmallWard(), "quarantine", by=asker(Permission.USER))).failed
    assert (await say(SmallWard(), "release", "all", by=asker(Permission.USER))).failed
