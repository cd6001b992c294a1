"""Counters, gauges and timings, shown in the Prometheus text format 0.0.4.

Labels can be chosen by strangers without their knowing (a channel, an error's words), so each metric keeps a bounded number of
label sets: what comes after is counted together under the value `other`, and nothing grows without end.
"""

import math
import re
from bisect import bisect_left
from typing import TypeAlias

PREFIX = "unabridged_"
SERIES = 1000
"""Label sets of one metric that are told apart."""
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""Seconds."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels: TypeAlias = tuple[tuple[str, str], ...]
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")


class _Timing:
    __slots__ = ("buckets", "count", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * len(BUCKETS)
        self.count = 0
        self.sum = 0.0


class PrometheusMetrics:
    """Keeps `contract.toolbox.Metrics`. A name stays of the kind it was first used as; another use raises `ValueError`."""

    def __init__(self) -> None:
        self._counters: dict[str, dict[Labels, float]] = {}
        self._gauges: dict[str, dict[Labels, float]] = {}
        self._timings: dict[str, dict[Labels, _Timing]] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        series = self._counters.get(name)
        if series is None:
            series = self._counters.setdefault(self._new(name), {})
        key = tuple(labels.items())
        if key in series:
            series[key] += amount
        else:
            key = _bounded(key, series)
            series[key] = series.get(key, 0.0) + amount

    def gauge(self, name: str, value: float, **labels: str) -> None:
        series = self._gauges.get(name)
        if series is None:
            series = self._gauges.setdefault(self._new(name), {})
        key = tuple(labels.items())
        series[key if key in series else _bounded(key, series)] = value

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        series = self._timings.get(name)
        if series is None:
            series = self._timings.setdefault(self._new(name), {})
        key = tuple(labels.items())
        timing = series.get(key)
        if timing is None:
            timing = series.setdefault(_bounded(key, series), _Timing())
        bucket = bisect_left(BUCKETS, seconds)
        if bucket < len(BUCKETS):
            timing.buckets[bucket] += 1
        timing.count += 1
        timing.sum += seconds

    def _new(self, name: str) -> str:
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is no name of a metric")
        if any(name in kind for kind in (self._counters, self._gauges, self._timings)):
            raise ValueError(f"{name} is a metric of another kind already")
        return name

    def text(self) -> str:
        """What `/metrics` answers."""
        lines: list[str] = []
        for name, counts in sorted(self._counters.items()):
            full = PREFIX + (name if name.endswith("_total") else f"{name}_total")
            lines.append(f"# TYPE {full} counter")
            lines += [f"{full}{_labels(key)} {_number(value)}" for key, value in sorted(counts.items())]
        for name, values in sorted(self._gauges.items()):
            lines.append(f"# TYPE {PREFIX}{name} gauge")
            lines += [f"{PREFIX}{name}{_labels(key)} {_number(value)}" for key, value in sorted(values.items())]
        for name, timings in sorted(self._timings.items()):
            full = PREFIX + (name if name.endswith("_seconds") else f"{name}_seconds")
            lines.append(f"# TYPE {full} histogram")
            for key, timing in sorted(timings.items()):
                lines += _histogram(full, key, timing)
        return "\n".join([*lines, ""])


def _bounded(key: Labels, series: "dict[Labels, float] | dict[Labels, _Timing]") -> Labels:
    """The key of a new series, in one order whatever order the caller named the labels in; `other` once there are too many."""
    key = tuple(sorted((name, str(value)) for name, value in key))
    if key not in series and len(series) >= SERIES:
        return tuple((name, "other") for name, _ in key)
    return key


def _histogram(name: str, key: Labels, timing: _Timing) -> list[str]:
    lines, below = [], 0
    for bound, count in zip(BUCKETS, timing.buckets, strict=True):
        below += count
        lines.append(f"{name}_bucket{_labels((*key, ('le', _number(bound))))} {below}")
    lines.append(f"{name}_bucket{_labels((*key, ('le', '+Inf')))} {timing.count}")
    return [*lines, f"{name}_sum{_labels(key)} {_number(timing.sum)}", f"{name}_count{_labels(key)} {timing.count}"]


def _labels(key: Labels) -> str:
    if not key:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in key) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").encode("utf-8", "replace").decode()


def _number(value: float) -> str:
    if math.isinf(value) or math.isnan(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
