"""The suite that every adapter passes."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from bridge.contract.adapter import Adapter, Reconciles
from bridge.contract.delivery import Delivery, Receipt, Target
from bridge.contract.errors import BridgeError, DeliveryError, Disconnected, Rejected, Unavailable, Uncertain
from bridge.contract.features import Feature, Level, Unit
from bridge.model.events import Body, Edit, Message, Reactions, Redaction, Ref, Text
from bridge.testing.doubles import PATIENCE, RecordingInlet, toolbox, until
from bridge.testing.inward import ALICE, WhatComesIn, make_delivery, running, said
from bridge.testing.rig import Rig

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


class AdapterContract(WhatComesIn):
    """Subclass it as a test class and give it a fixture `rig`."""

    async def test_it_can_be_spoken_to_and_making_it_connects_nothing(self, rig: Rig) -> None:
        adapter = rig.build(RecordingInlet(), toolbox())
        assert adapter.manifest.features.level(Feature.TEXT) is Level.NATIVE
        assert rig.connections() == 0

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
