"""What was measured, and which of two things it shows to be better.

Letters: T test items.
"""

import base64
from collections import defaultdict
from statistics import mean
from typing import Any

import numpy as np

from components.arrays import Bools

Row = dict[str, Any]
Group = dict[int, Row]  # by seed
Cell = tuple[str, int, str]  # start, steps, method
ORDER = {"10": 0, "40": 1, "100": 2, "400": 3, "all": 4}
OURS = ("scratch", "pretrained")


def pack(right: Bools) -> str:
    return f"{len(right)}:" + base64.b64encode(np.packbits(right).tobytes()).decode()


def unpack(text: str) -> Bools:
    size, bits = text.split(":")
    whole = np.unpackbits(np.frombuffer(base64.b64decode(bits), dtype=np.uint8))
    return np.asarray(whole[: int(size)].astype(bool))


def verdict(ours: list[Bools], base: list[Bools], resamples: int = 2000) -> tuple[str, float, float]:
    """better, equal or worse, and the 95 % interval of the difference: seeds and test items are drawn again."""
    difference = np.stack(ours).astype(float) - np.stack(base).astype(float)  # [seeds, T]
    rng, (seeds, items) = np.random.default_rng(0), difference.shape
    drawn = [
        difference[rng.integers(0, seeds, seeds)].mean(axis=0)[rng.integers(0, items, items)].mean()
        for _ in range(resamples)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return ("better" if low > 0 else "worse" if high < 0 else "equal"), float(low), float(high)


def key(row: Row) -> tuple[str, str, str, int, str, int]:
    return row["set"], row["labels"], row["start"], row["steps"], row["method"], row["seed"]


def accuracy(found: Group) -> float:
    """In %, mean over seeds."""
    return 100 * mean(float(unpack(row["right"]).mean()) for row in found.values())


def compared(found: Group, base: Group | None) -> tuple[str, float, float, int] | None:
    """The verdict on the seeds that both have, its interval in points, and how many seeds; None: there are none."""
    common = sorted(set(found) & set(base or {}))
    if not common or base is None:
        return None
    ours, alone = ([unpack(side[seed]["right"]) for seed in common] for side in (found, base))
    word, low, high = verdict(ours, alone)
    return word, 100 * low, 100 * high, len(common)


class Results:
    """Rows by cell (set, labels) and in it by (start, steps, method)."""

    def __init__(self, rows: list[Row]) -> None:
        cells: dict[tuple[str, str], dict[Cell, Group]] = defaultdict(lambda: defaultdict(dict))
        for row in rows:
            name, labels, start, steps, method, seed = key(row)
            cells[name, labels][start, steps, method][seed] = row
        self.cells = {cell: cells[cell] for cell in sorted(cells, key=lambda c: (c[0], ORDER.get(c[1], 9)))}

    def base(self, cell: tuple[str, str], start: str, steps: int) -> Group | None:
        """Supervised alone, as a training of this start and number of steps is compared with it."""
        found = self.cells[cell]
        if start in OURS:
            return found.get((start, steps, "supervised"))
        alone = [at for at in found if at[0] == "scratch" and at[2] == "supervised"]
        return found[max(alone, key=lambda at: (len(found[at]), at[1]))] if alone else None
