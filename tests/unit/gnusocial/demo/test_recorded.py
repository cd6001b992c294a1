"""The stand-in equals the recordings: the whole recorded story, told to two of them, is answered with the same bytes."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.gnusocial.demo.story import CORPUS, EXCHANGES, RECORDED, Story, Told, masked

NOT_THE_SAME = {"err_webfinger_404.html"}
"""Pages for people: the status, and that it is HTML, are what counts."""


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    yield asyncio.run(Story.tell())


@pytest.fixture
def told(story: Story) -> dict[str, Told]:
    return story.told


def named(exchange: dict[str, Any]) -> str:
    return str(exchange["name"])


def body_of(name: str) -> str:
    for folder in (RECORDED, CORPUS):
        if (folder / name).exists():
            return (folder / name).read_text()
    assert not os.environ.get("CI"), f"the recording is not beside the checkout: {CORPUS / name}"
    pytest.skip("the recording is too big to be kept here, and the corpus is not there")


@pytest.mark.parametrize("exchange", EXCHANGES, ids=named)
def test_status_and_headers_are_as_recorded(exchange: dict[str, Any], told: dict[str, Told]) -> None:
    answer = told[exchange["name"]]
    assert answer.status == exchange["status"]
    for name, value in exchange.get("headers", {}).items():
        assert masked(answer.headers.get(name, "")) == masked(value), name


@pytest.mark.parametrize("name", [one["name"] for one in EXCHANGES if (RECORDED / one["name"]).exists()])
def test_the_body_is_as_recorded(name: str, told: dict[str, Told]) -> None:
    assert masked(told[name].body) == masked(body_of(name))


BIG = [one["name"] for one in EXCHANGES if not (RECORDED / one["name"]).exists() and one["name"] not in NOT_THE_SAME]


@pytest.mark.corpus
@pytest.mark.parametrize("name", BIG)
def test_big_bodies_are_as_recorded(name: str, told: dict[str, Told]) -> None:
    assert masked(told[name].body) == masked(body_of(name))


@pytest.mark.corpus
@pytest.mark.parametrize("kind", ["push", "salmon"])
def test_sites_write_to_each_other_as_recorded(kind: str, story: Story) -> None:
    """Each push and each slap of the recording was sent, with the same bytes, and no other."""
    if not CORPUS.exists():
        assert not os.environ.get("CI"), f"the corpus is not beside the checkout: {CORPUS}"
        pytest.skip("the corpus is not there")
    pattern = {"push": "*-push-to-*.xml", "salmon": "*.decoded.atom"}[kind]
    late = "19:21:05", "19:21:04"  # between a following and the notice of it a second had passed
    recorded = {masked(path.read_text()).replace(*late) for path in (CORPUS / "ostatus").glob(pattern)}
    assert {masked(letter) for letter in story.letters[kind]} == recorded
