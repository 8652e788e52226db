"""Packed histories in use: batches out of memory-mapped arrays, without the events that are held out.

Letters: N users in the file, M rows in use, B users of a batch, T events of the longest of a batch, n events of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from components.arrays import Doubles, Ints
from components.data.packed import Packed, Pages

if TYPE_CHECKING:
    from torch import Tensor

EVENTS, OFFSETS = "events", "offsets"
PAGE = 4096
SHORTEST = 3  # events of a history of which the last two can be held out
Part = Literal["train", "choose", "test", "all"]


@dataclass(frozen=True)
class Parts:
    """How histories are divided. held_out, since: see EventsConfig and EventsPacking. length: of a view, at most."""

    held_out: Literal["last", "time", "none"]
    since: tuple[float, float] | None
    length: int

    def known(self, times: Doubles, part: Part) -> int:
        """How many events, of a history with these times [n], precede what `part` is measured on.

        "train": those that are trained on. "choose": the same; the next event is the target. "test": those before the
        tested event. "all": n.
        """
        count = len(times)
        if part == "all" or self.held_out == "none":
            return count
        if self.held_out == "last":
            return count if count < SHORTEST else count - (1 if part == "test" else 2)
        assert self.since is not None, "held_out by time comes with the times"
        return int(np.searchsorted(times, self.since[part == "test"], side="left"))

    def target(self, times: Doubles, part: Part) -> int | None:
        """Position of the event that is to be predicted: the first one held out for this part; None where there is
        none, or nothing before it."""
        place = self.known(times, part)
        end = len(times) if part == "test" else self.known(times, "test")
        return place if 0 < place < end else None


class PackedEvents(Packed):
    """events: float64 [sum of n, 2], item number and time, all histories one after another. offsets: [N + 1] int64,
    where they begin and the last one ends. part: which events `gather` and `known` give: by default those that are
    trained on."""

    def __init__(
        self, events: Doubles, offsets: Ints, parts: Parts, rows: Ints | None = None, part: Part = "train"
    ) -> None:
        self.events, self.offsets, self.parts, self.part = events, offsets, parts, part
        self.rows = np.arange(len(offsets) - 1) if rows is None else np.asarray(rows, dtype=np.int64)
        self._pages = Pages(events)

    @classmethod
    def open(cls, files: Mapping[str, Path], parts: Parts, rows: Ints | None = None) -> Self:
        """Map the arrays of a folder; rows=None takes all N histories."""
        events, offsets = (np.load(files[name], mmap_mode="r") for name in (EVENTS, OFFSETS))
        return cls(events, offsets, parts, rows)

    def before(self, part: Part) -> Self:
        """The same histories up to what another part is measured on."""
        return type(self)(self.events, self.offsets, self.parts, self.rows, part)

    def whole(self) -> Self:
        return self.before("all")

    def gather(self, index: "Tensor", *, pin: bool = False) -> "Tensor":
        """[B] -> [B, T] int64 item numbers, 0 behind the end of a history; of a long one the last events."""
        import torch  # 1 to 3 s that a reader of single rows need not wait for

        found = [self.known(place)[-self.parts.length :, 0] for place in self.rows[index.numpy()].tolist()]
        out = torch.zeros((len(found), max([1, *map(len, found)])), dtype=torch.int64, pin_memory=pin)
        target = out.numpy()
        for place, items in enumerate(found):
            target[place, : len(items)] = items
        return out

    def known(self, place: int) -> Doubles:
        """[n, 2] the events of `part`, of the history at a place in the arrays."""
        own = self._own(place)
        return own[: self.parts.known(own[:, 1], self.part)]

    def targets(self) -> Ints:
        """[M] number of the item that is to be predicted after the events of `part`, 0 where there is none."""
        out = np.zeros(len(self.rows), dtype=np.int64)
        for number, place in enumerate(self.rows.tolist()):
            own = self._own(place)
            at = self.parts.target(own[:, 1], self.part)
            out[number] = 0 if at is None else int(own[at, 0])
        return out

    def row(self, place: int) -> Doubles:
        """[n, 2], nothing held out."""
        return np.array(self._own(place))

    def select(self, rows: Ints) -> Self:
        return type(self)(self.events, self.offsets, self.parts, rows, self.part)

    def _own(self, place: int) -> Doubles:
        begin, end = int(self.offsets[place]), int(self.offsets[place + 1])
        self._pages.release(2 * PAGE + 16 * (end - begin))
        return self.events[begin:end]
