"""The suite that every adapter passes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from bridge.contract.adapter import Adapter, Reconciles
from bridge.contract.delivery import Delivery, Receipt, Target
from bridge.contract.errors import BridgeError, DeliveryError, Disconnected, Rejected, Unavailable, Uncertain
from bridge.contract.features import Feature, Level, Unit, Voice
from bridge.model.codec import decode_event, encode_event
from bridge.model.events import Body, Edit, Message, Reactions, Redaction, Ref, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId
from bridge.model.people import Identity, Profile
from bridge.testing.doubles import PATIENCE, RecordingInlet, toolbox, until
from bridge.testing.rig import Rig

ALICE = Identity(id=IdentityId(HUB, "@alice:example.org"), profile=Profile(name="alice"))
HOSTILE_TEXTS = (
    "two\nlines",
    "carriage\rreturn",
    "nul\x00inside",
    "QUIT\r\nQUIT :injected",
    "<b>&amp;</b> ]]> <!--",
    "\u202eright to left",
    "lone surrogate \ud800 here",
    "\x01ACTION acts\x01",
    "👩‍👩‍👧‍👦 é",
    " leading and trailing ",
    "/quit now",
)
LONG_TEXTS = (
    "word " * 300,
    "x" * 1500,
    "é" * 900,
    "👩‍👩‍👧‍👦" * 80,
    "日本語のとても長い文章。" * 60,
)


def make_delivery(adapter: Adapter, channel: ChannelId, body: Body | str, **more: Any) -> Delivery:
    """As the core makes them: the voice is of the kind that the channel offers."""
    features = adapter.features(channel)
    voice = Voice(kind=features.voice, name="alice", prefix="<alice> " if features.voice.value == "prefix" else "")
    now = datetime.now(UTC)
    return Delivery(
        id=uuid4().hex,
        channel=channel,
        event=EventKey(HUB, f"${uuid4().hex}"),
        author=ALICE,
        voice=voice,
        body=Message(text=Text(plain=body)) if isinstance(body, str) else body,
        happened_at=now,
        accepted_at=now,
        **more,
    )


class Running:
    """An adapter that runs, connected, with the rig's channel open."""

    def __init__(self, adapter: Adapter, inlet: RecordingInlet, task: "asyncio.Task[None]") -> None:
        self.adapter = adapter
        self.inlet = inlet
        self.task = task


@asynccontextmanager
async def running(rig: Rig, inlet: RecordingInlet | None = None) -> AsyncIterator[Running]:
    """From build to cancel; `run` must end by it without a complaint."""
    inlet = inlet or RecordingInlet()
    adapter = rig.build(inlet, toolbox())
    task = asyncio.ensure_future(adapter.run())
    try:
        await until(lambda: inlet.connected or task.done())
        if task.done():
            task.result()
        infos = await adapter.open(rig.channel)
        assert [(info.channel, info.error) for info in infos] == [(rig.channel, None)]
        yield Running(adapter, inlet, task)
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE)
        assert task.done(), "run() did not end when it was cancelled"
        if not task.cancelled() and isinstance(task.exception(), Exception) and not isinstance(task.exception(), Disconnected):
            raise AssertionError("run() ended with a bug") from task.exception()


def said(inlet: RecordingInlet) -> list[str]:
    return [event.body.text.plain for event in inlet.events if isinstance(event.body, Message)]


