"""Runs what is named on the command line, or everything, and prints one table. `--write` puts it into docs/benchmarks.md."""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks import joining, latency, scale, throughput
from benchmarks.scene import bridged, floor

Row = tuple[str, str, str, str, str]
HEAD: Row = ("what", "floor", "bridge", "ratio", "bar")
DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
MARK = "<!-- measured -->"


async def run_latency(folder: Path) -> list[Row]:
    rows = []
    for name, measure in (("IRC → Matrix", latency.inward), ("Matrix → IRC", latency.outward)):
        async with floor(folder / f"f{name[0]}") as scene:
            least = await measure(scene)
        async with bridged(folder / f"b{name[0]}") as scene:
            ours = await measure(scene)
        for percentile, low, high, bar in (
            ("p50", least.p50, ours.p50, "within 2 ms"),
            ("p99", least.p99, ours.p99, "within 10 ms"),
        ):
            rows.append((f"latency {name}, {percentile}", f"{low:.2f} ms", f"{high:.2f} ms", f"{high / low:.1f}", bar))
    return rows


async def run_throughput(folder: Path) -> list[Row]:
    rows = []
    for name, measure, speed, cost in (
        ("IRC → Matrix", throughput.inward, 1400, 0.6),
        ("Matrix → IRC", throughput.outward, 3300, 0.3),
    ):
        async with floor(folder / f"f{name[0]}") as scene:
            least = await measure(scene)
        async with bridged(folder / f"b{name[0]}") as scene:
            ours = await measure(scene)
        state = f"{ours.lost} lost, {'in order' if ours.in_order else 'OUT OF ORDER'}"
        rows.append(
            (
                f"burst of {throughput.LINES} {name} ({state})",
                f"{least.a_second:.0f}/s",
                f"{ours.a_second:.0f}/s",
                f"{ours.a_second / least.a_second:.2f}",
                f"≥ {speed}/s",
            )
        )
        rows.append(
            (
                f"CPU for 1,000 {name}",
                f"{least.cpu_per_thousand:.2f} s",
                f"{ours.cpu_per_thousand:.2f} s",
                f"{ours.cpu_per_thousand / max(least.cpu_per_thousand, 0.01):.1f}",
                f"≤ {cost} s",
            )
        )
    return rows


async def run_joining(folder: Path) -> list[Row]:
    async with bridged(folder / "joining") as scene:
        seconds, events = await joining.burst_of_one(scene)
    alone = joining.LINES * joining.SEND_SECONDS
    name = f"{joining.LINES} lines of one person, {joining.SEND_SECONDS * 1000:.0f} ms a send ({events} events)"
    return [(name, f"{alone:.1f} s", f"{seconds:.2f} s", f"{alone / seconds:.0f} times sooner", "≥ 20 times")]


async def run_scale(folder: Path) -> list[Row]:
    async with bridged(folder / "rooms", rooms=1000) as scene:
        seconds = await scale.start_to_first_message(scene)
    idle, full = await scale.with_puppets(folder / "puppets")
    return [
        ("start to first message, 1,000 linked rooms", "–", f"{seconds:.1f} s", "–", "≤ 5 s"),
        ("resident, idle, ten rooms", "–", f"{idle:.0f} MB", "–", "≤ 100 MB"),
        ("more with 10,000 known puppets", "–", f"{full - idle:.0f} MB", "–", "≤ 20 MB"),
    ]


RUNS: dict[str, Callable[[Path], Awaitable[list[Row]]]] = {
    "latency": run_latency,
    "throughput": run_throughput,
    "joining": run_joining,
    "scale": run_scale,
}


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
    words = asked.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        sync = synced_commit(Path(folder))
        for name in words.names or RUNS:
            print(f"{name} …", file=sys.stderr, flush=True)
            rows += await RUNS[name](Path(folder) / name)
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, a synced write of 4 KiB: {sync:.2f} ms"
    text = f"{machine}\n\n{table(rows)}\n"
    print(text)
    if words.write:
        before, mark, _ = DOCUMENT.read_text().partition(MARK)
        DOCUMENT.write_text(f"{before}{mark}\n\n{text}")


if __name__ == "__main__":
    asyncio.run(main())
