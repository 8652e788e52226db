"""Histories to one flat array, once: float64 [sum of n, 2] of item numbers and times, and where each history begins.

Letters: N users, n events of one, V items.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.arrays import Doubles, write_header
from components.errors import UserError
from components.modalities.base import Written
from components.modalities.events.config import FIRST, UNKNOWN, EventsConfig, EventsPacking
from components.modalities.events.decode import Event, NotEvents, decode
from components.modalities.events.packed import EVENTS, OFFSETS
from components.wording import counted

FILES = {EVENTS: "events.npy", OFFSETS: "offsets.npy"}
MOST = np.iinfo(np.int64).max // 16  # events, in a header that is written before they are counted
RARE = 0.05  # share of events of unknown items from which on a person is told


def pack_events(
    encoded: Callable[[], Iterable[Sequence[Any]]],
    total: int,
    folder: Path,
    config: EventsConfig,
    before: EventsPacking | None,
    progress: Callable[[float], None],
) -> Written:
    """See Modality.pack. Two passes where there is no packing before: the first finds the items."""
    items = before.items if before is not None else find_items(encoded(), config)
    writer = _Writer(items, config)
    end = 0
    with (folder / FILES[EVENTS]).open("wb") as events, (folder / FILES[OFFSETS]).open("wb") as offsets:
        write_header(events, np.float64, (MOST, 2))
        write_header(offsets, np.int64, (total + 1,))
        offsets.write(np.zeros(1, np.int64).tobytes())
        for batch in encoded():
            rows = writer.rows(batch)
            ends = end + np.cumsum([len(row) for row in rows], dtype=np.int64)
            events.write(b"".join(row.tobytes() for row in rows))
            offsets.write(ends.tobytes())
            end = int(ends[-1]) if len(ends) else end
            progress(writer.seen / max(1, total))
        assert writer.seen == total, f"{total} samples announced, {writer.seen} came"
        write_header(events, np.float64, (end, 2))
        write_header(offsets, np.int64, (writer.written.samples + 1,))
    writer.written.found = items
    writer.written.notes = writer.notes()
    return writer.written


def packing_of(config: EventsConfig, items: tuple[str, ...], folder: Path) -> EventsPacking:
    """What training must know, from the arrays in `folder`.

    Raises:
        UserError: there is one item or none.
    """
    if len(items) < 2:
        raise UserError(
            "samples-all-alike",
            f"event histories need at least two known items, got {len(items)}; look at modality.item, "
            "modality.kinds and modality.fewest",
        )
    since = None
    if config.held_out == "time":
        times = np.sort(np.load(folder / FILES[EVENTS], mmap_mode="r")[:, 1])
        since = (_newest(times, 2 * config.share), _newest(times, config.share))
    return EventsPacking(read_as=config, items=items, since=since)


def find_items(batches: Iterable[Sequence[Any]], config: EventsConfig) -> tuple[str, ...]:
    """The most frequent items, the most frequent first; of equals by name."""
    counts = Counter[str]()
    for batch in batches:
        for data in batch:
            assert isinstance(data, bytes), "rows of an earlier snapshot come with its packing"
            try:
                counts.update(event.item for event in counting(decode(data), config))
            except NotEvents:
                continue
    known = (item for item, count in counts.items() if count >= config.fewest)
    return tuple(sorted(known, key=lambda item: (-counts[item], item))[: config.vocabulary])


def counting(events: Sequence[Event], config: EventsConfig) -> list[Event]:
    """The events whose kind counts."""
    if not config.kinds:
        return list(events)
    return [event for event in events if not event.kind or event.kind in config.kinds]


def numbered(events: Sequence[Event], numbers: dict[str, int]) -> Doubles:
    """[n, 2] item numbers and times."""
    rows = [(numbers.get(event.item, UNKNOWN), event.time) for event in events]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def numbers_of(items: Sequence[str]) -> dict[str, int]:
    """Number of each known item."""
    return {item: number for number, item in enumerate(items, start=FIRST)}


def _newest(times: Doubles, share: float) -> float:
    """The time from which on about this share of the events lie; times [n] sorted."""
    return float(times[min(len(times) - 1, round((1 - share) * len(times)))])


class _Writer:
    """Batches of samples -> rows [n, 2], and what was seen of them."""

    def __init__(self, items: tuple[str, ...], config: EventsConfig) -> None:
        self.numbers, self.config = numbers_of(items), config
        self.written = Written(files=dict(FILES))
        self.seen = self.events = self.unknown = self.short = 0

    def rows(self, batch: Sequence[Any]) -> list[Doubles]:
        rows = list[Doubles]()
        for number, sample in enumerate(batch):
            row = self._row(sample)
            if isinstance(row, str):
                self.written.unreadable[self.seen + number] = row
                continue
            rows.append(row)
            self.events += len(row)
            self.unknown += int((row[:, 0] == UNKNOWN).sum())
            self.short += len(row) < 3
        self.seen += len(batch)
        self.written.samples += len(rows)
        return rows

    def _row(self, sample: Any) -> Doubles | str:
        """The row of a sample, or why there is none."""
        if isinstance(sample, np.ndarray):
            return np.ascontiguousarray(sample, dtype=np.float64)
        try:
            events = counting(decode(sample), self.config)
        except NotEvents as error:
            return str(error)
        return numbered(events, self.numbers) if events else "no events: of the kinds in modality.kinds"

    def notes(self) -> list[str]:
        notes = [f"{counted(self.events, 'event')} of {counted(len(self.numbers), 'item')}"]
        if self.unknown > RARE * self.events:
            notes.append(
                f"{100 * self.unknown / self.events:.0f} % of the events are of unknown items: they came after the "
                "first snapshot, or are rarer than modality.vocabulary and modality.fewest allow"
            )
        if self.short and self.config.held_out == "last":
            notes.append(f"{counted(self.short, 'user')} with fewer than 3 events, who are not measured")
        return notes
