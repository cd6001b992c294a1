"""An answer to something never seen brings its question, as history and before it, and asks for it only once."""

from bridge.model.events import Event, Message, Origin
from tests.unit.gnusocial.kit import Told, names
from tests.unit.gnusocial.reading.wall import Desk, Wall, text_of


def unseen(wall: Wall, text: str, **more: object) -> int:
    """A post that stands on no timeline of ours."""
    return wall.post(text, path="elsewhere", **more)


def told(desk: Desk) -> list[tuple[str, Origin]]:
    return [(text_of(event), event.origin) for event in desk.inlet.events]


def answered(event: Event) -> str | None:
    assert isinstance(event.body, Message)
    return event.body.reply_to.key.id if event.body.reply_to is not None else None


async def test_the_whole_chain_up_to_the_first_post_comes_before_the_answer() -> None:
    wall = Wall()
    first = unseen(wall, "first")
    second = unseen(wall, "second", in_reply_to_status_id=f"{first}", statusnet_conversation_id=first)
    unseen(wall, "aside", in_reply_to_status_id=f"{first}", statusnet_conversation_id=first)
    wall.timelines[f"statusnet/conversation/{first}"] = wall.timelines["elsewhere"][:]
    desk = Desk(wall)
    async with desk.running():
        wall.post("third", in_reply_to_status_id=f"{second}", statusnet_conversation_id=first)
        await desk.round()
        asked = len(wall.asked(f"statusnet/conversation/{first}.json"))
        wall.post("fourth", in_reply_to_status_id=f"{second}", statusnet_conversation_id=first)
        await desk.round()
        assert len(wall.asked(f"statusnet/conversation/{first}.json")) == asked == 1
    assert told(desk) == [
        ("first", Origin.HISTORY),
        ("second", Origin.HISTORY),
        ("third", Origin.LIVE),
        ("fourth", Origin.LIVE),
    ]
    assert [answered(event) for event in desk.inlet.events] == [None, *(names(id)[0] for id in (first, second, second))]


async def test_without_a_conversation_posts_are_asked_for_one_by_one_a_few_steps() -> None:
    wall = Wall()
    ids = [unseen(wall, "0")]
    for number in range(1, 8):
        ids.append(unseen(wall, f"{number}", in_reply_to_status_id=f"{ids[-1]}"))
    desk = Desk(wall)
    async with desk.running():
        wall.post("answer", in_reply_to_status_id=f"{ids[-1]}")
        await desk.round()
    assert [text for text, _ in told(desk)] == ["5", "6", "7", "answer"]


async def test_a_question_that_is_gone_is_asked_for_once_and_the_answer_told_alone() -> None:
    wall = Wall()
    wall.shown["77"] = Told({"error": "Notice deleted."}, 410)
    desk = Desk(wall)
    async with desk.running():
        for number in range(3):
            wall.post(f"answer {number}", in_reply_to_status_id="77")
            await desk.round()
    assert [text for text, _ in told(desk)] == ["answer 0", "answer 1", "answer 2"]
    assert len(wall.asked("statuses/show/77.json")) == 1


async def test_many_answers_to_the_unseen_do_not_become_many_requests() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        before = len(wall.http.asked)
        for number in range(100, 160):
            wall.post(f"answer {number}", in_reply_to_status_id=f"{number}")
        await desk.round()
        assert len(wall.http.asked) - before < 25
    assert len(told(desk)) == 60


async def test_answers_that_answer_each_other_end() -> None:
    wall = Wall()
    one = unseen(wall, "one", in_reply_to_status_id="2")
    unseen(wall, "two", in_reply_to_status_id=f"{one}")
    desk = Desk(wall)
    async with desk.running():
        wall.post("answer", in_reply_to_status_id="2")
        await desk.round()
    assert sorted(text for text, _ in told(desk)) == ["answer", "one", "two"]


async def test_what_was_skipped_at_the_first_look_is_brought_by_its_answer() -> None:
    wall = Wall()
    ids = [wall.post(f"post {number}") for number in range(9)]
    desk = Desk(wall)
    async with desk.running():
        wall.post("answer", in_reply_to_status_id=f"{ids[0]}")
        wall.post("another", in_reply_to_status_id=f"{ids[8]}")
        await desk.round()
    assert [text for text, _ in told(desk)] == ["post 6", "post 7", "post 8", "post 0", "answer", "another"]


async def test_after_a_start_what_was_handed_in_before_is_still_known() -> None:
    wall = Wall()
    for number in range(5):
        wall.post(f"post {number}")
    desk = Desk(wall)
    async with desk.running():
        pass
    wall.post("answer", in_reply_to_status_id="5")
    desk.begin()
    async with desk.running():
        pass
    assert not [one for one in wall.http.asked if "conversation" in one.path or "show" in one.path]
    assert desk.texts() == ["post 2", "post 3", "post 4", "answer"]


async def test_a_server_that_fails_on_a_conversation_still_tells_the_answer() -> None:
    wall = Wall()
    desk = Desk(wall)
    wall.moods["statusnet/conversation/9"] = Told(None, 500)
    async with desk.running():
        wall.post("answer", in_reply_to_status_id="77", statusnet_conversation_id=9)
        await desk.round()
    assert [text for text, _ in told(desk)] == ["answer"]
