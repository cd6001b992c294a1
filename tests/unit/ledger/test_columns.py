from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ledger.columns import CODES, STATES, micros, moment, words


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_come_back_to_the_microsecond(time: datetime) -> None:
    assert moment(micros(time)) == time


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-14, 14))  # noqa: DTZ001
def test_other_zones_are_the_same_moment(naive: datetime, hours: int) -> None:
    local = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert moment(micros(local)) == local


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(TypeError):
        micros(datetime(2026, 1, 1))  # noqa: DTZ001


@given(st.text(alphabet=st.characters(codec=None)))
def test_words_can_be_held_by_both_engines_and_change_only_what_cannot(text: str) -> None:
    held = words(text)
    assert "\0" not in held
    assert words(held) == held
    held.encode()
    if "\0" not in text and not any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        assert held == text


def test_states_keep_their_numbers() -> None:
    """They lie on disk."""
    assert {state.value: code for state, code in CODES.items()} == {
        "pending": 0,
        "leased": 1,
        "uncertain": 2,
        "done": 3,
        "dead": 4,
    }
    assert {code: state for state, code in CODES.items()} == STATES
