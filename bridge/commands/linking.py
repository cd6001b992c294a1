"""link, unlink, links: which rooms and channels are joined.

A word acts with the rights of whoever says it, never with the bridge's: whoever links or unlinks a room needs power level 50
*in that room*, wherever he says it (a check against the room he happens to sit in would let him write into any other).
"""

from collections.abc import Sequence

from bridge.commands.line import Arguments
from bridge.commands.office import Office, Refused
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import ChannelId
from bridge.model.permissions import Permission
from bridge.model.portals import Direction, Link, Portal, Source

POWER = 50
_CHANNEL = Argument(name="channel", summary='"network/channel", like local/#lobby')
_ROOM = Argument(name="room", summary="an alias or a room id; this room unless said", required=False)


def linking_words(office: Office) -> tuple[Word, ...]:
    return (_link(office), _unlink(office), _links(office))


def _link(office: Office) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        channel = office.channel(one(arguments, "channel"))
        room_id = await room_meant(office, asker, arguments)
        await may_change(office, asker, room_id)
        if any(link.channel == channel and portal.room == room_id for portal, link in _all(office)):
            raise Refused(f"{channel} is linked to this room already.")
        link = await office.link(
            room_id=room_id,
            channel=channel,
            direction=_direction(arguments),
            relay=_yes(arguments, "relay"),
            by=asker.user,
        )
        info = office.opened(channel)
        state = f", but it can't be opened: {info.error}" if info is not None and info.error else ""
        problems = "".join(f"\nBut {problem}." for problem in await office.problems(room_id))
        text = f"Linked {channel} ({link.direction.value}){state}.{problems}"
        return Answer(text=text, data=_data(office, room_id, link))

    return Word(
        name="link",
        summary="joins a room and a channel",
        run=run,
        arguments=(
            _CHANNEL,
            _ROOM,
            Argument(name="direction", summary='"in" to the room, "out" of it, or "both"', required=False),
            Argument(name="relay", summary='"yes": what comes in goes on to the room\'s other links; or "no"', required=False),
        ),
    )


def _unlink(office: Office) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        channel = office.channel(one(arguments, "channel"))
        room_id = await room_meant(office, asker, arguments)
        await may_change(office, asker, room_id)
        found = [link for portal, link in _all(office) if link.channel == channel and portal.room == room_id]
        if not found:
            raise Refused(f"{channel} is not linked to this room.")
        if found[0].source is Source.FILE:
            raise Refused(f"The link to {channel} stands in the configuration file: take it out there.")
        await office.unlink(found[0])
        return Answer(text=f"Unlinked {channel}.", data=_data(office, room_id, found[0]))

    return Word(name="unlink", summary="parts a room and a channel", run=run, arguments=(_CHANNEL, _ROOM))


def _links(office: Office) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        shown = list(_all(office))
        if "room" in arguments or asker.permission < Permission.ADMIN:
            room_id = await room_meant(office, asker, arguments)
            await may_see(office, asker, room_id)
            shown = [(portal, link) for portal, link in shown if portal.room == room_id]
        rows = tuple(
            (portal.alias or portal.room, str(link.channel), link.direction.value, _state(office, link), link.source.value)
            for portal, link in shown
        )
        text = "" if rows else "No links."
        columns = ("room", "channel", "direction", "state", "made by")
        return Answer(text=text, columns=columns, rows=rows, data=[_data(office, portal.room, link) for portal, link in shown])

    return Word(name="links", summary="the links of a room; of all rooms for an admin", run=run, arguments=(_ROOM,))


async def may_see(office: Office, asker: Asker, room_id: str) -> None:
    """Whoever asks about a room is in it, or an admin. Raises `Refused` with the words for a room that isn't there."""
    if asker.permission >= Permission.ADMIN or asker.room == room_id:
        return
    if await office.power(room_id, asker.user) is None:
        raise Refused("You are not in that room.")


async def may_change(office: Office, asker: Asker, room_id: str) -> None:
    """Whoever changes a room has the power for it there, or is an admin. Raises `Refused`."""
    if asker.permission >= Permission.ADMIN:
        return
    power = asker.room_power if asker.room == room_id else await office.power(room_id, asker.user)
    if power is None or power < POWER:
        raise Refused(f"That needs power level {POWER} in the room; yours is {power or 0}.")


async def room_meant(office: Office, asker: Asker, arguments: Arguments) -> str:
    """The room named, or the one the word was said in. Raises `Refused`."""
    if "room" in arguments:
        return await office.room_id(one(arguments, "room"))
    if asker.room is None:
        raise Refused("Which room? Name an alias or a room id.")
    return asker.room


def _all(office: Office) -> list[tuple[Portal, Link]]:
    portals = {portal.id: portal for portal in office.portals()}
    return [(portals[link.portal], link) for link in office.links() if link.portal in portals]


def _state(office: Office, link: Link) -> str:
    info = office.opened(link.channel)
    return "waiting" if info is None else info.error or "open"


def _data(office: Office, room_id: str, link: Link) -> dict[str, object]:
    portal = next((portal for portal in office.portals() if portal.room == room_id), None)
    return {
        "id": link.id,
        "room": room_id,
        "alias": portal.alias if portal else None,
        "channel": str(link.channel),
        "direction": link.direction.value,
        "relay": link.relay,
        "state": _state(office, link),
        "source": link.source.value,
    }


def one(arguments: Arguments, name: str) -> str:
    """The value of an argument that takes one."""
    value = arguments[name]
    assert isinstance(value, str)
    return value


def many(arguments: Arguments, name: str) -> Sequence[str]:
    """The values of an argument that takes many; none where it was not given."""
    value = arguments.get(name, ())
    return (value,) if isinstance(value, str) else value


def channel_or_none(office: Office, arguments: Arguments) -> ChannelId | None:
    return office.channel(one(arguments, "channel")) if "channel" in arguments else None


def _direction(arguments: Arguments) -> Direction | None:
    if "direction" not in arguments:
        return None
    try:
        return Direction(one(arguments, "direction").lower())
    except ValueError:
        raise Refused('direction is "in", "out" or "both".') from None


def _yes(arguments: Arguments, name: str) -> bool | None:
    if name not in arguments:
        return None
    said = one(arguments, name).lower()
    if said in ("yes", "true", "on"):
        return True
    if said in ("no", "false", "off"):
        return False
    raise Refused(f'{name} is "yes" or "no".')
