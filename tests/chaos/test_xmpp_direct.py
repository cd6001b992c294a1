"""`kill -9` of the bridge, Prosody and Synapse while one chat is streamed through: as the gateway, and with an account.

Not part of `make test`: asked for by `--kills` above its default, as `make chaos` does.
"""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from msgspec import Struct, field
from slixmpp.exceptions import IqError

from bridge.demo.synapse import Synapse
from tests.chaos.blows import BLOWS, Blow, Kept, Note, Struck, rest, speaks, times
from tests.chaos.conftest import Force
from tests.chaos.tally import judge, seen
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import MatrixClient
from tests.servers.daemons import free_port
from tests.servers.xmpp import COMPONENT, HOST, Prosody, XmppServer
from tests.servers.xmpp_client import XmppClient

LINES = 500
PATIENCE = 120.0
WINDOW = 20
"""Lines that juliet has under way at a time."""
JULIET, ROMEO = f"juliet@{HOST}", f"romeo@{HOST}"
ALICE = rf"alice\3alocalhost@{COMPONENT}"
PUPPET_OF = f"@_jabber_{{}}=40{HOST}:localhost"
RECEIVED = "{urn:xmpp:receipts}received"
REQUEST = "{urn:xmpp:receipts}request"
PING = "{urn:xmpp:ping}ping"

pytestmark = [pytest.mark.servers, BLOWS]


class Chat(Struct):
    """alice, on Matrix, and juliet, on XMPP, who writes to the address `to`."""

    synapse: Synapse
    xmpp: XmppServer
    bridge: BridgeProcess
    alice: MatrixClient
    juliet: XmppClient
    to: str
    room: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def mark(self) -> str:
        """A word that stands in no other message."""
        return f"mark{next(self.numbers)}x"

    def say(self, text: str) -> str:
        return self.juliet.say(self.to, text, Element(REQUEST), kind="chat")

    async def both_hear(self) -> None:
        """It carries both ways again; what was said before has gone before."""
        if not self.juliet.connected:
            await self.juliet.reconnect()
        await self.is_there()
        mark = self.mark()
        await self.alice.say(self.room, f"{mark} out")
        await self.juliet.hears(f"{mark} out", PATIENCE)
        self.say(f"{mark} in")
        await self.alice.sees_text(self.room, f"{mark} in", PATIENCE)

    async def is_there(self) -> None:
        """Returns once `to` answers; an account without anybody there is answered for by its server."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await self.juliet.ask(self.to, "get", Element(PING))
                    return
                except IqError as error:
                    if self.to == ROMEO and error.condition == "service-unavailable":
                        return


@asynccontextmanager
async def chat(folder: Path, python: Path, *, account: bool, others: Sequence[str] = ()) -> AsyncIterator[Chat]:
    """`others` have accounts, too."""
    async with AsyncExitStack() as stack:
        own = stack.enter_context(tempfile.TemporaryDirectory(prefix="unabridged-"))
        xmpp = Prosody(Path(own) / "xmpp", accounts=("juliet", "romeo", *others))
        await xmpp.start()
        stack.push_async_callback(xmpp.stop)
        synapse = Synapse(python, folder / "synapse", port=free_port())
        bridge = BridgeProcess(folder / "bridge", homeserver=synapse.url)
        xmpp.serve(bridge)
        synapse.write([await bridge.registration()])
        await synapse.start()
        stack.push_async_callback(synapse.stop)
        token = await synapse.user("alice", "secret")
        await bridge.start()
        stack.push_async_callback(bridge.stop)
        alice = await stack.enter_async_context(MatrixClient(synapse.url, token))
        juliet = await stack.enter_async_context(XmppClient(xmpp, "juliet"))
        if account:
            await bridge.log_in("jabber", alice.user, ROMEO, "romeo"[::-1])
        made = Chat(synapse, xmpp, bridge, alice, juliet, ROMEO if account else ALICE)
        await made.is_there()
        made.say("hello")
        made.room = await alice.enter(PUPPET_OF.format("juliet"))
        await alice.sees_text(made.room, "hello")
        yield made


@pytest.mark.parametrize("account", [False, True], ids=["gateway", "account"])
async def test_direct_from_matrix(
    tmp_path: Path, synapse_python: Path, force: Force, kills: int, note: Note, blow: Blow, account: bool
) -> None:
    """What counts is what juliet's archive has."""
    async with chat(tmp_path, synapse_python, account=account) as place:
        in_room, kept = seen(place.alice, place.room), Kept(place.juliet, JULIET)
        for turn in range(times(blow, kills)):
            await rest(place, turn)
            await place.both_hear()
            numbers = list(range(turn * LINES, (turn + 1) * LINES))
            struck = Struck(blow, force.chance, LINES)
            await asyncio.gather(speaks(place.alice, place.room, numbers, struck), struck.strike(place))
            await place.alice.until(lambda numbers=numbers: in_room.has(set(numbers)))  # type: ignore[misc]
            await place.both_hear()
            verdict = judge(list(dict.fromkeys(in_room.among(set(numbers)))), await kept.read())
            note(blow.__name__, verdict)
            assert verdict.clean, f"turn {turn}, seed {force.seed}: {verdict}"


