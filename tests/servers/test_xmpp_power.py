"""Who moderates, shown from a real MUC in a real Matrix room, and from the Matrix room in the MUC."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.servers.daemons import Inspircd
from tests.servers.square import ROOM, Square, square
from tests.servers.xmpp import COMPONENT, Ejabberd, Prosody, running
from tests.servers.xmpp_client import XmppClient

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="module")]
POWER = ("m.room.power_levels", "")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[Prosody, Ejabberd], ids=["prosody", "ejabberd"])
async def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, synapse_python: Path, inspircd: Inspircd
) -> AsyncIterator[Square]:
    folder, accounts = tmp_path_factory.mktemp("square"), ("juliet", "romeo", "mallory")
    async with (
        running(request.param, accounts=accounts) as server,
        square(folder, synapse_python, inspircd, server, extra="grant_moderators = true\n") as made,
    ):
        yield made


def shown(place: Square) -> set[str]:
    """The puppets of XMPP that have level 50, as people's clients see it."""
    users = place.alice.state[place.room][POWER]["content"]["users"]
    return {user for user, level in users.items() if user.startswith("@_jabber_") and level == 50}


async def empowered(place: Square, user: str, level: int) -> None:
    """By the admin of the Matrix room."""
    path = f"rooms/{place.room}/state/m.room.power_levels"
    content = await place.admin.call("GET", path)
    await place.admin.call("PUT", path, {**content, "users": {**content["users"], user: level}})


async def puppet_of(place: Square, client: XmppClient) -> str:
    mark = place.mark()
    client.say(ROOM, f"it is me {mark}")
    return str((await place.alice.sees_text(place.room, mark))["sender"])


async def test_who_moderates_the_muc_has_a_level_for_as_long(place: Square) -> None:
    juliet = await puppet_of(place, place.juliet)
    await place.alice.until(lambda: juliet in shown(place))
    async with XmppClient(place.xmpp, "romeo") as romeo:
        await romeo.join(ROOM)
        puppet = await puppet_of(place, romeo)
        assert puppet not in shown(place)
        await place.juliet.rank(ROOM, nick="romeo", role="moderator")
        await place.alice.until(lambda: shown(place) == {juliet, puppet})
        await place.juliet.rank(ROOM, nick="romeo", role="participant")
        await place.alice.until(lambda: shown(place) == {juliet})
        await place.juliet.rank(ROOM, nick="romeo", role="moderator")
        await place.alice.until(lambda: puppet in shown(place))
        await romeo.leave(ROOM)
        await place.alice.until(lambda: shown(place) == {juliet})


async def test_what_was_given_is_taken_back_over_a_kill(place: Square) -> None:
    async with XmppClient(place.xmpp, "romeo") as romeo:
        await romeo.join(ROOM)
        puppet = await puppet_of(place, romeo)
        await place.juliet.rank(ROOM, nick="romeo", role="moderator")
        await place.alice.until(lambda: puppet in shown(place))
        await place.bridge.kill()
        await place.juliet.rank(ROOM, nick="romeo", role="participant")
        await place.bridge.start()
        await place.alice.until(lambda: puppet not in shown(place))


async def test_who_moderates_on_matrix_is_a_moderator_over_there_for_as_long(place: Square) -> None:
    mark = place.mark()
    await place.alice.say(place.room, f"hello {mark}")
    await place.juliet.hears(mark)
    assert place.juliet.role(ROOM, "alice") == "participant"
    await place.juliet.rank(ROOM, jid=f"bridge@{COMPONENT}", affiliation="admin")
    await empowered(place, place.alice.user, 50)
    await place.juliet.until(lambda: place.juliet.role(ROOM, "alice") == "moderator")
    async with XmppClient(place.xmpp, "mallory") as mallory:
        await mallory.join(ROOM)
        puppet = await puppet_of(place, mallory)
        await place.alice.call("POST", f"rooms/{place.room}/ban", {"user_id": puppet})
        await place.juliet.until(lambda: "mallory" not in place.juliet.occupants[ROOM])
    await empowered(place, place.alice.user, 0)
    await place.juliet.until(lambda: place.juliet.role(ROOM, "alice") == "participant")
