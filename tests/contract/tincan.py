"""A server of the made-up network of docs/tutorial.md, which misbehaves when told to."""

import asyncio
import contextlib
import json
from typing import Any


class Can:
    """`next_time` says what becomes of the next thing said: "busy", "refuse" or "hang up" (said, but not answered)."""

    def __init__(self) -> None:
        self.port = 0
        self.said: list[dict[str, Any]] = []
        self.got: set[int] = set()
        self.connections: list[asyncio.StreamWriter] = []
        self.picked_up: dict[asyncio.StreamWriter, set[str]] = {}
        self.next_time = ""
        self._server: asyncio.Server | None = None

    @classmethod
    async def start(cls) -> "Can":
        can = cls()
        can._server = await asyncio.start_server(can._serve, "127.0.0.1", 0)
        can.port = can._server.sockets[0].getsockname()[1]
        return can

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        for writer in list(self.connections):
            writer.close()

    def say(self, can: str, who: str, name: str, text: str, *, tag: str | None = None, by: object = None) -> None:
        """`by` is the connection that gets the tag."""
        said = {"on": "said", "number": len(self.said) + 1, "can": can, "who": who, "as": name, "text": text}
        self.said.append(said)
        for writer in self.connections:
            if can in self.picked_up[writer]:
                self._write(writer, said | ({"tag": tag} if writer is by and tag else {}))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        self.picked_up[writer] = set()
        account = ""
        try:
            while line := await reader.readline():
                asked = json.loads(line)
                if asked["do"] == "hello":
                    account = asked["account"]
                elif asked["do"] == "got":
                    self.got.add(asked["number"])
                elif asked["do"] == "pick up":
                    self._pick_up(writer, asked["can"])
                else:
                    self._hear(writer, account, asked)
        except ConnectionError:
            pass
        finally:
            self.connections.remove(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _pick_up(self, writer: asyncio.StreamWriter, can: str) -> None:
        self._write(writer, {"on": "picked up", "can": can})
        if can not in self.picked_up[writer]:
            self.picked_up[writer].add(can)
            for said in self.said:
                if said["can"] == can and said["number"] not in self.got:
                    self._write(writer, said)

    def _hear(self, writer: asyncio.StreamWriter, account: str, asked: dict[str, Any]) -> None:
        how, self.next_time = self.next_time, ""
        no = {"on": "no", "can": asked["can"], "tag": asked["tag"], "why": "the string is cut"}
        if how == "busy":
            self._write(writer, no | {"later": 1.0})
        elif how == "refuse" or asked["can"] not in self.picked_up[writer] or len(asked["text"]) > 280:
            self._write(writer, no)
        elif how == "hang up":
            self.picked_up[writer].clear()
            self.say(asked["can"], account, asked["as"], asked["text"])
            writer.close()
        else:
            self.say(asked["can"], account, asked["as"], asked["text"], tag=asked["tag"], by=writer)

    @staticmethod
    def _write(writer: asyncio.StreamWriter, said: dict[str, Any]) -> None:
        if not writer.is_closing():
            writer.write(json.dumps(said).encode() + b"\n")