async def test_direct_to_the_gateway(
    tmp_path: Path, synapse_python: Path, force: Force, kills: int, note: Note, blow: Blow
) -> None:
    """What counts is what juliet got a receipt for; the rest may be lost, and is never doubled."""
    async with chat(tmp_path, synapse_python, account=False) as place:
        in_room = seen(place.alice, place.room)
        for turn in range(times(blow, kills)):
            await rest(place, turn)
            await place.both_hear()
            numbers = list(range(turn * LINES, (turn + 1) * LINES))
            struck = Struck(blow, force.chance, LINES)
            asked, _ = await asyncio.gather(juliet_asks(place, numbers, struck), struck.strike(place))
            await place.both_hear()
            confirmed = receipts(place.juliet)
            unproven = frozenset(number for id, number in asked.items() if id not in confirmed)
            verdict = judge(numbers, in_room, missable=unproven)
            note(blow.__name__, verdict)
            assert verdict.clean, f"turn {turn}, seed {force.seed}: {verdict}"
            assert not verdict.repeats, "a homeserver can be asked: nothing is ever sent there twice"
            assert len(unproven) <= WINDOW * 3, f"turn {turn}, seed {force.seed}: {len(unproven)} lines without a receipt"


async def juliet_asks(place: Chat, numbers: list[int], struck: Struck) -> dict[str, int]:
    """She goes on while few lines lack their receipt, and waits where her program says that something went wrong."""
    juliet, asked, settled = place.juliet, dict[str, int](), set[str]()
    read = len(juliet.heard)

    def catch_up() -> bool:
        """Whether something came back."""
        nonlocal read
        new, read = juliet.heard[read:], len(juliet.heard)
        settled.update(said.relates(RECEIVED) or said.id for said in new)
        return any(said.kind == "error" for said in new)

    async def begin_again() -> None:
        await struck.over.wait()
        if not juliet.connected:
            await juliet.reconnect()
        await place.is_there()
        settled.update(asked)

    for number in numbers:
        if not juliet.connected:  # since the line before this one
            await begin_again()
        asked[place.say(f"line {number}")] = number
        struck.sent(number - numbers[0])
        wrong = False

        def under_way() -> bool:
            nonlocal wrong
            wrong = catch_up() or not juliet.connected or wrong
            return len(asked.keys() - settled) < WINDOW or wrong or struck.over.is_set()

        over = asyncio.ensure_future(struck.over.wait())  # of what died with the bridge, nothing comes back
        going = asyncio.ensure_future(juliet.until(under_way, PATIENCE))
        await asyncio.wait((over, going), return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        going.cancel()
        await asyncio.gather(over, going, return_exceptions=True)
        if wrong or len(asked.keys() - settled) >= WINDOW:
            await begin_again()
    return asked


def receipts(juliet: XmppClient) -> set[str]:
    return {id for said in juliet.heard if (id := said.relates(RECEIVED)) is not None}


async def test_direct_to_an_account(
    tmp_path: Path, synapse_python: Path, force: Force, kills: int, note: Note, blow: Blow
) -> None:
    """What counts is what the account's archive has: its owner's phone reads it."""
    async with chat(tmp_path, synapse_python, account=True) as place, XmppClient(place.xmpp, "romeo") as phone:
        in_room, kept = seen(place.alice, place.room), Kept(phone, ROMEO)
        for turn in range(times(blow, kills)):
            await rest(place, turn)
            await place.both_hear()
            numbers = list(range(turn * LINES, (turn + 1) * LINES))
            struck = Struck(blow, force.chance, LINES)
            await asyncio.gather(juliet_insists(place, kept, numbers, struck), struck.strike(place))
            await place.both_hear()
            said = await kept.read()
            assert said.has(set(numbers)), "what the archive does not have was never said"
            verdict = judge(list(dict.fromkeys(said.among(set(numbers)))), in_room)
            note(blow.__name__, verdict)
            assert verdict.clean, f"turn {turn}, seed {force.seed}: {verdict}"
            assert not verdict.repeats, "a homeserver can be asked: nothing is ever sent there twice"


async def juliet_insists(place: Chat, kept: Kept, numbers: list[int], struck: Struck) -> None:
    """A few lines at a time; after her server was away she says again what the archive lacks."""
    juliet = place.juliet
    for start in range(0, len(numbers), WINDOW):
        missing = numbers[start : start + WINDOW]
        while missing:
            for number in missing:
                place.say(f"line {number}")
            struck.sent(missing[-1] - numbers[0])
            asked = asyncio.ensure_future(juliet.ask(HOST, "get", Element(PING)))
            lost = asyncio.ensure_future(juliet.until(lambda: not juliet.connected, PATIENCE))
            await asyncio.wait((asked, lost), return_when=asyncio.FIRST_COMPLETED)
            taken = asked.done() and asked.exception() is None
            for one in (asked, lost):
                one.cancel()
            await asyncio.gather(asked, lost, return_exceptions=True)
            if taken:
                break
            await struck.over.wait()
            await juliet.reconnect()
            said = await kept.read()
            missing = [number for number in missing if not said.has({number})]
