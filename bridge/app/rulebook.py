"""Rules of timeline rooms: the file's and those made by words, as planning asks for them and words change them."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec

from bridge.app.following import Timelines
from bridge.app.ground import Ground
from bridge.app.networks import Networks
from bridge.app.switchboard import Switchboard
from bridge.commands.calming import Kept, is_move
from bridge.commands.office import Refused
from bridge.contract.toolbox import Clock
from bridge.contract.words import Asker
from bridge.ledger.ledger import Ledger
from bridge.matrix.ports import Turns
from bridge.matrix.state import RoomStates
from bridge.model.ids import HUB, IdentityId
from bridge.model.portals import HERE, NOWHERE, Portal, PortalKind, Rule
from bridge.routing.rules import BadRule, Rules, Standing
from bridge.text.pattern import folded

_RULES = "rules"
MOST = 200
"""Rules and mutes of one room that are made by words."""
MOST_PATTERNS = 20
_MOST_MEMBERS = 2_000
"""Of a room, that are looked through for a name."""
_DECODER = msgspec.json.Decoder(list[Kept])
_Made: TypeAlias = tuple[tuple[Kept, ...], tuple[Rule, ...]]


class RuleBook:
    """`rules` is asked from the ledger's thread: what it gives is made here and never changed."""

    def __init__(self, ledger: Ledger, switchboard: Switchboard, clock: Clock, log: logging.Logger) -> None:
        self._ledger = ledger
        self._switchboard = switchboard
        self._clock = clock
        self._log = log
        self._kept: dict[int, tuple[Kept, ...]] = {}
        self._rules: Mapping[int, Rules] = {}
        self._made: dict[int, _Made] = {}
        self._turns: Turns[int] = Turns()

    @classmethod
    async def load(cls, ground: Ground) -> "RuleBook":
        """As it was kept."""
        book = cls(ground.ledger, ground.switchboard, ground.clock, logging.getLogger("unabridged.rules"))
        for name, stored in (await ground.ledger.facts(_RULES)).items():
            try:
                book._kept[int(name)] = tuple(_DECODER.decode(stored))
            except (msgspec.DecodeError, ValueError):
                book._log.error("the rules of portal %s can't be read, and are not followed", name)
        ground.switchboard.tell(book._remake)
        book._remake()
        return book

    def rules(self, portal: Portal) -> Rules | None:
        """None: the room has none."""
        return self._rules.get(portal.id)

    def kept(self, portal: Portal) -> Sequence[Kept]:
        now = self._clock.now()
        return [kept for kept in self._kept.get(portal.id, ()) if kept.until is None or kept.until > now]

    async def keep(self, portal: Portal, rule: Rule, *, until: datetime | None, mute: bool, by: str) -> Kept:
        """From now on. Raises `Refused`."""
        try:
            await asyncio.to_thread(Standing, rule)
        except BadRule as error:
            raise Refused(f"That is no rule: {error}.") from None
        async with self._turns.of(portal.id):
            before = self.kept(portal)
            if len(before) >= MOST:
                raise Refused(f"This room has {MOST} rules already: take one away first.")
            if rule.pattern and sum(bool(kept.rule.pattern) for kept in before) >= MOST_PATTERNS:
                raise Refused(f"This room has {MOST_PATTERNS} patterns already: take one away first.")
            number = max((kept.number for kept in self._kept.get(portal.id, ())), default=0) + 1
            kept = Kept(number=number, rule=rule, until=until, mute=mute, by=by)
            await self._save(portal, (*(one for one in before if not mute or one.rule != rule), kept))
            return kept

    async def drop(self, portal: Portal, gone: Kept) -> None:
        async with self._turns.of(portal.id):
            await self._save(portal, tuple(kept for kept in self.kept(portal) if kept.number != gone.number))

    async def _save(self, portal: Portal, kept: tuple[Kept, ...]) -> None:
        await self._ledger.save_fact(_RULES, str(portal.id), msgspec.json.encode(kept).decode() if kept else None)
        self._kept[portal.id] = kept
        self._remake()

    def _remake(self) -> None:
        """Those that changed: mutes count first, then what was made by words, then the file's."""
        rules: dict[int, Rules] = {}
        for portal in self._switchboard.portals:
            made = (self._kept.get(portal.id, ()), portal.timeline.rules)
            if portal.kind is not PortalKind.TIMELINE or not any(made):
                continue
            known = self._rules.get(portal.id)
            rules[portal.id] = known if known is not None and self._made.get(portal.id) == made else self._compiled(portal, made)
            self._made[portal.id] = made
        self._rules = rules

    def _compiled(self, portal: Portal, made: _Made) -> Rules:
        kept, of_file = made
        ordered = sorted(kept, key=lambda one: (not one.mute, one.number))
        wanted = [
            *((one.rule, f"{'mute' if one.mute else 'rule'} {one.number}", one.until) for one in ordered),
            *((rule, f"rule {number} of the file", None) for number, rule in enumerate(of_file, 1)),
        ]
        standing: list[Standing] = []
        for rule, name, until in wanted:
            try:
                standing.append(Standing(rule, name=name, until=until))
            except BadRule as error:
                self._log.error("%s of %s is not followed: %s", name, portal.alias or portal.room, error)
        return Rules(standing)


