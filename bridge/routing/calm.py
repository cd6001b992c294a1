"""What the rules of timeline rooms make of an event's legs. Pure; a chat pays nothing for it.

A rule takes a post out of its room, or moves it to another one. Only what is for everybody is moved: all else stays where it
came, or is hidden there. What changes a post follows it to where it was moved.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from bridge.contract.plan import Lookup
from bridge.model.events import Edit, Event, Message, Reactions, Redaction
from bridge.model.ids import HUB, ChannelId, IdentityId
from bridge.model.people import Identity
from bridge.model.portals import HERE, NOWHERE, Portal, PortalKind
from bridge.routing.accounts import Accounts
from bridge.routing.resolve import Resolved, one_human
from bridge.routing.route import is_public
from bridge.routing.rules import Rules, Seen, Verdicts
from bridge.routing.topology import Leg, Topology

RulesOf: TypeAlias = Callable[[Portal], Rules | None]


class Calm(Struct, frozen=True, kw_only=True):
    """What is known around an event of a network."""

    resolved: Resolved
    rules: RulesOf
    topology: Topology
    accounts: Accounts
    lookup: Lookup
    now: datetime

    def ruled(self, legs: tuple[Leg, ...]) -> tuple[tuple[Leg, ...], Verdicts]:
        """The legs that are left, and which rules took the others."""
        if not any(_has_rules(leg) and self.rules(leg.portal) for leg in legs):
            return legs, Verdicts()
        if isinstance(self.resolved.event.body, Edit | Redaction):
            return self._followed(legs), Verdicts()
        kept, verdicts = self._judged(legs)
        if isinstance(self.resolved.event.body, Reactions) and not verdicts.names:
            return self._followed(legs), verdicts
        return kept, verdicts

    def _judged(self, legs: tuple[Leg, ...]) -> tuple[tuple[Leg, ...], Verdicts]:
        kept: list[Leg] = []
        names: list[str] = []
        heard = {self.resolved.event.channel}
        there = {leg.channel for leg in legs}
        for leg in legs:
            if leg.link is not None:
                if leg.portal.channel in heard:
                    heard.add(leg.channel)
                    kept.append(leg)
                continue
            if not any(link.inward and link.channel in heard for link in self.topology.links_of(leg.portal)):
                continue
            place, name = self._place(leg, there)
            names += [name] if name is not None and name not in names else []
            if place is leg:
                heard.add(leg.channel)
            if place is not None and (place is leg or place.channel not in there):
                kept.append(place)
                there.add(place.channel)
        return tuple(kept), Verdicts(tuple(names))

    def _place(self, leg: Leg, there: set[ChannelId]) -> tuple[Leg | None, str | None]:
        """Where a leg of a room leads by its rules, and the name of the one that counts. None: nowhere."""
        rules = self.rules(leg.portal) if _has_rules(leg) else None
        rule = None if rules is None else rules.verdict(self._seen(leg.portal), self.now)
        if rule is None or rule.rule.to == HERE:
            return leg, None
        if rule.rule.to == NOWHERE:
            return None, rule.name
        other = self.topology.portal_called(rule.rule.to)
        if other is None or other.kind is not PortalKind.TIMELINE or other.id == leg.portal.id:
            return leg, None
        if other.channel in there:
            return None, rule.name  # it comes there by itself
        if not self._for_all():
            return leg, None
        further = self.rules(other)
        last = None if further is None else further.verdict(self._seen(other), self.now)
        if last is not None and last.rule.to == NOWHERE:
            return None, last.name
        return Leg(other.channel, other), rule.name

    def _for_all(self) -> bool:
        return is_public(self.resolved.event.body) and not self.resolved.needs

    def _followed(self, legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
        """And the rooms to which the event's subject was moved."""
        root = next(iter(self.resolved.needs), None)
        if root is None or not is_public(self.resolved.event.body):
            return legs
        there = {leg.channel for leg in legs}
        moved: list[Leg] = []
        for leg in legs:
            rules = self.rules(leg.portal) if _has_rules(leg) else None
            for room in () if rules is None else rules.rooms:
                other = self.topology.portal_called(room)
                if other is not None and other.channel not in there and self.lookup.has_copy(root, other.channel):
                    there.add(other.channel)
                    moved.append(Leg(other.channel, other))
        return (*legs, *moved)

    def _seen(self, portal: Portal) -> Seen:
        account = self.accounts.of(self.resolved.event.channel) if self.accounts else None
        return Seen(
            self.resolved.event,
            account=None if account is None else str(account),
            to_us=self._is_to_us(portal),
            one_human=lambda one, other: one_human(one, other, self.lookup),
        )

    def _is_to_us(self, portal: Portal) -> bool:
        event = self.resolved.event
        return to_us(event, lambda who: self._is_ours(who, portal))

    def _is_ours(self, who: IdentityId, portal: Portal) -> bool:
        """Whether it is an account that the room is fed by or posts with."""
        for account in self.accounts.known_as(who):
            if str(account) in portal.post_to:
                return True
            if any(self.accounts.of(link.channel) == account for link in self.topology.links_of(portal)):
                return True
        return False


def to_us(event: Event, is_ours: Callable[[IdentityId], bool]) -> bool:
    """Whether a message names or answers somebody of the room: one who wrote there, or one of the accounts that are `ours`."""
    body = event.body
    if not isinstance(body, Message):
        return False
    above = [ref.author for ref in (body.reply_to,) if ref is not None and ref.author is not None]
    people: list[Identity] = [*above, *(mention.who for mention in body.mentions)]
    return any(one.id.network == HUB or is_ours(one.id) for one in people)


def _has_rules(leg: Leg) -> bool:
    return leg.link is None and leg.portal.kind is PortalKind.TIMELINE
