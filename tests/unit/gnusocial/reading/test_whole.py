"""Long posts are told whole, and no other page is ever taken for a post."""

import time
from typing import Any

import pytest

from adapters.gnusocial.reading.faces import Notice
from adapters.gnusocial.reading.whole import address_of, body_of, is_cut
from bridge.model.events import Boost
from tests.unit.gnusocial.kit import HOST, Asked, Told, status
from tests.unit.gnusocial.reading.wall import Desk, Wall

PAGE = f"https://{HOST}/file/whole.html"
LONG = "It begins like this, and then goes on and on. " * 40
SHORT = f'{LONG[:200]}… <a href="https://{HOST}/attachment/9" class="attachment more" title="x">https://{HOST}/attachment/9</a>'
PLACES = [{"url": PAGE, "mimetype": "text/html", "size": "9000"}]
HTML = {"content-type": "text/html; charset=UTF-8"}


class Files(Wall):
    """A wall whose server has files, too."""

    def __init__(self, page: str = f"<html><head><title>t</title></head><body><p>{LONG}</p></body></html>") -> None:
        super().__init__()
        self.file: Told | OSError = Told(body=page.encode(), headers=HTML)

    def answer(self, asked: Asked) -> Told | OSError:
        return self.file if asked.path.startswith(("/file/", "/attachment/")) else super().answer(asked)


async def told(wall: Wall, **more: Any) -> list[str]:
    desk = Desk(wall)
    async with desk.running():
        wall.post("short", **more)
        await desk.round()
    return desk.texts()


@pytest.mark.parametrize("more", [{"attachments": PLACES}, {}], ids=["as an attachment", "by its link"])
async def test_the_rest_of_a_long_post_is_fetched(more: dict[str, Any]) -> None:
    wall = Files()
    assert await told(wall, statusnet_html=SHORT, **more) == [LONG.strip()]
    (asked,) = (one for one in wall.http.asked if "text/html" in one.headers["accept"])
    assert "authorization" not in asked.headers


async def test_a_cut_post_that_is_repeated_is_told_whole() -> None:
    wall = Files()
    desk = Desk(wall)
    async with desk.running():
        wall.post("RT", retweeted_status=status(77, "short", statusnet_html=SHORT, attachments=PLACES))
        await desk.round()
    (event,) = desk.inlet.events
    assert isinstance(event.body, Boost) and event.body.original is not None
    assert event.body.original.text.plain == LONG.strip()


async def test_a_truncated_post_is_asked_for_by_its_number() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        id = wall.post("beginn…", truncated=True)
        wall.shown[f"{id}"] = Told(status(id, "beginning and end", statusnet_html="beginning and <b>end</b>", truncated=False))
        await desk.round()
    assert desk.texts() == ["beginning and end"]


@pytest.mark.parametrize(
    "file",
    [
        OSError("refused: 10.0.0.1 is private"),
        Told(status=404, body=b"gone", headers=HTML),
        Told(body=b"\x89PNG", headers={"content-type": "image/png"}),
        Told(body=b"<body>Another page, about something else entirely</body>", headers=HTML),
        Told(body=b"", headers=HTML),
        Told(body=b"<body>" + b"\xff" * 1000, headers=HTML),
    ],
    ids=["unreachable", "gone", "no page", "another page", "empty", "no text"],
)
async def test_where_the_rest_cant_be_had_the_beginning_is_told_with_its_link(file: Told | OSError) -> None:
    wall = Files()
    wall.file = file
    (text,) = await told(wall, statusnet_html=SHORT)
    assert text.startswith("It begins like this") and f"https://{HOST}/attachment/9" in text


async def test_many_cut_posts_are_not_all_fetched_at_once() -> None:
    wall = Files()
    desk = Desk(wall)
    async with desk.running():
        for _ in range(30):
            wall.post("short", statusnet_html=SHORT)
        await desk.round()
    assert len(desk.texts()) == 30
    assert len([one for one in wall.http.asked if one.path.startswith("/attachment/")]) == 10


def test_a_link_to_a_page_is_no_cut_post() -> None:
    assert not is_cut(Notice(number="1", html='read <a href="https://x.test/more" title="more">more</a>'))


def test_looking_for_the_rest_takes_no_time_whatever_the_post_is() -> None:
    began = time.perf_counter()
    for html in ("<a " * 300_000 + "more", '<a class="' * 100_000 + "more", "<a class='more " * 60_000):
        address_of(Notice(number="1", html=html))
    assert time.perf_counter() - began < 1


def test_a_post_of_nothing_but_a_link_is_never_replaced() -> None:
    notice = Notice(number="1", html=f'<a href="{PAGE}" class="attachment more">{PAGE}</a>', pages=(PAGE,))
    assert body_of(b"<body>Anything</body>", notice) is None
