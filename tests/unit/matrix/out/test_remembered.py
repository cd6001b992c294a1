"""On the real ledger: what was set up once is not set up again, and ten thousand puppets cost little memory."""

import tracemalloc
from pathlib import Path

from bridge.ledger.ledger import Ledger
from bridge.ledger.rows import PuppetRow
from bridge.matrix.reactions import ReactionBook
from bridge.model.events import Reactions, Ref
from bridge.model.ids import HUB, EventKey
from tests.doubles.clock import FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.matrix.out.notebook import Notebook
from tests.unit.matrix.out.rig import CAROL, Rig, carol, target
from tests.unit.matrix.out.test_books import reaction, redaction


async def test_over_a_restart_a_known_puppet_speaks_and_takes_back_reactions(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        url = f"sqlite:///{tmp_path}/ledger.db"
        ref = Ref(key=EventKey(HUB, "$x"))
        ledger = await Ledger.connect(url, clock=FakeClock())
        async with Rig(hs, memory=ledger) as rig:
            room = await rig.room()
            (native,) = (await rig.outlet.deliver(rig.delivery(room, "one"))).ids
            await rig.outlet.deliver(rig.delivery(room, Reactions(target=ref, keys=("👍", "🎉")), target=target(native)))
        await ledger.close()
        ledger = await Ledger.connect(url, clock=FakeClock())
        async with Rig(hs, memory=ledger, number=100) as rig:
            before = hs.calls.total()
            await rig.outlet.deliver(rig.delivery(room, "two"))
            assert hs.calls.total() == before + 1
            await rig.outlet.deliver(rig.delivery(room, Reactions(target=ref, keys=("🎉",)), target=target(native)))
            assert hs.calls.total() == before + 2
            assert rig.last(room)["type"] == "m.room.redaction" and rig.last(room)["sender"] == CAROL
        await ledger.close()


async def test_over_a_restart_the_same_reaction_again_is_the_same_set(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.connect(url, clock=FakeClock())
    book = ReactionBook(ledger)
    await book.note(reaction("$1", "👍", at=1))
    await book.note(reaction("$2", "🎉", at=2))
    await book.note(redaction("$1"))
    await ledger.close()
    ledger = await Ledger.connect(url, clock=FakeClock())
    again = await ReactionBook(ledger).note(redaction("$1"))
    assert again is not None and again.others == ("🎉",)
    await ledger.close()


async def test_ten_thousand_known_puppets_in_memory_are_ten_megabytes_at_most() -> None:
    memory = Notebook()
    people = [carol(name=f"Person {number}", id=f"person{number}") for number in range(10_000)]
    async with FakeHomeserver() as hs, Rig(hs, memory=memory) as rig:
        for person in people:
            user = rig.puppets.user_of(person.id)
            row = PuppetRow(user=user, identity=person.id, registered=True, name=f"{person.name} (local)")
            await memory.save_puppet(row)
            await memory.save_member("!room", user, "join")
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for person in people:
            await rig.puppets.enter(await rig.puppets.ensure(person), "!room")
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert hs.calls.total() == 0
        assert after - before < 10 * 2**20
