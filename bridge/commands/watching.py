"""status, trace, dead, replay, version: how it goes, where a message went, and what to do about the dead."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bridge.commands.line import Arguments
from bridge.commands.linking import channel_or_none, many, one
from bridge.commands.office import Office, Refused
from bridge.commands.render import counted
from bridge.contract.adapter import NetworkState, Phase
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.ledger.rows import Copy, Entry, Merger, State, Trace
from bridge.model.events import Message
from bridge.model.ids import HUB, ChannelId, EventKey, NetworkName
from bridge.model.permissions import Permission

_CHANNEL = Argument(name="channel", summary='only this one, "network/channel"', required=False)
LIMIT = Argument(name="limit", summary="at most so many", required=False, default="50")


def watching_words(office: Office, version: str, settings: str) -> tuple[Word, ...]:
    """`settings`: the mark of those that the bridge was started with, by which `check` knows whether it runs with others."""
    return (_status(office, version, settings), _trace(office), _dead(office), _replay(office), _version(version))


def _status(office: Office, version: str, settings: str) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        admin = asker.permission >= Permission.ADMIN
        counts = await office.counts()
        networks = [_network(office, state, admin) for state in office.networks()]
        waiting = sum(counts.get(state, 0) for state in (State.PENDING, State.LEASED, State.UNCERTAIN))
        places = f"{counted(len(office.portals()), 'room')}, {counted(len(office.links()), 'link')}"
        aside = counts.get("quarantined", 0) + counts.get("quarantined_chores", 0)
        text = f"{places}, {waiting} waiting, {counts.get(State.DEAD, 0)} dead"
        text += f', {aside} set aside (see "quarantine").' if aside else "."
        text += "".join(f"\n{channel}: {error}" for row in networks for channel, error in row["failed"].items())
        logins = {
            f"{login.network}@{login.name}": why for login, why in office.login_troubles() if admin or login.user == asker.user
        }
        text += "".join(f"\n{handle}: {why}" for handle, why in logins.items())
        return Answer(
            text=text,
            columns=("network", "state", "links open", "reason"),
            rows=tuple(
                (row["network"], row["phase"], f"{row['open']} of {row['links']}" if row["links"] else "", row["reason"] or "")
                for row in networks
            ),
            data={
                "version": version,
                "settings": settings if admin else None,
                "networks": networks,
                "logins": logins,
                "deliveries": dict(counts),
            },
        )

    return Word(name="status", summary="how the networks and the outbox are", run=run)


def _network(office: Office, state: NetworkState, admin: bool) -> dict[str, Any]:
    """Which channels and rooms have troubles is for admins: their names tell what others have linked."""
    mine = [link.channel for link in office.links() if link.channel.network == state.network]
    infos = [info for channel in mine if (info := office.opened(channel)) is not None]
    return {
        "network": state.network,
        "phase": state.phase.value,
        "reason": state.reason if admin or state.phase is not Phase.CONNECTED else None,
        "links": len(mine),
        "open": sum(info.error is None for info in infos),
        "failed": {str(info.channel): info.error for info in infos if info.error is not None} if admin else {},
    }


def _trace(office: Office) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        key = key_of(one(arguments, "event"))
        trace = await office.trace(key)
        if trace is None or not await may_see(office, asker, trace):
            raise Refused(f"Nothing is known of {key.id}.")
        return Answer(text=_about(trace), columns=_TRACE, rows=tuple(_steps(trace)), data=_trace_data(trace))

    argument = Argument(name="event", summary='a Matrix event id, or "network/id"')
    return Word(
        name="trace", summary="where each copy of a message is, since when, with which proof", run=run, arguments=(argument,)
    )


_TRACE = ("where", "state", "proof", "id", "when", "remark")


def key_of(text: str) -> EventKey:
    """An event as people name it. Raises `Refused`."""
    if text.startswith("$"):
        return EventKey(HUB, text)
    network, slash, native = text.partition("/")
    if not (network and slash and native):
        raise Refused('An event is a Matrix event id ("$…") or "network/id".')
    return EventKey(NetworkName(network), native)


async def may_see(office: Office, asker: Asker, trace: Trace) -> bool:
    """An admin sees all; others what is in a room they are in."""
    if asker.permission >= Permission.ADMIN:
        return True
    places = {copy.channel for copy in trace.copies} | ({trace.event.channel} if trace.event else set())
    rooms = {channel.id for channel in places if channel.network == HUB}
    if asker.room in rooms:
        return True
    for room in sorted(rooms):
        if await office.power(room, asker.user) is not None:
            return True
    return False


def _about(trace: Trace) -> str:
    event = trace.event
    lines = [f"{trace.key}"]
    if event is not None:
        lines.append(f"{type(event.body).__name__.lower()} by {event.author.id} in {event.channel}, {when(event.happened_at)}")
    if trace.accepted_at is not None:
        lines.append(f"taken {when(trace.accepted_at)}")
    if trace.note:
        lines.append(trace.note.strip().splitlines()[-1])
    return "\n".join(lines)


def _steps(trace: Trace) -> list[tuple[str, ...]]:
    """A row for the original, each sighting and merger, each copy, and each delivery that is no copy yet."""
    rows: list[tuple[str, ...]] = [
        (str(copy.channel), "original", "", copy.id, when(copy.at), "") for copy in trace.copies if copy.delivery is None
    ]
    rows += [(str(sighting.channel), "seen again", "", "", when(sighting.at), "") for sighting in trace.sightings]
    rows += [_merger(merger) for merger in trace.mergers]
    reasons = {entry.delivery.id: entry.reason or "" for entry in trace.entries if entry.state is State.DONE}
    rows += [_copy(copy, reasons.get(copy.delivery, "")) for copy in trace.copies if copy.delivery is not None]
    arrived = {copy.delivery for copy in trace.copies}
    return rows + [_undelivered(entry) for entry in trace.entries if entry.delivery.id not in arrived]


def _merger(merger: Merger) -> tuple[str, ...]:
    state = "parted" if merger.parted else "merged"
    return (str(merger.key.network), state, "", merger.key.id, when(merger.at), merger.reason)


def _copy(copy: Copy, reason: str) -> tuple[str, ...]:
    proof = copy.evidence.name.lower() if copy.evidence is not None else ""
    part = f"part {copy.part + 1}" if copy.part else ""
    batch = f"line {copy.line + 1} of a joined message" if copy.line is not None else ""
    return (str(copy.channel), State.DONE.value, proof, copy.id, when(copy.at), ", ".join(filter(None, (part, batch, reason))))


def _undelivered(entry: Entry) -> tuple[str, ...]:
    tried = f"tried {counted(entry.attempts, 'time')}" if entry.attempts else ""
    remark = ", ".join(filter(None, (entry.reason, tried)))
    return (str(entry.delivery.channel), entry.state.value, "", "", when(entry.due_at), remark)


def _trace_data(trace: Trace) -> dict[str, object]:
    event = trace.event
    return {
        "event": str(trace.key),
        "kind": type(event.body).__name__.lower() if event else None,
        "author": str(event.author.id) if event else None,
        "channel": str(event.channel) if event else None,
        "accepted_at": trace.accepted_at,
        "note": trace.note,
        "sightings": [{"channel": str(sighting.channel), "at": sighting.at} for sighting in trace.sightings],
        "merged": [
            {"event": str(merger.key), "reason": merger.reason, "parted": merger.parted, "at": merger.at}
            for merger in trace.mergers
        ],
        "copies": [
            {
                "channel": str(copy.channel),
                "id": copy.id,
                "original": copy.delivery is None,
                "delivery": copy.delivery,
                "part": copy.part,
                "line": copy.line,
                "proof": copy.evidence.name.lower() if copy.evidence is not None else None,
                "at": copy.at,
            }
            for copy in trace.copies
        ],
        "deliveries": [_entry_data(entry) for entry in trace.entries],
    }


def _entry_data(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.delivery.id,
        "event": str(entry.delivery.event),
        "channel": str(entry.delivery.channel),
        "author": str(entry.delivery.author.id),
        "state": entry.state.value,
        "attempts": entry.attempts,
        "due_at": entry.due_at,
        "reason": entry.reason,
    }


def _dead(office: Office) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        limit = number(one(arguments, "limit"))
        entries = await office.dead(limit, channel_or_none(office, arguments))
        rows = tuple(_dead_row(entry) for entry in entries)
        text = "" if rows else "No dead letters."
        columns = ("delivery", "to", "from", "says", "reason")
        return Answer(text=text, columns=columns, rows=rows, data=[_entry_data(entry) for entry in entries])

    return Word(
        name="dead",
        summary="deliveries that were given up, newest first",
        run=run,
        arguments=(_CHANNEL, LIMIT),
        permission=Permission.ADMIN,
    )


def _dead_row(entry: Entry) -> tuple[str, ...]:
    delivery = entry.delivery
    says = delivery.body.text.plain if isinstance(delivery.body, Message) else type(delivery.body).__name__.lower()
    excerpt = says if len(says) <= 60 else says[:59] + "…"
    return (delivery.id[:SHORT], str(delivery.channel), delivery.author.name, excerpt, entry.reason or "")


SHORT = 12
"""Digits of a delivery id that are shown, and that suffice to name it."""


def _replay(office: Office) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        named, channel = many(arguments, "delivery"), channel_or_none(office, arguments)
        if not named:
            raise Refused('Name deliveries (see "dead"), or say "all".')
        ids = None if tuple(named) == ("all",) else await _whole_ids(office, named, channel)
        entries = await office.replay(ids, channel)
        text = f"{len(entries)} put back into their lanes."
        return Answer(text=text, data=[_entry_data(entry) for entry in entries], failed=not entries and ids is not None)

    delivery = Argument(name="delivery", summary='from "dead"; the first digits suffice; or "all"', required=False, many=True)
    return Word(
        name="replay",
        summary="tries dead letters again, at the end of their lanes",
        run=run,
        arguments=(delivery, _CHANNEL),
        permission=Permission.ADMIN,
    )


async def _whole_ids(office: Office, named: Sequence[str], channel: ChannelId | None) -> list[str]:
    """Shortened ids made whole. Raises `Refused` where one names none or several dead letters."""
    short = [name for name in named if len(name) < 32]
    known = [entry.delivery.id for entry in await office.dead(100_000, channel)] if short else []
    whole = [name for name in named if len(name) >= 32]
    for name in short:
        found = [id for id in known if id.startswith(name.lower())]
        if len(found) != 1:
            raise Refused(f"{name}: {'several' if found else 'no'} dead letters begin so.")
        whole += found
    return whole


def number(text: str) -> int:
    """The value of `LIMIT`. Raises `Refused`."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= 10_000):
        raise Refused("limit is a number from 1 to 10000.")
    return int(text)


def when(at: datetime | None) -> str:
    """As tables show times."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _version(version: str) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        return Answer(text=f"unabridged {version}", data={"version": version})

    return Word(name="version", summary="which version is running", run=run, permission=Permission.RELAY)
