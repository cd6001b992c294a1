"""Logs in to a running demo with the password it printed, as a stranger would: a line goes each way, and the timeline fills."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.servers.clients import IrcClient, MatrixClient

FACTS = Path(".unabridged/demo.json")
SET_UP_SECONDS = 600.0


async def facts() -> dict[str, Any]:
    """What the demo published, once its bridge answers `/ready`."""
    async with asyncio.timeout(SET_UP_SECONDS), aiohttp.ClientSession() as session:
        while True:
            if FACTS.exists():
                found: dict[str, Any] = json.loads(FACTS.read_text())
                try:
                    async with session.get(f"{found['bridge']}/ready") as answer:
                        if answer.status == 200:
                            return found
                except aiohttp.ClientError:
                    pass
            await asyncio.sleep(0.5)


async def login(homeserver: str, user: str, password: str) -> str:
    body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password}
    async with aiohttp.ClientSession() as session, session.post(f"{homeserver}/_matrix/client/v3/login", json=body) as answer:
        return str((await answer.json())["access_token"])


async def smoke() -> None:
    demo = await facts()
    token = await login(demo["homeserver"], demo["user_id"], demo["password"])
    room = demo["rooms"]["#lobby:localhost"]
    mark = f"{time.time():.0f}"
    async with (
        MatrixClient(demo["homeserver"], token) as matrix,
        IrcClient(demo["irc"]["host"], demo["irc"]["port"], "stranger") as irc,
    ):
        await irc.join("#lobby")
        irc.say("#lobby", f"hello from IRC {mark}")
        event = await matrix.sees_text(room, f"hello from IRC {mark}")
        assert event["sender"] == "@_local_stranger:localhost", event["sender"]
        await matrix.say(room, f"hello from Matrix {mark}")
        line = await irc.hears(f"hello from Matrix {mark}")
        assert "admin" in line, line
        timeline = demo["rooms"]["#timeline:localhost"]
        await matrix.sees(timeline, lambda event: event["sender"].startswith("@_social_") and "body" in event["content"], 120)
    print("carried a line each way, and saw a post in the timeline")


if __name__ == "__main__":
    asyncio.run(smoke())