class AdapterContract:
    """Subclass it as a test class and give it a fixture `rig`."""

    async def test_the_manifest_is_whole_and_making_an_adapter_touches_nothing(self, rig: Rig) -> None:
        adapter = rig.build(RecordingInlet(), toolbox())
        manifest = adapter.manifest
        assert manifest.protocol and manifest.title
        assert issubclass(manifest.config, msgspec.Struct)
        assert manifest.features.level(Feature.TEXT) is Level.NATIVE
        assert adapter.features(rig.channel).voice
        assert manifest.fold_channel(rig.channel.id) == rig.channel.id, "a channel's id must be folded already"
        assert ChannelId.parse(str(rig.channel)) == rig.channel
        assert rig.connections() == 0

    async def test_opening_a_channel_twice_is_like_opening_it_once(self, rig: Rig) -> None:
        async with running(rig) as one:
            infos = await one.adapter.open(rig.channel)
            assert [(info.channel, info.error) for info in infos] == [(rig.channel, None)]
            await rig.say(rig.people[0], "heard once")
            await rig.say(rig.people[1], "the end")
            await until(lambda: "the end" in said(one.inlet))
            assert said(one.inlet).count("heard once") == 1

    async def test_what_people_say_comes_in_order_with_author_and_channel(self, rig: Rig) -> None:
        async with running(rig) as one:
            for number in range(20):
                await rig.say(rig.people[number % 2], f"line {number}")
            await until(lambda: "line 19" in said(one.inlet))
            assert said(one.inlet) == [f"line {number}" for number in range(20)]
            messages = [event for event in one.inlet.events if isinstance(event.body, Message)]
            assert {event.channel for event in messages} == {rig.channel}
            assert len({event.author.id for event in messages}) == 2
            assert all(event.happened_at.utcoffset() is not None for event in messages)
            assert all(decode_event(encode_event(event)) == event for event in one.inlet.events)

    async def test_nothing_is_acknowledged_before_it_is_committed(self, rig: Rig) -> None:
        if rig.acked() is None:
            pytest.skip("this network knows no acknowledgements")
        async with running(rig) as one:
            before = rig.acked()
            one.inlet.shut()
            await rig.say(rig.people[0], "not yet safe")
            await until(lambda: one.inlet.offered)
            for _ in range(100):
                await asyncio.sleep(0)
            assert rig.acked() == before
            one.inlet.unshut()
            await until(lambda: rig.acked() != before)

    async def test_keys_are_stable_over_a_restart(self, rig: Rig) -> None:
        inlet = RecordingInlet()
        inlet.shut()
        async with running(rig, inlet):
            await rig.say(rig.people[0], "seen twice")
            await until(lambda: any(isinstance(event.body, Message) for event in inlet.offered))
        if not await rig.again():
            pytest.skip("this network never repeats itself")
        (first,) = [event for event in inlet.offered if isinstance(event.body, Message)]
        async with running(rig) as other:
            await until(lambda: said(other.inlet))
            (second,) = [event for event in other.inlet.events if isinstance(event.body, Message)]
            assert (second.key, second.channel, second.author.id) == (first.key, first.channel, first.author.id)

    async def test_two_happenings_never_share_a_key(self, rig: Rig) -> None:
        keys: list[EventKey] = []
        for end in ("the end", "the very end"):
            async with running(rig) as one:
                await rig.say(rig.people[0], "the same words")
                await rig.say(rig.people[0], "the same words")
                await rig.say(rig.people[0], end)
                await until(lambda one=one, end=end: end in said(one.inlet))  # type: ignore[misc]
                keys += [event.key for event in one.inlet.events if isinstance(event.body, Message)]
        assert len(set(keys)) >= 6

    async def test_people_stay_themselves_whatever_their_names(self, rig: Rig) -> None:
        seen: list[list[IdentityId]] = []
        for turn in range(2):
            async with running(rig) as one:
                for number, name in enumerate(rig.people):
                    await rig.say(name, f"{turn} I am {number}")
                last = f"{turn} I am {len(rig.people) - 1}"
                await until(lambda one=one, last=last: last in said(one.inlet))  # type: ignore[misc]
                new = [event for event in one.inlet.events if isinstance(event.body, Message)]
                seen.append([event.author.id for event in new if event.body.text.plain.startswith(f"{turn} ")])  # type: ignore[union-attr]
        assert seen[0] == seen[1]
        assert len(set(seen[0])) == len(rig.people)

    @pytest.mark.parametrize("text", HOSTILE_TEXTS)
    async def test_one_call_is_one_wire_message(self, rig: Rig, text: str) -> None:
        async with running(rig) as one:
            message = Message(text=Text(plain=text))
            split = one.adapter.manifest.split
            sample = make_delivery(one.adapter, rig.channel, message)
            parts = split(message, sample.voice, one.adapter.features(rig.channel)) if split else (message,)
            sent = 0
            for part in parts:
                try:
                    await one.adapter.deliver(make_delivery(one.adapter, rig.channel, part))
                    sent += 1
                except Rejected:
                    pass  # it says so instead of writing something else
            await one.adapter.deliver(make_delivery(one.adapter, rig.channel, "the end"))
            await until(lambda: "the end" in rig.heard())
            assert len(rig.heard()) == sent + 1
            assert not one.task.done()

    async def test_calls_are_written_in_their_order(self, rig: Rig) -> None:
        async with running(rig) as one:
            window = one.adapter.features(rig.channel).limits.in_flight
            for start in range(0, 4 * window, window):
                calls = [make_delivery(one.adapter, rig.channel, f"line {start + n}") for n in range(window)]
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(_deliver(one.adapter, call)) for call in calls]
                evidence = one.adapter.features(rig.channel).evidence
                assert all(task.result().evidence >= evidence for task in tasks)
            await until(lambda: len(rig.heard()) == 4 * window)
            assert list(rig.heard()) == [f"line {n}" for n in range(4 * window)]

    async def test_what_is_refused_says_why_and_the_next_goes_through(self, rig: Rig) -> None:
        self._needs(rig, Rejected)
        async with running(rig) as one:
            await rig.provoke(Rejected)
            with pytest.raises(Rejected) as refused:
                await one.adapter.deliver(make_delivery(one.adapter, rig.channel, "you won't like it"))
            assert refused.value.reason
            assert rig.heard() == []

    async def test_what_is_surely_not_sent_was_not_sent(self, rig: Rig) -> None:
        self._needs(rig, Unavailable)
        async with running(rig) as one:
            await rig.provoke(Unavailable)
            delivery = make_delivery(one.adapter, rig.channel, "later")
            with pytest.raises(Unavailable):
                await one.adapter.deliver(delivery)
        assert rig.heard() == []
        async with running(rig) as two:
            await two.adapter.deliver(delivery)
            await until(lambda: rig.heard())
            assert rig.heard() == ["later"]

    async def test_a_lost_answer_is_uncertain_and_found_where_one_can_look(self, rig: Rig) -> None:
        self._needs(rig, Uncertain)
        delivery: Delivery | None = None
        async with running(rig) as one:
            await rig.provoke(Uncertain)
            delivery = make_delivery(one.adapter, rig.channel, "did you hear me?")
            with pytest.raises(Uncertain):
                await one.adapter.deliver(delivery)
        async with running(rig) as two:
            if isinstance(two.adapter, Reconciles):
                found = await two.adapter.find(delivery)
                assert (found is not None) == ("did you hear me?" in rig.heard())
                assert await two.adapter.find(make_delivery(two.adapter, rig.channel, "did you hear me?")) is None
            before = len(rig.heard())
            await two.adapter.deliver(msgspec.structs.replace(delivery, repeat=True))
            await until(lambda: len(rig.heard()) > before)
            assert "did you hear me?" in rig.heard()[-1]

    async def test_not_connected_means_unavailable(self, rig: Rig) -> None:
        adapter = rig.build(RecordingInlet(), toolbox())
        with pytest.raises(Unavailable):
            await adapter.deliver(make_delivery(adapter, rig.channel, "too early"))
        assert rig.heard() == []

    @pytest.mark.parametrize("text", LONG_TEXTS, ids=("words", "one word", "accents", "families", "no spaces"))
    async def test_every_part_fits_and_nothing_is_lost(self, rig: Rig, text: str) -> None:
        async with running(rig) as one:
            split = one.adapter.manifest.split
            features = one.adapter.features(rig.channel)
            if split is None or features.limits.text is None:
                pytest.skip("nothing here is too long")
            message = Message(text=Text(plain=text))
            parts = split(message, make_delivery(one.adapter, rig.channel, message).voice, features)
            assert all(_size(part.text.plain, features.limits.unit) <= features.limits.text for part in parts)
            for part in parts:
                await one.adapter.deliver(make_delivery(one.adapter, rig.channel, part))
            await until(lambda: len(rig.heard()) == len(parts))
            assert _squeezed(rig.heard()) == _squeezed([text])

    async def test_every_native_feature_is_taken(self, rig: Rig) -> None:
        async with running(rig) as one:
            features = one.adapter.features(rig.channel)
            first = make_delivery(one.adapter, rig.channel, "first")
            receipt = await one.adapter.deliver(first)
            target = Target(event=first.event, ids=receipt.ids[:1], author=ALICE)
            ref = Ref(key=first.event)
            changes: dict[Feature, Body] = {
                Feature.EDIT: Edit(target=ref, message=Message(text=Text(plain="better"))),
                Feature.REACTIONS: Reactions(target=ref, keys=("👍",)),
                Feature.REDACTION: Redaction(target=ref),
            }
            for feature, body in changes.items():
                if features.level(feature) is Level.NATIVE and receipt.ids:
                    await one.adapter.deliver(make_delivery(one.adapter, rig.channel, body, target=target))
            if features.level(Feature.REPLY) is Level.NATIVE:
                await one.adapter.deliver(make_delivery(one.adapter, rig.channel, "an answer", reply_to=target))
            await one.adapter.deliver(make_delivery(one.adapter, rig.channel, "the end"))
            await until(lambda: "the end" in rig.heard())

    async def test_cancelling_leaves_no_task_and_no_connection(self, rig: Rig) -> None:
        before = asyncio.all_tasks()
        async with running(rig) as one:
            await rig.say(rig.people[0], "hello")
            await until(lambda: said(one.inlet))
            assert rig.connections() >= 1
        await until(lambda: rig.connections() == 0)
        await until(lambda: asyncio.all_tasks() <= before)

    async def test_a_cut_connection_ends_run_and_the_next_run_reopens(self, rig: Rig) -> None:
        async with running(rig) as one:
            await rig.cut()
            await asyncio.wait([one.task], timeout=PATIENCE)
            assert one.task.done(), "run() goes on without a connection"
            with pytest.raises(Disconnected):
                one.task.result()
            one.inlet.states.clear()
            again = asyncio.ensure_future(one.adapter.run())
            try:
                await until(lambda: one.inlet.connected or again.done())
                infos = await one.adapter.open(rig.channel)
                assert [info.error for info in infos] == [None]
                await rig.say(rig.people[0], "after the cut")
                await until(lambda: "after the cut" in said(one.inlet))
                await one.adapter.deliver(make_delivery(one.adapter, rig.channel, "so did I"))
                await until(lambda: "so did I" in rig.heard())
            finally:
                again.cancel()
                await asyncio.wait([again])

    @staticmethod
    def _needs(rig: Rig, outcome: type[DeliveryError]) -> None:
        if outcome not in rig.outcomes:
            pytest.skip(f"this network's rig can't provoke {outcome.__name__}")


async def _deliver(adapter: Adapter, delivery: Delivery) -> Receipt:
    try:
        return await adapter.deliver(delivery)
    except BridgeError as error:
        raise AssertionError(f"{delivery.body} was not delivered: {error!r}") from error


def _size(text: str, unit: Unit) -> int:
    return len(text.encode(errors="surrogatepass")) if unit is Unit.BYTES else len(text)


def _squeezed(texts: Sequence[str]) -> str:
    """Cuts fall on white space, which may be lost there; nothing else may."""
    return "".join("".join(texts).split())
