"""`python -m adapters.gnusocial.demo --port N`: the stand-in alone, until interrupted. Prints who may log in."""

import argparse
import asyncio
import contextlib

from adapters.gnusocial.demo.script import PACE, accounts
from adapters.gnusocial.demo.stage import demonstrate


async def main(host: str, port: int, pace: float) -> None:
    server = await demonstrate(host, port, pace=pace)
    print(f"listening on {server.url}")
    for nick, password in accounts().items():
        print(f"  {nick}  password {password}", flush=True)
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await server.stop()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="adapters.gnusocial.demo", description="A stand-in for a GNU social server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--pace", type=float, default=PACE, help="seconds between two posts, about")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(given.host, given.port, given.pace))
