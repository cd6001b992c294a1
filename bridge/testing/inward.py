"""The half of the suite that concerns what comes in: adapters of networks that can only be read pass it too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from bridge.contract.adapter import Adapter
from bridge.contract.delivery import Delivery
from bridge.contract.errors import Disconnected, Rejected
from bridge.contract.features import Feature, Level, Voice
from bridge.model.codec import decode_event, encode_event
from bridge.model.events import Body, Message, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId
from bridge.model.people import Identity, Profile
from bridge.testing.doubles import PATIENCE, RecordingInlet, toolbox, until
from bridge.testing.rig import InwardRig

ALICE = Identity(id=IdentityId(HUB, "@alice:example.org"), profile=Profile(name="alice"))


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
async def running(rig: InwardRig, inlet: RecordingInlet | None = None) -> AsyncIterator[Running]:
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


class WhatComesIn:
    """What `AdapterContract` and `InwardContract` have in common."""

    async def test_the_manifest_is_whole_and_making_an_adapter_touches_nothing(self, rig: InwardRig) -> None:
        before = asyncio.all_tasks()
        adapter = rig.build(RecordingInlet(), toolbox())
        manifest = adapter.manifest
        assert manifest.protocol and manifest.title
        assert issubclass(manifest.config, msgspec.Struct)
        assert adapter.features(rig.channel).voice
        assert manifest.fold_channel(rig.channel.id) == rig.channel.id, "a channel's id must be folded already"
        assert ChannelId.parse(str(rig.channel)) == rig.channel
        assert asyncio.all_tasks() <= before

    async def test_opening_a_channel_twice_is_like_opening_it_once(self, rig: InwardRig) -> None:
        async with running(rig) as one:
            infos = await one.adapter.open(rig.channel)
            assert [(info.channel, info.error) for info in infos] == [(rig.channel, None)]
            await rig.say(rig.people[0], "heard once")
            await rig.say(rig.people[1], "the end")
            await until(lambda: "the end" in said(one.inlet))
            assert said(one.inlet).count("heard once") == 1

    async def test_what_people_say_comes_in_order_with_author_and_channel(self, rig: InwardRig) -> None:
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

    async def test_nothing_is_acknowledged_before_it_is_committed(self, rig: InwardRig) -> None:
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

    async def test_keys_are_stable_over_a_restart(self, rig: InwardRig) -> None:
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

    async def test_two_happenings_never_share_a_key(self, rig: InwardRig) -> None:
        keys: list[EventKey] = []
        for end in ("the end", "the very end"):
            async with running(rig) as one:
                await rig.say(rig.people[0], "the same words")
                await rig.say(rig.people[0], "the same words")
                await rig.say(rig.people[0], end)
                await until(lambda one=one, end=end: end in said(one.inlet))  # type: ignore[misc]
                keys += [event.key for event in one.inlet.events if isinstance(event.body, Message)]
        assert len(set(keys)) >= 6

    async def test_people_stay_themselves_whatever_their_names(self, rig: InwardRig) -> None:
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


class InwardContract(WhatComesIn):
    """For a network that can only be read. Subclass it as a test class and give it a fixture `rig`."""

    async def test_what_is_said_to_it_is_refused_in_words(self, rig: InwardRig) -> None:
        async with running(rig) as one:
            assert one.adapter.features(rig.channel).level(Feature.TEXT) is Level.REFUSED
            with pytest.raises(Rejected) as refused:
                await one.adapter.deliver(make_delivery(one.adapter, rig.channel, "can you hear me?"))
            assert refused.value.reason
            assert not one.task.done()

    async def test_cancelling_leaves_no_task(self, rig: InwardRig) -> None:
        before = asyncio.all_tasks()
        async with running(rig) as one:
            await rig.say(rig.people[0], "hello")
            await until(lambda: said(one.inlet))
        await until(lambda: asyncio.all_tasks() <= before)
