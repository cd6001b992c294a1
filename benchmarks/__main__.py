"""Runs what is named on the command line, or everything, and prints one table. `--write` puts it into docs/benchmarks.md."""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias, TypeVar

import uvloop

from benchmarks import feeds, joining, latency, pushed, scale, throughput, xmpp, xmpp_scale
from benchmarks.scene import bridged, floor

Row = tuple[str, str, str, str, str]
T = TypeVar("T", latency.Times, throughput.Burst, tuple[float, int])
S = TypeVar("S")
Make: TypeAlias = Callable[[Path], AbstractAsyncContextManager[S]]
Measure: TypeAlias = Callable[[S], Awaitable[T]]
HEAD: Row = ("what", "floor", "bridge", "against the floor", "bar")
DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
MARK = "<!-- measured -->"


async def best_of(rounds: int, make: Make[S], measure: Measure[S, T], folder: Path) -> tuple[T, list[T]]:
    """The best of so many rounds, each on a fresh scene, and all of them: others may be using the machine too."""
    every = []
    for number in range(rounds):
        async with make(folder / str(number)) as scene:
            every.append(await measure(scene))
    return min(every), every


async def run_latency(folder: Path, rounds: int) -> list[Row]:
    rows: list[Row] = []
    for name, measure in (("IRC → Matrix", latency.inward), ("Matrix → IRC", latency.outward)):
        rows += await _latency(name, floor, bridged, measure, folder, rounds)
    return rows


async def _latency(
    name: str, least: Make[S], ours: Make[S], measure: Measure[S, latency.Times], folder: Path, rounds: int
) -> list[Row]:
    low, _ = await best_of(rounds, least, measure, folder / f"f{name[0]}")
    high, _ = await best_of(rounds, ours, measure, folder / f"b{name[0]}")
    return [
        (f"latency {name}, {which}", f"{below:.2f} ms", f"{above:.2f} ms", f"+{above - below:.2f} ms", bar)
        for which, below, above, bar in (("p50", low.p50, high.p50, "within 2 ms"), ("p99", low.p99, high.p99, "within 10 ms"))
    ]


async def run_throughput(folder: Path, rounds: int) -> list[Row]:
    rows: list[Row] = []
    for name, measure, bars in (
        ("IRC → Matrix", throughput.inward, ("≥ 1400/s", "≤ 0.6 s")),
        ("Matrix → IRC", throughput.outward, ("≥ 3300/s", "≤ 0.3 s")),
    ):
        rows += await _throughput(name, floor, bridged, measure, folder, rounds, bars)
    return rows


async def _throughput(
    name: str,
    least: Make[S],
    ours: Make[S],
    measure: Measure[S, throughput.Burst],
    folder: Path,
    rounds: int,
    bars: tuple[str, str],
) -> list[Row]:
    low, _ = await best_of(rounds, least, measure, folder / f"f{name[0]}")
    high, every = await best_of(rounds, ours, measure, folder / f"b{name[0]}")
    lost, in_order = sum(burst.lost for burst in every), all(burst.in_order for burst in every)
    state = f"{lost} lost, {'in order' if in_order else 'OUT OF ORDER'}"
    speed = (f"{low.a_second:.0f}/s", f"{high.a_second:.0f}/s", f"{high.a_second / low.a_second:.2f}")
    below, above = low.cpu_per_thousand, high.cpu_per_thousand
    cost = (f"{below:.2f} s", f"{above:.2f} s", f"{above / max(below, 0.01):.1f}")
    return [(f"burst of {throughput.LINES} {name} ({state})", *speed, bars[0]), (f"CPU for 1,000 {name}", *cost, bars[1])]


async def run_joining(folder: Path, rounds: int) -> list[Row]:
    (seconds, events), _ = await best_of(rounds, bridged, joining.burst_of_one, folder / "joining")
    alone = joining.LINES * joining.SEND_SECONDS
    name = f"{joining.LINES} lines of one person, {joining.SEND_SECONDS * 1000:.0f} ms a send ({events} events)"
    return [(name, f"{alone:.1f} s", f"{seconds:.2f} s", f"{alone / seconds:.0f} times sooner", "≥ 20 times")]


async def run_scale(folder: Path, rounds: int) -> list[Row]:
    """Once, whatever `rounds` says: none of it is near its bar."""
    async with bridged(folder / "rooms", rooms=1000) as scene:
        first, ready = await scale.start_to_first_message(scene)
    idle, full = await scale.with_puppets(folder / "puppets")
    return [
        ("start to first message, 1,000 linked rooms", "–", f"{first:.1f} s", "–", "≤ 5 s"),
        ("start to all 1,000 rooms open", "–", f"{ready:.1f} s", "–", "–"),
        ("resident, idle, ten rooms", "–", f"{idle:.0f} MB", "–", "≤ 100 MB"),
        ("more with 10,000 known puppets", "–", f"{full - idle:.0f} MB", "–", "≤ 20 MB"),
    ]


async def _pushed(folder: Path, rounds: int) -> list[Row]:
    times = min([await pushed.measure(folder / str(number)) for number in range(rounds)])
    return [
        ("a post pushed by WebSub, from the hub's call to the room, p50", "–", f"{times.p50:.1f} ms", "–", "≤ 100 ms"),
        ("the same, p99", "–", f"{times.p99:.1f} ms", "–", "–"),
    ]


