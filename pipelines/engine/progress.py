"""What a person sees of a run: what is said, and how far the present stage is, with the time left."""

import shutil
import sys
import time
from collections import deque
from typing import Any, TextIO

INTERVAL = 10.0  # seconds between two lines of progress where the screen cannot be written over
RECENT = 30.0  # seconds whose speed tells how long the rest will take
ENOUGH = 0.01  # share of a stage that has to be done in these before its speed says anything


class Display:
    """Shows the records that execute() tells. On a terminal the last line moves; elsewhere lines are few."""

    def __init__(self, stream: TextIO | None = None, live: bool | None = None) -> None:
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty() if live is None else live
        self.stage, self.shown = "", 0.0
        self.seen = deque[tuple[float, float]]()  # of this stage: when, and how far it was

    def __call__(self, record: dict[str, Any]) -> None:
        stage, now = str(record["stage"]), time.monotonic()
        if "say" in record:
            self.line(f"{stage:>12} | {record['say']}")
        elif "done" in record:
            if stage != self.stage:
                self.stage, self.seen = stage, deque()
            if record["text"] != "" or self.live:
                self._progress(stage, float(record["done"]), str(record["text"]), now)
        elif record.get("status") == "started":
            self.stage, self.shown = "", now
            self._over(f"{stage:>12} | ...")
        elif record.get("status") == "found":
            self.line(f"{stage:>12} | found {record['reference']}: nothing changed")
        elif record.get("status") == "ran":
            self.line(f"{stage:>12} | done in {duration(record['seconds'])}: {record['reference']}")
        else:
            self.clear()

    def line(self, text: str) -> None:
        self.clear()
        self.stream.write(text + "\n")
        self.stream.flush()

    def clear(self) -> None:
        self._over("")

    def _progress(self, stage: str, done: float, text: str, now: float) -> None:
        shown = f"{stage:>12} | {100 * done:3.0f} %  {text}{self._left(done, now)}"
        if self.live:
            self._over(shown)
        elif now - self.shown >= INTERVAL:
            self.shown = now
            self.line(shown)

    def _left(self, done: float, now: float) -> str:
        """From the speed of the last RECENT seconds: a machine may have become busy, or free again."""
        self.seen.append((now, done))
        while len(self.seen) > 2 and now - self.seen[1][0] >= RECENT:
            self.seen.popleft()
        since, first = self.seen[0]
        made, taken = done - first, now - since
        return f"  {duration(taken * (1 - done) / made)} left" if made >= ENOUGH and taken > 5 else ""

    def _over(self, text: str) -> None:
        if self.live:
            self.stream.write("\r\x1b[K" + text[: shutil.get_terminal_size().columns - 1])
            self.stream.flush()


def duration(seconds: float) -> str:
    """0.4 -> '0.4 s', 75 -> '1:15 min', 4000 -> '1:06 h'."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"
