"""Who may say which word, and what is answered to what is no word."""

import pytest

from bridge.commands.desk import Desk
from bridge.commands.line import Said
from bridge.commands.office import Refused
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import NetworkName
from bridge.model.permissions import Permission
from tests.unit.commands.office import ADMIN, asker

pytestmark = pytest.mark.asyncio


async def echo(asker: Asker, arguments: object) -> Answer:
    return Answer(text=f"{asker.user} {arguments}")


async def refuse(asker: Asker, arguments: object) -> Answer:
    raise Refused("Not today.")


async def lose(asker: Asker, arguments: object) -> Answer:
    raise OSError("gone")


NICK = Word(name="nick", summary="changes the nick", run=echo, arguments=(Argument(name="to", summary="the new one"),))
CORE = (
    Word(name="status", summary="how it goes", run=echo),
    Word(name="link", summary="links", run=echo, arguments=(Argument(name="channel", summary="which"),), room_power=50),
    Word(name="dead", summary="the dead", run=refuse, permission=Permission.ADMIN),
    Word(name="lost", summary="loses", run=lose),
)


@pytest.fixture
def desk() -> Desk:
    only = Word(name="motd", summary="the message of the day", run=echo)
    return Desk(CORE, {NetworkName("one"): (NICK, only), NetworkName("two"): (NICK,)})


async def hear(desk: Desk, text: str, who: Asker | None = None, plainly: bool = False) -> Answer | None:
    return await desk.hear(who or asker(), Said(text, plainly))


async def test_a_word_runs_for_whoever_said_it(desk: Desk) -> None:
    answer = await hear(desk, "STATUS")
    assert answer == Answer(text="@alice:localhost {}")


async def test_a_misspelt_word_is_told_the_nearest(desk: Desk) -> None:
    answer = await hear(desk, "staus")
    assert answer == Answer(text='There is no word "staus"; did you mean "status"?', failed=True)


async def test_a_word_of_some_other_bot_is_met_with_silence(desk: Desk) -> None:
    assert await hear(desk, "weather in Berlin") is None
    assert await hear(desk, "   ") is None


async def test_asked_plainly_there_is_always_an_answer(desk: Desk) -> None:
    weather = await hear(desk, "weather", plainly=True)
    assert weather is not None
    assert weather.text == 'There is no word "weather"; "help" lists the words'
    empty = await hear(desk, "", plainly=True)
    assert empty is not None
    assert ("status", "how it goes") in empty.rows


async def test_permission_is_checked_before_arguments(desk: Desk) -> None:
    answer = await hear(desk, "dead with too many arguments")
    assert answer == Answer(text='"dead" needs the permission "admin"; yours is "user".', failed=True)


@pytest.mark.parametrize(("power", "failed"), [(0, True), (49, True), (50, False), (None, True)])
async def test_a_word_for_the_powerful_needs_power_in_the_room(desk: Desk, power: int | None, failed: bool) -> None:
    answer = await hear(desk, "link x", asker(power=power))
    assert answer is not None
    assert answer.failed is failed
    if failed:
        assert answer.text == f'"link" needs power level 50 in this room; yours is {power or 0}.'


async def test_an_admin_needs_no_power(desk: Desk) -> None:
    answer = await hear(desk, "link x", asker(Permission.ADMIN, power=0))
    assert answer is not None
    assert not answer.failed


async def test_what_goes_wrong_is_an_answer_in_plain_words(desk: Desk) -> None:
    assert await desk.ask(ADMIN, "dead", []) == Answer(text="Not today.", failed=True)
    assert await desk.ask(ADMIN, "lost", {}) == Answer(text="gone", failed=True)
    assert await desk.ask(ADMIN, "link", {}) == Answer(text="CHANNEL is missing. Usage: link CHANNEL", failed=True)


async def test_a_networks_word_is_said_after_its_name(desk: Desk) -> None:
    assert await desk.ask(ADMIN, "one", ["nick", "x"]) == Answer(text="terminal {'to': 'x'}")


async def test_a_word_that_one_network_has_needs_no_name(desk: Desk) -> None:
    assert (await desk.ask(ADMIN, "motd", [])).failed is False


async def test_a_word_that_several_networks_have_is_not_guessed(desk: Desk) -> None:
    answer = await desk.ask(ADMIN, "nick", ["x"])
    assert answer == Answer(text='Several networks have that word: say "one nick" or "two nick".', failed=True)


async def test_a_network_without_that_word_tells_those_it_has(desk: Desk) -> None:
    assert await desk.ask(ADMIN, "one", ["nik"]) == Answer(text="The words of one are: motd, nick.", failed=True)


async def test_help_shows_only_what_one_may_say(desk: Desk) -> None:
    words = {row[0] for row in (await desk.ask(asker(), "help", [])).rows}
    assert words == {"help", "status", "link", "lost", "one nick", "one motd", "two nick"}
    assert {"dead"} <= {row[0] for row in (await desk.ask(ADMIN, "help", [])).rows}


async def test_help_explains_a_word(desk: Desk) -> None:
    answer = await desk.ask(asker(), "help", ["link"])
    assert answer.text == "links\nUsage: link CHANNEL\nNeeds the permission user and power level 50 in the room."
    assert answer.rows == (("CHANNEL", "which"),)
    assert (await desk.ask(asker(), "help", ["one", "nick"])).text.startswith("changes the nick\nUsage: nick TO\n")
    assert (await desk.ask(asker(), "help", ["linkk"])).text == 'There is no word "linkk"; did you mean "link"?'
