"""Deliveries to Matrix rooms, each by the user who should be seen to speak.

Who speaks: the author themself where double puppeting allows it and they are in the room, else the author's puppet; the bot for
its own notices, for room state, and, with the name before the words, for a Matrix person carried into another room.

A homeserver knows a repeated send by its transaction id, which is the delivery's; after that memory is gone (30-60 minutes or
a restart), `find` looks for the delivery's stamp in the room's last messages.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta

from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import DeliveryError, LedgerUnavailable, Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence, Features
from bridge.contract.toolbox import Clock
from bridge.matrix.api import Api, Refusal
from bridge.matrix.badges import Badges
from bridge.matrix.convert import Outgoing, Sending, seal, stamp_of, to_matrix
from bridge.matrix.doubles import Doubles
from bridge.matrix.membership import Memberships
from bridge.matrix.ports import Lru, Memory
from bridge.matrix.puppets import Puppets
from bridge.matrix.reactions import SentReactions
from bridge.matrix.signalling import mark_read, set_presence, type_in
from bridge.matrix.uploads import Uploads
from bridge.model.events import Boost, ChannelChange, Edit, Membership, Message, ProfileChange, Reactions, Redaction
from bridge.model.ids import HUB, ChannelId, IdentityId
from bridge.model.people import Identity
from bridge.model.signals import Availability, Moderators, Presence, ReadMark, Signal, Typing
from bridge.routing.hub import HUB_FEATURES

_PAGES = 10
_SLACK = timedelta(minutes=5)
_MOST_NAMED = 50
_PRESENCE = {Availability.ONLINE: "online", Availability.AWAY: "unavailable", Availability.OFFLINE: "offline"}


class MatrixOutlet:
    """An Outlet for rooms, `Reconciles` and `Signals`."""

    def __init__(
        self,
        api: Api,
        memory: Memory,
        puppets: Puppets,
        doubles: Doubles,
        memberships: Memberships,
        uploads: Uploads,
        badges: Badges,
        clock: Clock,
        *,
        log: logging.Logger,
    ) -> None:
        self._api = api
        self._memory = memory
        self._puppets = puppets
        self._doubles = doubles
        self._memberships = memberships
        self._uploads = uploads
        self._badges = badges
        self._clock = clock
        self._log = log
        self._sent = SentReactions(memory)
        self._scans: Lru[str, Mapping[str, tuple[str, ...]]] = Lru(200)

    def features(self, channel: ChannelId) -> Features:
        return HUB_FEATURES

    async def deliver(self, delivery: Delivery) -> Receipt:
        body = delivery.body
        try:
            match body:
                case Message() | Edit():
                    return await self._say(delivery, body)
                case Reactions():
                    return await self._react(delivery)
                case Boost():
                    return await self._boost(delivery)
                case Redaction():
                    return await self._redact(delivery)
                case Membership():
                    await self._memberships.enact(delivery, body)
                case ProfileChange():
                    user = self._puppets.user_of(body.who)
                    if await self._memory.puppet(user) is not None:
                        await self._puppets.ensure(Identity(id=body.who, profile=body.profile))
                case ChannelChange():
                    return await self._change(delivery, body)
        except Uncertain:
            self._scans.drop(delivery.channel.id)
            raise
        except LedgerUnavailable as error:
            # where something was sent already, the same transaction ids make the next attempt the same events
            raise Unavailable("the ledger cannot be used") from error
        return Receipt(evidence=Evidence.FENCED, at=self._clock.now())

    async def find(self, delivery: Delivery) -> Receipt | None:
        """By the stamp, in the room's last messages. What is not a message may simply be done again."""
        if not isinstance(delivery.body, Message | Edit):
            return None
        room = delivery.channel.id
        stamps = self._scans.get(room)
        if stamps is None:
            try:
                stamps = await self._scan(room, delivery)
            except (Unavailable, Rejected) as error:
                raise Uncertain(error.reason) from error
            self._scans.put(room, stamps)
        ids = stamps.get(delivery.id, ())
        message = delivery.body.message if isinstance(delivery.body, Edit) else delivery.body
        if len(ids) < max(1, len(message.attachments)):
            return None  # begun at most: the same transaction ids go on where it stopped
        return self._assigned(list(ids))

    async def send_signal(self, signal: Signal) -> None:
        """Typing, read marks and presence of puppets that are there already; nobody is registered or joined for it."""
        try:
            match signal:
                case Typing():
                    user = self._puppets.user_of(signal.who)
                    if await self._puppets.joined(user, signal.channel.id):
                        await type_in(self._api, signal.channel.id, user, signal.active)
                case ReadMark():
                    await self._mark_read(signal)
                case Moderators():
                    self._badges.told(signal)
                case Presence():
                    user = self._puppets.user_of(signal.who)
                    if await self._memory.puppet(user) is not None:
                        await set_presence(self._api, user, _PRESENCE[signal.availability], signal.status)
        except DeliveryError as error:
            self._log.debug("a signal is lost: %s", error.reason)

    async def _say(self, delivery: Delivery, body: Message | Edit) -> Receipt:
        if isinstance(body, Edit) and delivery.target is not None and not delivery.target.ours:
            raise Rejected("on Matrix only its author can edit it")
        room = delivery.channel.id
        user, prefix = await self._speaker(delivery.author, room, delivery.voice.name)
        uploads = await self._uploads.of(body)
        users = await _met(self._puppets, body.message if isinstance(body, Edit) else body)
        outgoing = to_matrix(delivery, Sending(user_of=users.get, uploads=uploads, prefix=prefix))
        ids = [await self._send(out, delivery, user) for out in outgoing]
        return self._assigned(ids)

    async def _react(self, delivery: Delivery) -> Receipt:
        if delivery.target is None or not delivery.target.ids:
            raise Rejected("the message reacted to has no copy in the room")
        room, target = delivery.channel.id, delivery.target.ids[0]
        user = await self._reacting(delivery)
        speaker = user or self._api.bot
        reacted = await self._sent.of(target, speaker)
        ids = []
        for out in to_matrix(delivery, Sending(user_of=self._puppets.user_of, reacted=reacted)):
            if out.redacts is not None:
                await self._api.redact(room, out.redacts, out.txn, user=user)
                await self._sent.redacted(target, speaker, out.redacts)
                continue
            native = await self._annotate(out, delivery, user)
            await self._sent.sent(target, speaker, out.content["m.relates_to"]["key"], native)
            ids.append(native)
        return self._assigned([native for native in ids if native])

    async def _boost(self, delivery: Delivery) -> Receipt:
        """Not among `_sent`: no set of reactions takes it back, only the boost's own redaction."""
        if delivery.target is None or not delivery.target.ids:
            raise Rejected("what was passed on has no copy in the room")
        user = await self._reacting(delivery)
        ids = [await self._annotate(out, delivery, user) for out in to_matrix(delivery, Sending(user_of=self._puppets.user_of))]
        return self._assigned([native for native in ids if native])

    async def _reacting(self, delivery: Delivery) -> str | None:
        user, prefix = await self._speaker(delivery.author, delivery.channel.id, delivery.voice.name)
        if prefix:
            raise Rejected("a reaction of a Matrix person cannot be shown in another room")
        return user

    async def _annotate(self, out: Outgoing, delivery: Delivery, user: str | None) -> str:
        """The event's id; empty where the same is there already and can't be found."""
        try:
            return await self._send(out, delivery, user)
        except Refusal as refusal:
            if refusal.errcode != "M_DUPLICATE_ANNOTATION":
                raise
        relation = out.content["m.relates_to"]
        return await self._api.annotation(delivery.channel.id, relation["event_id"], user or self._api.bot, relation["key"]) or ""

    async def _redact(self, delivery: Delivery) -> Receipt:
        """By the author's puppet where it is there, which may always take back its own; else by the bot's power."""
        room = delivery.channel.id
        user = self._puppets.user_of(delivery.author.id)
        puppet = user if delivery.author.id.network != HUB and await self._puppets.joined(user, room) else None
        own = await self._doubles.speaker(delivery.author.id, room)
        ids = []
        for out in to_matrix(delivery, Sending(user_of=self._puppets.user_of)):
            ids.append(await self._redact_one(out, room, dict.fromkeys((own or puppet, puppet, None))))
        return self._assigned([native for native in ids if native])

    async def _redact_one(self, out: Outgoing, room: str, users: Mapping[str | None, None]) -> str | None:
        for user in users:
            try:
                return await self._api.redact(room, out.redacts or "", out.txn, user=user, reason=out.content.get("reason"))
            except Refusal as refusal:
                if refusal.errcode == "M_NOT_FOUND":
                    return None
                if refusal.errcode != "M_FORBIDDEN":
                    raise
        raise Rejected("the bot may not delete messages in this room")

    async def _change(self, delivery: Delivery, body: ChannelChange) -> Receipt:
        uploads = await self._uploads.of(body)
        outgoing = to_matrix(delivery, Sending(user_of=self._puppets.user_of, uploads=uploads))
        room = delivery.channel.id
        try:
            ids = [await self._put(out, room) for out in outgoing]
        except Refusal as refusal:
            if refusal.errcode != "M_FORBIDDEN":
                raise
            raise Rejected("the bot may not change the room's name, topic or picture") from refusal
        return self._assigned(ids)

    async def _speaker(self, author: Identity, room: str, name: str) -> tuple[str | None, str]:
        """The user to send as (None: the bot) and what goes before the words."""
        if author.id.id == self._api.bot:
            return None, ""
        own = await self._doubles.speaker(author.id, room)
        if own is not None:
            return own, ""
        if author.id.network == HUB:
            return None, f"{name}: "
        user = await self._puppets.ensure(author)
        await self._puppets.enter(user, room)
        return user, ""

    async def _send(self, out: Outgoing, delivery: Delivery, user: str | None) -> str:
        """One event. A puppet that was thrown out or forgotten behind our back is put right, once."""
        room = delivery.channel.id
        if out.redacts is not None:
            return await self._api.redact(room, out.redacts, out.txn, user=user)
        ts = int(min(delivery.happened_at, delivery.accepted_at).timestamp() * 1000)
        try:
            return await self._write(out, room, user, ts)
        except Refusal as refusal:
            if refusal.errcode != "M_FORBIDDEN" or user is None:
                raise
        if user != self._puppets.user_of(delivery.author.id) or delivery.author.id.network == HUB:
            self._doubles.moved(user, room)
            user, prefix = await self._speaker(delivery.author, room, delivery.voice.name)
            if prefix:
                raise Rejected("its author is not in the room and cannot be spoken for")
        else:
            await self._puppets.recover(delivery.author, room)
        return await self._write(out, room, user, ts)

    async def _write(self, out: Outgoing, room: str, user: str | None, ts: int) -> str:
        content = seal(out.content, user or self._api.bot, room)
        return await self._api.send(room, out.type, out.txn, content, user=user, ts=ts)

    async def _put(self, out: Outgoing, room: str) -> str:
        return await self._api.put_state(room, out.type, out.state_key or "", seal(out.content, self._api.bot, room))

    async def _scan(self, room: str, delivery: Delivery) -> dict[str, tuple[str, ...]]:
        """Back to what was surely sent before: times of puppets' events are their authors', so only people's own tell when."""
        found: dict[str, tuple[str, ...]] = {}
        start: str | None = None
        since = int((delivery.accepted_at - _SLACK).timestamp() * 1000)
        for _ in range(_PAGES):
            events, start = await self._api.messages(room, start=start)
            for event in events:
                native, stamp = event.get("event_id"), stamp_of(event).delivery
                if stamp is not None and isinstance(native, str):
                    found[stamp] = (native, *found.get(stamp, ()))
                elif _is_before(event, since):
                    return found
            if start is None:
                return found
        raise Uncertain("the room has moved on too far to look through")

    async def _mark_read(self, signal: ReadMark) -> None:
        user, room = self._puppets.user_of(signal.who), signal.channel.id
        if not await self._puppets.joined(user, room):
            return
        native = signal.event.id
        if signal.event.network != HUB:
            copies = await self._memory.copies(signal.event, signal.channel)
            if not copies:
                return
            native = copies[-1].id
        await mark_read(self._api, room, user, native)

    def _assigned(self, ids: list[str]) -> Receipt:
        return Receipt(evidence=Evidence.ASSIGNED, ids=tuple(ids), at=self._clock.now())


def _is_before(event: Mapping[str, object], since: int) -> bool:
    at = event.get("origin_server_ts")
    return isinstance(at, int) and at < since


async def _met(puppets: Puppets, message: Message) -> Mapping[IdentityId, str]:
    """The Matrix users for those whom a message names, as far as there are any."""
    named = [mention.who.id for mention in message.mentions[:_MOST_NAMED]]
    if message.post is not None and message.post.boosted_by is not None:
        named.append(message.post.boosted_by.id)
    found = {id: await puppets.met(id) for id in dict.fromkeys(named)}
    return {id: user for id, user in found.items() if user is not None}
