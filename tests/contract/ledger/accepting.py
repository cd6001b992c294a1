"""A process that takes events until it is killed, and says after each call what it has taken."""

import asyncio
import itertools
import sys

from bridge.ledger import Ledger
from tests.contract.ledger.kit import IRC, ROOM, say, to
from tests.doubles.clock import FakeClock


async def main(url: str) -> None:
    ledger = await Ledger.connect(url, clock=FakeClock())
    for n in itertools.count():
        calls = [ledger.accept(IRC, [say(f"{n}.{m}.0"), say(f"{n}.{m}.1")], to(ROOM)) for m in range(3)]
        for accepted in asyncio.as_completed(calls):
            print(" ".join(key.id for key in (await accepted).fresh), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
