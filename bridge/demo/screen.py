"""What the demo's user reads while it works."""

import time


def say(line: str) -> None:
    print(f"  {line}", flush=True)


class Progress:
    """A line for each step, with the seconds that it took."""

    def __init__(self) -> None:
        self._began: float | None = None

    def step(self, what: str) -> None:
        """Begins a step; the one before is done."""
        self.done()
        print(f"  {what}", end="", flush=True)
        self._began = time.monotonic()

    def done(self) -> None:
        if self._began is not None:
            print(f" {time.monotonic() - self._began:.1f} s", flush=True)
            self._began = None


def clock() -> str:
    return time.strftime("%H:%M:%S")
