"""Double puppeting on a real homeserver: what somebody says on IRC appears as himself, and does not come back."""

from pathlib import Path

import pytest

from tests.servers.daemons import Inspircd
from tests.servers.town import CHANNEL, town

pytestmark = pytest.mark.servers


async def test_a_claimed_nick_speaks_as_the_matrix_user(tmp_path: Path, synapse_python: Path, inspircd: Inspircd) -> None:
    async with town(tmp_path, synapse_python, inspircd, double_puppet=True) as place:
        await place.bridge.command("claim", "local/al", "@alice:localhost")
        async with place.irc("al") as al:
            await al.join(CHANNEL)
            al.say(CHANNEL, "it is me")
            event = await place.admin.sees_text(place.room, "it is me")
            assert event["sender"] == "@alice:localhost"
            place.bob.say(CHANNEL, "I am somebody else")
            other = await place.admin.sees_text(place.room, "I am somebody else")
            assert other["sender"] == place.puppet("bob")
            await place.admin.say(place.room, "so I see")
            await al.hears("so I see")
            assert not [text for text in al.heard(CHANNEL) if "it is me" in text], "his own words came back to him"
            await place.bridge.command("unclaim", "local/al")
            al.say(CHANNEL, "as a puppet again")
            event = await place.admin.sees_text(place.room, "as a puppet again")
            assert event["sender"] == place.puppet("al")


async def test_without_the_second_registration_nobody_can_be_spoken_for(
    tmp_path: Path, synapse_python: Path, inspircd: Inspircd
) -> None:
    async with town(tmp_path, synapse_python, inspircd) as place:
        status, output = await place.bridge.attempt("claim", "local/al", "@alice:localhost")
        assert status == 1
        assert "registration --double-puppet" in output
