"""Reactions: on Matrix one event for each key, with us one whole set for each author. These two books keep the difference."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bridge.matrix.convert import Reacted
from bridge.matrix.ports import Memory

_MOST_ON_ONE_EVENT = 500


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    sender: str
    key: str
    at: int
    gone: bool = False


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Entry).decode


class ReactionBook:
    """What people reacted with. Noting the same event again changes nothing, so it may be noted before the event is accepted."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def note(self, raw: Mapping[str, Any]) -> Reacted | None:
        """For an `m.reaction` or the redaction of one; None for anything else, a malformed one too."""
        content, native = raw.get("content"), raw.get("event_id")
        if not isinstance(content, dict) or not isinstance(native, str):
            return None
        if raw.get("type") == "m.reaction":
            return await self._added(raw, content, native)
        target = content.get("redacts") or raw.get("redacts")
        return await self._taken(target) if isinstance(target, str) else None

    async def _added(self, raw: Mapping[str, Any], content: Mapping[str, Any], native: str) -> Reacted | None:
        relation, sender, at = content.get("m.relates_to"), raw.get("sender"), raw.get("origin_server_ts")
        if not isinstance(relation, dict) or not isinstance(sender, str):
            return None
        target, key = relation.get("event_id"), relation.get("key")
        if not isinstance(target, str) or not isinstance(key, str):
            return None
        entries = await self._entries(target)
        if native not in entries and len(entries) < _MOST_ON_ONE_EVENT:
            entries[native] = _Entry(sender, key, at if isinstance(at, int) else 0)
            await self._memory.save_fact("reaction", native, target)
            await self._memory.save_fact(f"reactions:{target}", native, _encode(entries[native]).decode())
        return Reacted(sender=sender, target=target, others=_keys(entries, sender, native))

    async def _taken(self, native: str) -> Reacted | None:
        target = await self._memory.fact("reaction", native)
        if not target:
            return None
        entries = await self._entries(target)
        entry = entries.get(native)
        if entry is None:
            return None
        if not entry.gone:
            entries[native] = msgspec.structs.replace(entry, gone=True)
            await self._memory.save_fact(f"reactions:{target}", native, _encode(entries[native]).decode())
        return Reacted(sender=entry.sender, target=target, others=_keys(entries, entry.sender, native))

    async def _entries(self, target: str) -> dict[str, _Entry]:
        return {native: _decode(value) for native, value in (await self._memory.facts(f"reactions:{target}")).items()}


def _keys(entries: Mapping[str, _Entry], sender: str, without: str) -> tuple[str, ...]:
    live = [(entry.at, native, entry.key) for native, entry in entries.items() if entry.sender == sender and not entry.gone]
    return tuple(dict.fromkeys(key for _, native, key in sorted(live) if native != without))


class SentReactions:
    """What our puppets reacted with: by user and key, the event that says so."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def of(self, target: str, user: str) -> dict[str, str]:
        facts = await self._memory.facts(f"sent-reactions:{target}")
        split = ((name.partition(" "), native) for name, native in facts.items() if native)
        return {key: native for (who, _, key), native in split if who == user}

    async def sent(self, target: str, user: str, key: str, native: str) -> None:
        await self._memory.save_fact(f"sent-reactions:{target}", f"{user} {key}", native)

    async def redacted(self, target: str, user: str, native: str) -> None:
        for key, known in (await self.of(target, user)).items():
            if known == native:
                await self._memory.save_fact(f"sent-reactions:{target}", f"{user} {key}", None)