class Calmer:
    """`bridge.commands.calming.Calming` over the rule book."""

    def __init__(
        self,
        book: RuleBook,
        ledger: Ledger,
        switchboard: Switchboard,
        networks: Networks,
        timelines: Timelines,
        states: RoomStates,
        clock: Clock,
    ) -> None:
        self._book = book
        self._ledger = ledger
        self._switchboard = switchboard
        self._networks = networks
        self._timelines = timelines
        self._states = states
        self._clock = clock
        self.kept = book.kept
        self.drop = book.drop

    def now(self) -> datetime:
        return self._clock.now()

    async def room(self, asker: Asker, room: str | None, *, change: bool) -> Portal:
        named = None if room is None else self._switchboard.portal_called(room)
        if room is not None and named is None:
            raise Refused("That is no room of the bridge that you are in.")
        meant = await self._timelines.meant(asker, None if named is None else named.room)
        timelines = [portal for portal in meant if portal.kind is PortalKind.TIMELINE]
        if len(timelines) != 1:
            raise Refused(
                "Which timeline room? Say it there, or name it with --room." if meant else "There is no timeline room yet."
            )
        if change:
            await self._timelines.may_change(asker, timelines[0].room)
        return timelines[0]

    async def someone(self, portal: Portal, words: str) -> IdentityId | None:
        wanted = folded(words)
        found: set[IdentityId] = set()
        for user in list(await self._ledger.members(portal.room))[:_MOST_MEMBERS]:
            puppet = await self._ledger.puppet(user)
            if puppet is None:
                continue
            known = await self._ledger.identity(puppet.identity)
            names = (user, str(puppet.identity), puppet.identity.id, f"@{puppet.identity.id}", puppet.name, known and known.name)
            if any(name and folded(name) == wanted for name in names):
                found.add(puppet.identity)
        return found.pop() if len(found) == 1 else None

    def troubles(self, portal: Portal) -> Sequence[str]:
        rules = self._book.rules(portal)
        told: list[str] = []
        for one in () if rules is None else rules.standing:
            other = self._switchboard.portal_called(one.rule.to)
            if one.rule.to not in (HERE, NOWHERE) and (other is None or other.kind is not PortalKind.TIMELINE):
                told.append(f"{one.name}: {one.rule.to} is no timeline room here, so what it is about stays in this room.")
            if one.pattern is not None and one.pattern.given_up:
                told.append(f"{one.name}: its pattern took too long too often, and fits nothing any more.")
        return told

    async def keep(self, asker: Asker, portal: Portal, rule: Rule, *, until: datetime | None, mute: bool) -> Kept:
        if rule.to not in (HERE, NOWHERE):
            await self._may_move(asker, portal, rule)
        return await self._book.keep(portal, rule, until=until, mute=mute, by=asker.user)

    async def _may_move(self, asker: Asker, portal: Portal, rule: Rule) -> None:
        """What only one account sees is not shown to a room that anybody may enter, though each post of it be for everybody."""
        other = self._switchboard.portal_called(rule.to) if is_move(rule) else None
        if other is None or other.kind is not PortalKind.TIMELINE:
            raise Refused(f'to is "{HERE}", "{NOWHERE}" or another timeline room; {rule.to[:80]!r} is none.')
        if other.id == portal.id:
            raise Refused(f"That is this room: say to={HERE}.")
        await self._timelines.may_change(asker, other.room)
        personal = any(
            link.portal == portal.id and link.channel.network != HUB and self._networks.login_of(link.channel) is not None
            for link in self._switchboard.links
        )
        if personal and not await self._states.is_private(other.room):
            raise Refused("What comes here by an account can only be moved to a room that is by invitation.")
