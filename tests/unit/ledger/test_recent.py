import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bridge.ledger.recent import Lru, Remembered


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans())), st.integers(1, 5))
def test_the_last_used_are_kept_and_no_more(uses: list[tuple[int, bool]], size: int) -> None:
    memory: Lru[int, str] = Lru(size)
    model: list[int] = []
    for key, put in uses:
        if put or key in model:
            if put:
                memory.put(key, str(key))
            else:
                assert memory.get(key) == str(key)
            model = [*(one for one in model if one != key), key][-size:]
        else:
            assert memory.get(key) is None
    assert len(memory) == len(model)
    assert all(key in memory for key in model)


async def test_a_read_that_a_write_overtook_is_not_remembered() -> None:
    memory: Remembered[str, int] = Remembered(4)
    started, release = asyncio.Event(), asyncio.Event()

    async def slow() -> int:
        started.set()
        await release.wait()
        return 1

    async def fast() -> int:
        return 3

    reading = asyncio.ensure_future(memory.read("a", slow))
    await started.wait()
    memory.change("a", lambda old: old + 1)
    release.set()
    assert await reading == 1
    assert await memory.read("a", fast) == 3
    memory.write("a", 4)
    assert await memory.read("a", fast) == 4
    memory.forget("a")
    assert await memory.read("a", fast) == 3


async def test_nothing_is_remembered_as_nothing() -> None:
    memory: Remembered[str, int | None] = Remembered(4)
    asked = 0

    async def load() -> None:
        nonlocal asked
        asked += 1

    assert [await memory.read("a", load) for _ in range(3)] == [None] * 3
    assert asked == 1
    memory.clear()
    await memory.read("a", load)
    assert asked == 2
