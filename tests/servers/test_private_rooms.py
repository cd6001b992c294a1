"""Timelines and direct chats on a real homeserver: made for one person, whatever room version it makes."""

import logging
from pathlib import Path

import pytest

from bridge.demo.synapse import Synapse
from bridge.matrix import registration
from bridge.matrix.api import Api, make_session
from bridge.matrix.private import PrivateRooms, timeline_purpose
from bridge.matrix.state import RoomStates
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import MatrixClient
from tests.servers.daemons import free_port
from tests.unit.matrix.out.notebook import Notebook

pytestmark = pytest.mark.servers

BOT, ALICE, PUPPET = "@unabridged:localhost", "@alice:localhost", "@_local_bob:localhost"


@pytest.mark.parametrize("doubles", [False, True])
async def test_rooms_for_one_person_are_made_once_and_are_theirs(tmp_path: Path, synapse_python: Path, doubles: bool) -> None:
    synapse = Synapse(synapse_python, tmp_path / "synapse", port=free_port())
    bridge = BridgeProcess(tmp_path / "bridge", homeserver=synapse.url)
    bridge.irc("127.0.0.1:1", {})
    files = [await bridge.registration()]
    await bridge.command("registration", "--double-puppet")
    files.append(bridge.folder / "double-puppet.yaml")
    synapse.write(files)
    await synapse.start()
    try:
        token = await synapse.user("alice", "secret")
        held = [registration.read(path).as_token for path in files]
        async with MatrixClient(synapse.url, token) as alice, make_session() as session:
            api = Api(session, synapse.url, held[0], bot=BOT, double_token=held[1] if doubles else None)
            memory, states = Notebook(), RoomStates(api)
            rooms = PrivateRooms(api, memory, domain="localhost", log=logging.getLogger("test"))
            await api.register("_local_bob")
            timeline = await rooms.timeline(ALICE)
            assert await rooms.timeline(ALICE) == timeline, "until it is kept, the room of the first attempt is found again"
            await rooms.keep(timeline_purpose(ALICE))
            chat = await rooms.direct("local/direct/bob@me", puppet=PUPPET, owner=ALICE)
            assert await rooms.direct("local/direct/bob@me", puppet=PUPPET, owner=ALICE) == chat
            for room in (timeline, chat):
                assert await states.expects(room, ALICE)
                assert await states.is_private(room)
                if not doubles:
                    await alice.join(room)
                assert (await states.power_of(room, ALICE) or 0) >= 100
            assert {BOT, PUPPET, ALICE} == await api.joined(chat)
            if doubles:
                directs = await alice.call("GET", f"user/{ALICE}/account_data/m.direct")
                assert directs == {PUPPET: [chat]}
            await api.redact(chat, await alice.say(chat, "secret"), "hide")
    finally:
        await synapse.stop()