async def run_feeds(folder: Path, rounds: int) -> list[Row]:
    """The ten thousand once, whatever `rounds` says: they take seven minutes."""
    rows = await _pushed(folder / "pushed", rounds)
    cost = await feeds.measure(folder)
    name = f"{feeds.FEEDS:,} feeds on {feeds.HOSTS} hosts ({cost.looks:.0f} looks/s; {cost.news} entries, {cost.arrived} arrived)"
    return [
        *rows,
        (f"{name}: processor", "–", f"{cost.cores:.3f} of a core", "–", "≤ 0.15"),
        (f"{feeds.FEEDS:,} feeds: resident, with the parser", "–", f"{cost.resident:.0f} MB", "–", "≤ 300 MB"),
        (f"{feeds.FEEDS:,} feeds: answer to `/health`, p99", "–", f"{cost.lag_p99:.1f} ms", "–", "≤ 20 ms"),
    ]


async def run_xmpp(folder: Path, rounds: int) -> list[Row]:
    parts = (run_xmpp_latency, run_xmpp_throughput, run_xmpp_joining, run_xmpp_rooms, run_xmpp_accounts)
    return [row for part in parts for row in await part(folder / part.__name__, rounds)]


async def run_xmpp_latency(folder: Path, rounds: int) -> list[Row]:
    rows: list[Row] = []
    for name, measure in (("XMPP → Matrix", xmpp.latency_in), ("Matrix → XMPP", xmpp.latency_out)):
        rows += await _latency(name, xmpp.floor, xmpp.bridged, measure, folder, rounds)
    return rows


async def run_xmpp_throughput(folder: Path, rounds: int) -> list[Row]:
    rows: list[Row] = []
    for name, measure in (("XMPP → Matrix", xmpp.burst_in), ("Matrix → XMPP", xmpp.burst_out)):
        rows += await _throughput(name, xmpp.floor, xmpp.bridged, measure, folder, rounds, ("≥ 900/s", "–"))
    return rows


async def run_xmpp_joining(folder: Path, rounds: int) -> list[Row]:
    """Of CPU: once, whatever `rounds` says."""
    joined, copy = await xmpp_scale.joining(folder)
    return [
        (f"{xmpp_scale.PUPPETS} of Matrix come into a MUC, each with a word: CPU", "–", f"{joined:.2f} s", "–", "≤ 2 s"),
        (f"each copy of a message more, with {xmpp_scale.PUPPETS} of them there: CPU", "–", f"{copy:.1f} µs", "–", "≤ 10 µs"),
    ]


async def run_xmpp_rooms(folder: Path, rounds: int) -> list[Row]:
    """Once, whatever `rounds` says."""
    count = f"{xmpp_scale.ROOMS:,} MUCs with {xmpp_scale.PEOPLE_EACH} people each, {scale.PUPPETS:,} known puppets"
    return [(f"resident, idle, {count}", "–", f"{await xmpp_scale.resident(folder):.0f} MB", "–", "≤ 200 MB")]


async def run_xmpp_accounts(folder: Path, rounds: int) -> list[Row]:
    """Once, whatever `rounds` says."""
    each = await xmpp_scale.account(folder)
    name = f"one account of {xmpp_scale.ACCOUNTS}, {xmpp_scale.CONTACTS} contacts in each: resident"
    return [(name, "–", f"{each:.2f} MB", "–", "≤ 1.5 MB")]


RUNS: dict[str, Callable[[Path, int], Awaitable[list[Row]]]] = {
    "latency": run_latency,
    "throughput": run_throughput,
    "joining": run_joining,
    "scale": run_scale,
    "feeds": run_feeds,
    "xmpp": run_xmpp,
    "xmpp-latency": run_xmpp_latency,
    "xmpp-throughput": run_xmpp_throughput,
    "xmpp-joining": run_xmpp_joining,
    "xmpp-rooms": run_xmpp_rooms,
    "xmpp-accounts": run_xmpp_accounts,
}

WHOLE = [name for name in RUNS if "-" not in name]
"""What is part of no other."""


def synced_commit(folder: Path) -> float:
    """Milliseconds that one synced write of a page costs on the disk under `folder`, median."""
    took = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[len(took) // 2]


def table(rows: list[Row]) -> str:
    lines = [HEAD, tuple("---" for _ in HEAD), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


async def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    asked.add_argument("names", nargs="*", choices=[[], *RUNS], help="which; all of them if none is named")
    asked.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    asked.add_argument("--rounds", type=int, default=3, help="of how many rounds the best counts; 3 if not given")
    words = asked.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        sync = synced_commit(Path(folder))
        for name in words.names or WHOLE:
            print(f"{name} …", file=sys.stderr, flush=True)
            rows += await RUNS[name](Path(folder) / name, words.rounds)
    where = f"Python {platform.python_version()}, {os.cpu_count()} cores, a synced write of 4 KiB: {sync:.2f} ms"
    machine = f"{where}; the best of {words.rounds} rounds"
    text = f"{machine}\n\n{table(rows)}\n"
    print(text)
    if words.write:
        before, mark, _ = DOCUMENT.read_text().partition(MARK)
        DOCUMENT.write_text(f"{before}{mark}\n\n{text}")


if __name__ == "__main__":
    uvloop.run(main())
