"""outfeed: a timeline room read outside Matrix, as Atom and as JSON Feed, by whoever has its address."""

from typing import Protocol

from msgspec import Struct

from bridge.commands.line import Arguments
from bridge.commands.linking import may_change, one, room_meant
from bridge.commands.office import Office, Refused
from bridge.commands.render import counted
from bridge.config.problems import nearest
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.portals import Portal, PortalKind

_DOES = ("show", "on", "off", "new-address")


class Outfeed(Struct, frozen=True, kw_only=True):
    """How a room is read outside. Empty `addresses`: not at all."""

    addresses: tuple[str, ...] = ()
    subscribers: int = 0


class Outfeeds(Protocol):
    """What this word needs of the running bridge."""

    @property
    def can(self) -> bool:
        """Whether strangers can reach us at all."""
        ...

    async def outfeed(self, portal: Portal) -> Outfeed: ...

    async def turn(self, portal: Portal, *, on: bool) -> None:
        """From now on it can be read outside, or no more; its settings no longer decide."""
        ...

    async def move(self, portal: Portal) -> None:
        """To a new address: the old one is dead, and whoever subscribed there hears no more."""
        ...


def outfeed_words(office: Office, outfeeds: Outfeeds) -> tuple[Word, ...]:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        does = one(arguments, "does").lower()
        if does not in _DOES:
            raise Refused(f'"outfeed" takes one of {", ".join(_DOES)}{nearest(does, _DOES)}.')
        room_id = await room_meant(office, asker, arguments)
        await may_change(office, asker, room_id)
        portal = next((portal for portal in office.portals() if portal.room == room_id), None)
        if portal is None or portal.kind is not PortalKind.TIMELINE:
            raise Refused("Only a timeline room can be read outside.")
        if not outfeeds.can:
            raise Refused("Nobody outside can reach the bridge: bridge.public_listen and bridge.public_address are not set.")
        if does in ("on", "off"):
            await outfeeds.turn(portal, on=does == "on")
        elif does == "new-address":
            if not (await outfeeds.outfeed(portal)).addresses:
                raise Refused('This room is not read outside: "outfeed on" begins it.')
            await outfeeds.move(portal)
        return _told(await outfeeds.outfeed(portal), does)

    does = Argument(name="does", summary=f"one of {', '.join(_DOES)}", required=False, default="show")
    room = Argument(name="room", summary="an alias or a room id; this room unless said", required=False)
    summary = "public posts of a timeline room, as Atom and JSON Feed for whoever has the address"
    return (Word(name="outfeed", summary=summary, run=run, arguments=(does, room)),)


def _told(outfeed: Outfeed, does: str) -> Answer:
    data = {"addresses": list(outfeed.addresses), "subscribers": outfeed.subscribers}
    if not outfeed.addresses:
        return Answer(text="This room is not read outside.", data=data)
    said = {
        "on": "Whoever has one of these addresses reads the public posts of this room:",
        "new-address": "The old addresses are dead. The new ones:",
    }.get(does, "Whoever has one of these addresses reads the public posts of this room:")
    pushed = f"\n{counted(outfeed.subscribers, 'subscriber')} of its hub." if outfeed.subscribers else ""
    return Answer(text="\n".join([said, *outfeed.addresses]) + pushed, data=data)
