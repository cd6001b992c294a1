"""Bytes to lines: cut at LF, whatever the sizes of what arrives, with a cap on memory."""

MAX_LINE = 64 * 1024
"""Bytes of one line with its tags; message-tags allows 8191 + 512, LINELEN may allow more. A longer one is left out whole."""


class LineBuffer:
    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._rest = b""
        self._skipping = False
        self.overlong = 0
        """Lines left out because they had no end within the limit."""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, without their endings; empty ones included."""
        if self._rest:
            data = self._rest + data
        lines = data.split(b"\n")
        self._rest = lines.pop()
        if self._skipping and lines:
            lines.pop(0)
            self._skipping = False
        if len(self._rest) > self._limit:
            if not self._skipping:
                self.overlong += 1
            self._rest, self._skipping = b"", True
        if len(data) > self._limit:
            kept = [line for line in lines if len(line) <= self._limit]
            self.overlong += len(lines) - len(kept)
            return kept
        return lines
