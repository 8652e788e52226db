"""Series to one flat array, once: float32 [sum of T, C], NaN is a gap, and where each series begins.

Letters: N series, C channels, T time steps of a series.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.arrays import Doubles, Floats, write_header
from components.errors import UserError, coded
from components.modalities.base import Written
from components.modalities.series.config import SeriesConfig, SeriesPacking
from components.modalities.series.decode import NotSeries, channels_of, decode
from components.modalities.series.packed import OFFSETS, VALUES, PackedSeries
from components.wording import counted

FILES = {VALUES: "values.npy", OFFSETS: "offsets.npy"}
MOST = np.iinfo(np.int64).max // 8  # of time steps, in a header that is written before they are counted


def pack_series(
    encoded: Callable[[], Iterable[Sequence[Any]]],
    total: int,
    folder: Path,
    config: SeriesConfig,
    before: SeriesPacking | None,
    progress: Callable[[float], None],
) -> Written:
    """See Modality.pack. Two passes where there is no packing before: the first finds the number of channels, that of
    most samples."""
    channels = before.channels if before is not None else _channels(encoded, config)
    writer = _Writer(config, channels)
    with (folder / FILES[VALUES]).open("wb") as values, (folder / FILES[OFFSETS]).open("wb") as offsets:
        write_header(values, np.float32, (MOST, channels))
        write_header(offsets, np.int64, (total + 1,))
        offsets.write(np.zeros(1, np.int64).tobytes())
        for batch in encoded():
            rows = writer.rows(batch)
            ends = writer.end + np.cumsum([len(row) for row in rows], dtype=np.int64)
            values.write(b"".join(row.tobytes() for row in rows))
            offsets.write(ends.tobytes())
            writer.end = int(ends[-1]) if len(ends) else writer.end
            progress(writer.seen / max(1, total))
        assert writer.seen == total, f"{total} samples announced, {writer.seen} came"
        write_header(values, np.float32, (writer.end, channels))
        write_header(offsets, np.int64, (writer.written.samples + 1,))
    writer.written.found = channels
    writer.written.notes = writer.notes()
    return writer.written


def packing_of(config: SeriesConfig, channels: int, packed: PackedSeries) -> SeriesPacking:
    """What training must know, from the series that are trained on.

    Raises:
        UserError: no channel of any of them varies.
    """
    count, total, square = np.zeros(channels), np.zeros(channels), np.zeros(channels)
    low, high = np.full(channels, np.inf), np.full(channels, -np.inf)
    longest = 1
    for place in packed.rows.tolist():
        values = packed.row(place).astype(np.float64)
        there = ~np.isnan(values)
        filled = np.where(there, values, 0.0)
        longest = max(longest, len(values))
        count += there.sum(axis=0)
        total += filled.sum(axis=0)
        square += (filled**2).sum(axis=0)
        low = np.minimum(low, np.where(there, values, np.inf).min(axis=0))
        high = np.maximum(high, np.where(there, values, -np.inf).max(axis=0))
    if len(packed) > 1 and not (high > low).any():
        raise UserError(
            "samples-all-alike",
            f"no channel of the {len(packed)} training samples varies: series that differ are required; look at the"
            " files in the inbox",
        )
    mean = total / np.maximum(count, 1)
    deviation = _deviation(packed, mean, count)
    std = np.where((high > low) & (deviation > 0), deviation, 1.0)
    return SeriesPacking(
        read_as=config,
        channels=channels,
        length=longest,
        mean=tuple(mean.astype(np.float32).tolist()),
        std=tuple(std.astype(np.float32).tolist()),
    )


def _deviation(packed: PackedSeries, mean: Doubles, count: Doubles) -> Doubles:
    """[C] standard deviation, by a second pass: a difference of sums would lose it where the mean is large."""
    square = np.zeros(len(mean))
    for place in packed.rows.tolist():
        square += np.nansum((packed.row(place).astype(np.float64) - mean) ** 2, axis=0)
    found: Doubles = np.sqrt(square / np.maximum(count, 1))
    return found


def of_channels(values: Floats, channels: int) -> Floats:
    """The same [T, C].

    Raises:
        NotSeries: it has another number of channels.
    """
    if values.shape[1] != channels:
        raise NotSeries(
            f"other channels: {counted(values.shape[1], 'channel')}, those of the first snapshot have {channels}"
        )
    return values


def _channels(encoded: Callable[[], Iterable[Sequence[Any]]], config: SeriesConfig) -> int:
    """C of most samples; of two that are equally frequent, the one that came first."""
    if config.channels:
        return len(config.channels)
    found = Counter[int]()
    for batch in encoded():
        for data in batch:
            assert isinstance(data, bytes), "rows of an earlier snapshot come with its packing"
            try:
                found[channels_of(data, config.axes)] += 1
            except NotSeries:
                continue
    return found.most_common(1)[0][0] if found else 1


class _Writer:
    """Batches of samples -> rows [T, C], and what was seen of them. end: time steps written so far."""

    def __init__(self, config: SeriesConfig, channels: int) -> None:
        self.config, self.channels = config, channels
        self.written = Written(files=dict(FILES))
        self.seen = self.end = self.gaps = self.constant = 0

    def rows(self, batch: Sequence[Any]) -> list[Floats]:
        rows = list[Floats]()
        for number, sample in enumerate(batch):
            try:
                values = sample if isinstance(sample, np.ndarray) else decode(sample, self.config.axes)
                rows.append(np.ascontiguousarray(of_channels(values, self.channels), dtype=np.float32))
            except NotSeries as error:
                self.written.unreadable[self.seen + number] = str(error)
                continue
            missing = np.isnan(rows[-1])
            self.gaps += bool(missing.any())
            level = np.where(missing, np.nan, rows[-1])
            first = level[np.argmax(~missing, axis=0), np.arange(self.channels)]
            self.constant += bool(((level == first) | missing).all())
        self.seen += len(batch)
        self.written.samples += len(rows)
        return rows

    def notes(self) -> list[str]:
        notes, samples = list[str](), max(1, self.written.samples)
        if self.gaps:
            notes.append(f"{100 * self.gaps / samples:.0f} % of the series have gaps")
        if self.constant:
            notes.append(
                f"{self.constant:,} of {samples:,} series do not vary in any channel (a sensor that is off?)"
            )
        if self.written.unreadable and any(
            "other channels" in why for why in self.written.unreadable.values()
        ):
            notes.append(
                "warning "
                + coded(
                    "channels-differ",
                    f"series that have not {self.channels} channels, as the first snapshot has them, are left out",
                )
            )
        return notes
