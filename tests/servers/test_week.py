"""What two sites and their feeds recorded comes into one room on a real homeserver: each post once, by whatever way it came."""

from collections import Counter
from pathlib import Path

import pytest

from tests.servers.week import Week, lived, week

pytestmark = pytest.mark.servers

POST = "org.unabridged.post"


def posts(there: Week) -> Counter[str]:
    """The global ids of what stands in the room, edits of it left aside."""
    contents = [event["content"] for event in there.alice.messages(there.room)]
    fresh = [one for one in contents if one.get("m.relates_to", {}).get("rel_type") != "m.replace"]
    return Counter(one[POST]["uri"] for one in fresh if POST in one)


async def test_each_post_stands_once_by_whatever_way_it_came(tmp_path: Path, synapse_python: Path) -> None:
    async with week(tmp_path, synapse_python) as there:
        await lived(there)
        await there.alice.sees_text(there.room, "federated picture", timeout=60)
        await there.alice.sees_text(there.room, "yes I am here", timeout=60)
        await there.bridge.child.stop()
        await there.bridge.start()
        await there.alice.say(there.room, "and now a post of my own")
        await there.alice.until(lambda: any("a post of my own" in one.text for one in there.story.sites[0].notices.values()))
        seen = posts(there)
        assert len(seen) >= 12 and set(seen.values()) == {1}, seen
