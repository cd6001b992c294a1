"""`/metrics` is read by machines: its form is exact, and no stranger can make it grow without end."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.toolbox import Metrics
from bridge.ops.metrics import SERIES, PrometheusMetrics

PAIR = r'[a-z_]+="([^"\\\n]|\\\\|\\"|\\n)*"'
LINE = re.compile(rf"[a-z_]+(\{{{PAIR}(,{PAIR})*\}})? ([+-]?[0-9.e+-]+|NaN|[+-]Inf)\Z")


def test_counters_gauges_and_timings_have_their_form() -> None:
    metrics = PrometheusMetrics()
    metrics.count("events", network="local")
    metrics.count("events", 2, network="local")
    metrics.gauge("lanes", 1.5)
    metrics.observe("delivery", 0.003)
    metrics.observe("delivery", 99.0)
    lines = metrics.text().splitlines()
    assert lines[:4] == [
        "# TYPE unabridged_events_total counter",
        'unabridged_events_total{network="local"} 3',
        "# TYPE unabridged_lanes gauge",
        "unabridged_lanes 1.5",
    ]
    assert "# TYPE unabridged_delivery_seconds histogram" in lines
    assert 'unabridged_delivery_seconds_bucket{le="0.002"} 0' in lines
    assert 'unabridged_delivery_seconds_bucket{le="0.005"} 1' in lines
    assert 'unabridged_delivery_seconds_bucket{le="+Inf"} 2' in lines
    assert lines[-2:] == ["unabridged_delivery_seconds_sum 99.003", "unabridged_delivery_seconds_count 2"]


def test_a_name_that_says_its_unit_already_is_left_so() -> None:
    metrics = PrometheusMetrics()
    metrics.observe("delivery_seconds", 1.0)
    metrics.count("events_total")
    assert "seconds_seconds" not in metrics.text()
    assert "total_total" not in metrics.text()


def test_the_order_of_labels_makes_no_second_series() -> None:
    metrics = PrometheusMetrics()
    metrics.count("x", a="1", b="2")
    metrics.count("x", b="2", a="1")
    assert metrics.text().splitlines()[1:] == ['unabridged_x_total{a="1",b="2"} 2']


def test_what_strangers_choose_is_bounded_and_nothing_goes_uncounted() -> None:
    metrics = PrometheusMetrics()
    for number in range(SERIES + 500):
        metrics.count("x", channel=str(number))
        metrics.gauge("g", number, channel=str(number))
        metrics.observe("t", 1.0, channel=str(number))
    series = [line for line in metrics.text().splitlines() if line.startswith("unabridged_x")]
    assert len(series) == SERIES + 1
    assert 'unabridged_x_total{channel="other"} 500' in series
    assert metrics.text().count("unabridged_g{") == SERIES + 1


def test_a_metric_has_one_kind() -> None:
    metrics = PrometheusMetrics()
    metrics.count("x")
    with pytest.raises(ValueError, match="another kind"):
        metrics.gauge("x", 1)
    with pytest.raises(ValueError, match="no name"):
        metrics.count("x y")


def test_it_is_what_adapters_are_promised() -> None:
    metrics: Metrics = PrometheusMetrics()
    metrics.count("x")


@given(st.text(max_size=20), st.floats())
def test_no_label_and_no_number_breaks_the_form(label: str, value: float) -> None:
    metrics = PrometheusMetrics()
    metrics.gauge("x", value, label=label)
    lines = metrics.text().split("\n")
    assert len(lines) == 3
    assert LINE.match(lines[1])
    lines[1].encode()
