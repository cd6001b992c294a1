"""From an accepted event to its deliveries: admit, resolve, route, fit. Runs inside the transaction that stores the event."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from bridge.config.settings import VoiceSettings
from bridge.contract.delivery import Delivery, Target
from bridge.contract.features import Features, Splitter, Voice
from bridge.contract.plan import Draft, Lookup, Planned
from bridge.model.events import (
    Attachment,
    Body,
    Boost,
    Edit,
    Event,
    Message,
    Origin,
    Redaction,
    Ref,
    Style,
    Text,
    refs_of,
    target_of,
)
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.model.portals import PortalKind
from bridge.routing.accounts import NO_ACCOUNTS, Accounts
from bridge.routing.admit import Dropped, Policy, Refused, admit
from bridge.routing.boosts import Showing, There, arrived, changed, remembered, shown
from bridge.routing.bound import bounded
from bridge.routing.brought import rung, via
from bridge.routing.calm import Calm, RulesOf
from bridge.routing.fit import FitContext, Fitted, fit
from bridge.routing.fit.boost import speaker
from bridge.routing.repost import repeated
from bridge.routing.resolve import Resolved, meets, resolve
from bridge.routing.route import route
from bridge.routing.rules import Verdicts
from bridge.routing.same import Recognised, recognise
from bridge.routing.threads import threaded
from bridge.routing.topology import Leg, Topology
from bridge.routing.voice import voice
from bridge.routing.write import Job, Writing, Written, not_his, write


class Place(Struct, frozen=True, kw_only=True):
    """What a plan needs to know of a network; the hub is one too."""

    features: Callable[[ChannelId], Features]
    split: Splitter | None = None
    voice: VoiceSettings = VoiceSettings()


class Links(Protocol):
    """Addresses and names that others keep; all without waiting."""

    def link_for(self, attachment: Attachment, event: Event) -> str | None: ...

    def page_for(self, event: Event) -> str | None: ...

    def name_of(self, identity: Identity, leg: Leg) -> str: ...


class Planner:
    """`plan` is a `Plan`. `clock` gives the time, aware and in UTC; `topology` and `places` are asked anew for each event."""

    def __init__(
        self,
        topology: Callable[[], Topology],
        places: Callable[[NetworkName], Place | None],
        policy: Policy,
        links: Links,
        clock: Callable[[], datetime],
        accounts: Callable[[], Accounts] = lambda: NO_ACCOUNTS,
        rules: RulesOf = lambda portal: None,
    ) -> None:
        self._topology = topology
        self._places = places
        self._policy = policy
        self._links = links
        self._clock = clock
        self._accounts = accounts
        self._rules = rules
        self._life = timedelta(hours=policy.delivery_hours)
        self._history = timedelta(hours=policy.history_hours)

    def plan(self, event: Event, lookup: Lookup) -> Planned:
        verdict = admit(event, self._policy)
        if verdict is not None:
            return _ended(verdict)
        event = bounded(event)
        topology, accounts = self._topology(), self._accounts()
        legs = route(event, topology, accounts)
        portal = topology.portal_in(event.channel.id) if event.channel.network == HUB else None
        timeline = portal if portal is not None and portal.kind is PortalKind.TIMELINE else None
        if not legs and timeline is None:
            return Planned(dropped="unlinked", hint=not_his(event, portal, topology, accounts))
        known = Recognised() if portal is not None else self._recognised(event, legs, accounts, lookup)
        if known.same is not None:
            event = _led_to(event, known.same.event)
        resolved = resolve(event, lookup, self._policy) if refs_of(event.body) else Resolved(event=event)
        if isinstance(resolved, Dropped | Refused):
            return _ended(resolved)
        verdicts = Verdicts()
        if timeline is None:
            if portal is None:
                legs, verdicts = self._calm(resolved, topology, accounts, lookup).ruled(legs)
            further = repeated(event, resolved.original, topology, accounts, lookup) if accounts and portal is None else ()
            written = Written(jobs=(Job(event=resolved.event, legs=legs), *further))
        else:
            writing = Writing(
                event=resolved.event,
                portal=timeline,
                chats=legs,
                topology=topology,
                accounts=accounts,
                lookup=lookup,
                command=self._policy.command,
            )
            written = write(writing, resolved.original, self._policy)
        planned = self._carried(written, resolved, lookup)
        if verdicts.names:
            hidden = not planned.drafts and planned.refused is None
            planned = replace(planned, note=verdicts.note, dropped="rule" if hidden else planned.dropped)
        if resolved.taken is not None:
            planned = replace(planned, own_marks=(remembered(resolved.taken),))
        if known.same is not None:
            planned = replace(planned, same=planned.same or known.same, marks=arrived(event, known.same.event, lookup))
        return replace(planned, marks=planned.marks + known.marks) if known.marks else planned

    def _calm(self, resolved: Resolved, topology: Topology, accounts: Accounts, lookup: Lookup) -> Calm:
        return Calm(resolved=resolved, rules=self._rules, topology=topology, accounts=accounts, lookup=lookup, now=self._clock())

    def _recognised(self, event: Event, legs: tuple[Leg, ...], accounts: Accounts, lookup: Lookup) -> Recognised:
        """An event that is planned again stays what it was."""
        hours = max((leg.portal.timeline.same_hours for leg in legs if leg.portal.kind is PortalKind.TIMELINE), default=0)
        known = recognise(event, lookup, timedelta(hours=hours), accounts.networks())
        if known.same is not None and lookup.root(event.key) is not None:
            return replace(known, same=None)
        return known

    def _carried(self, written: Written, resolved: Resolved, lookup: Lookup) -> Planned:
        planned = [self._over(job, resolved, lookup) for job in written.jobs]
        refused = [words for words in (written.refused, *(one.refused for one in planned)) if words]
        drafts = tuple(draft for one in planned for draft in one.drafts)
        dropped = next((one.dropped for one in planned if one.dropped is not None), written.dropped)
        return Planned(
            drafts=drafts,
            refused="; ".join(dict.fromkeys(refused)) or None,
            dropped=None if drafts or refused or written.withdrawn else dropped,
            hint=written.hint,
            withdrawn=written.withdrawn,
            same=next((one.same for one in planned if one.same is not None), None),
            own_marks=tuple(mark for one in planned for mark in one.own_marks),
        )

    def _over(self, job: Job, resolved: Resolved, lookup: Lookup) -> Planned:
        event = job.event
        now = self._clock()
        context = self._context(resolved, lookup, now)
        old = event.origin is Origin.HISTORY and now - event.happened_at > self._history
        drafts: list[Draft] = []
        refused: list[str] = []
        dropped = "known"
        rooms: dict[int, str] = {}
        boost = shown(event, resolved.root, lookup)
        marks = [] if boost is None else list(boost.own_marks())
        for leg in job.legs:
            if job.instead is None and lookup.has_copy(event.key, leg.channel):
                continue
            if old and leg.link is not None:
                dropped = "history"
                continue
            if resolved.needs and leg.account is None and not (resolved.taken or meets(resolved.needs, leg.channel, lookup)):
                dropped = "unseen"
                continue
            place = self._places(leg.channel.network)
            if place is None:
                dropped = "no-network"
                continue
            made: list[Draft] = []
            for there in _in_place(event, leg, boost, resolved, lookup):
                more, words = self._on_leg(there, leg, place, job, context, rooms.get(leg.portal.id))
                made += more
                if boost is not None and there.anew and more:
                    marks.append(boost.mark(leg.channel))
                if words and words not in refused:
                    refused.append(words)
            drafts += made
            if not made:
                dropped = "stays" if resolved.taken is not None else "left-out"
            elif leg.link is None and leg.portal.order == "room":
                rooms[leg.portal.id] = made[-1].delivery.id
        return Planned(
            drafts=tuple(drafts),
            refused="; ".join(refused) or None,
            dropped=None if drafts or refused else dropped,
            same=boost.same() if boost is not None else None,
            own_marks=tuple(marks),
        )

    def _on_leg(
        self, there: There, leg: Leg, place: Place, job: Job, context: FitContext, waits_for: str | None
    ) -> tuple[list[Draft], str | None]:
        topology, accounts = self._topology(), self._accounts()
        event, context = rung(there.event, leg, accounts), replace(context, anew=there.anew)
        author = _author(there, leg)
        spoken, fitted = self._fitted(event, author, leg, place, context)
        bodies = fitted.bodies
        parts = len(bodies)
        if isinstance(event.body, Redaction) and bodies:
            count = self._copies(leg, place, context)
            parts, present = job.parts.get(leg.channel, (count, tuple(range(count))))
            bodies = tuple((event.body, part) for part in present)
        expires_at = context.now + self._life
        hops = (*event.hops, self._policy.mark)
        not_before = context.now + timedelta(seconds=leg.portal.timeline.undo_seconds) if job.waits else None
        drafts = [
            Draft(
                delivery=Delivery(
                    id=delivery_id(self._policy.mark, job.instead or there.instead or event.key, leg.channel, part),
                    channel=leg.channel,
                    event=event.key,
                    author=author,
                    voice=spoken,
                    body=one,
                    happened_at=event.happened_at,
                    accepted_at=context.now,
                    origin=event.origin,
                    part=part,
                    parts=parts,
                    hops=hops,
                    target=_target(target_of(one)),
                    reply_to=_target(_answered(one).reply_to),
                    thread=_target(_answered(one).thread),
                    via=via(event, leg, topology, accounts),
                ),
                expires_at=expires_at,
                waits_for=waits_for if leg.link is not None else None,
                not_before=not_before,
            )
            for one, part in bodies
        ]
        return drafts, fitted.refused

    def _copies(self, leg: Leg, place: Place, context: FitContext) -> int:
        """How many wire messages a redaction's subject became at a network's channel: each is taken back by one of its own."""
        subject = context.subject
        if subject is None or not isinstance(subject.body, Message) or leg.link is None or subject.channel == leg.channel:
            return 1
        _, whole = self._fitted(subject, subject.author, leg, place, context)
        return max(1, len(whole.bodies))

    def _fitted(self, event: Event, author: Identity, leg: Leg, place: Place, context: FitContext) -> tuple[Voice, Fitted]:
        features = place.features(leg.channel)
        settings = place.voice
        if leg.channel.network == HUB:
            home = self._places(author.id.network)
            settings = home.voice if home is not None else settings
        spoken = voice(author, leg, features.voice, _style(event.body), settings, shown=self._links.name_of(author, leg))
        return spoken, fit(event, leg, features, spoken, place.split, context)

    def _context(self, resolved: Resolved, lookup: Lookup, now: datetime) -> FitContext:
        subject = resolved.original
        if subject is not None and isinstance(resolved.event.body, Edit | Redaction) and refs_of(subject.body):
            told = resolve(subject, lookup, self._policy)
            subject = told.event if isinstance(told, Resolved) else subject
        return FitContext(
            link_for=self._links.link_for,
            page_for=self._links.page_for,
            name_of=self._links.name_of,
            now=now,
            present=lookup.has_copy if resolved.trusted else _hiding(resolved.event.body, lookup),
            subject=subject,
        )


def _led_to(event: Event, known: EventKey) -> Event:
    """What is known by another name: a message is that event, a boost passes that event on."""
    if isinstance(event.body, Boost):
        return replace(event, body=replace(event.body, target=replace(event.body.target, key=known)))
    return replace(event, key=known)


def _in_place(event: Event, leg: Leg, boost: Showing | None, resolved: Resolved, lookup: Lookup) -> tuple[There, ...]:
    if leg.channel.network != HUB or leg.link is not None:
        return (There(event=event),)
    if boost is not None:
        return () if boost.is_in(leg.channel) else (boost.on(leg),)
    if leg.portal.kind is PortalKind.TIMELINE:
        event = threaded(event, leg.channel, lookup)
    return changed(event, leg, resolved, lookup) if isinstance(event.body, Edit | Redaction) else (There(event=event),)


def delivery_id(mark: str, event: EventKey, channel: ChannelId, part: int) -> str:
    """32 hexadecimal digits: the same for every attempt, planning and run of the bridge that has this mark; no other's."""
    named = f"{mark}\0{event.network}\0{len(event.id)}\0{event.id}\0{channel.network}\0{channel.id}\0{part}"
    return hashlib.blake2b(named.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _author(there: There, leg: Leg) -> Identity:
    """With an account nobody speaks but its owner, who wrote elsewhere what is repeated there."""
    event = there.event
    if leg.account is not None:
        return replace(event.author, id=IdentityId(HUB, leg.account.owner))
    return speaker(event, event.body, leg) if there.anew and isinstance(event.body, Boost) else event.author


def _ended(verdict: Dropped | Refused) -> Planned:
    return Planned(dropped=verdict.reason) if isinstance(verdict, Dropped) else Planned(refused=verdict.words)


def _style(body: Body) -> Style:
    """Of the words that the body may become: all but messages are told in the third person."""
    if isinstance(body, Message):
        return body.style
    if isinstance(body, Edit):
        return body.message.style
    return Style.SAY if isinstance(body, Boost) else Style.EMOTE


def _answered(body: Body) -> Message:
    if isinstance(body, Message):
        return body
    return body.message if isinstance(body, Edit) else _NOTHING


_NOTHING = Message(text=Text(plain=""))


def _target(ref: Ref | None) -> Target | None:
    return None if ref is None else Target(event=ref.key, author=ref.author)


def _hiding(body: Body, lookup: Lookup) -> Callable[[EventKey, ChannelId], bool]:
    """`has_copy`, but for the body's subject, which is not to be touched."""
    target = target_of(body)
    return lambda key, channel: (target is None or key != target.key) and lookup.has_copy(key, channel)
