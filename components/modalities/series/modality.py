"""Series, bound to the interface of modalities.

Letters: N series, T time steps of a series, C channels.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from components.arrays import Floats, Ints
from components.modalities.base import Modality, Written
from components.modalities.series import serve
from components.modalities.series.config import SeriesConfig, SeriesLimits, SeriesPacking, placeholder
from components.modalities.series.decode import decode
from components.modalities.series.pack import of_channels, pack_series, packing_of
from components.modalities.series.packed import PackedSeries
from components.modalities.series.read import SeriesReader
from components.modalities.series.show import sparkline
from components.modalities.series.suit import SeriesLook

WIDE = 4  # width of a picture by its height


class SeriesSamples(Modality[SeriesConfig, SeriesPacking]):
    """Packed as float32 [T, C] a series; a view is [B, C, T] float32. NaN is a gap, or behind the end."""

    config: SeriesConfig
    founded = True
    policies: ClassVar[Mapping[str, str]] = {
        "sensor": "spans of the series, noise, other amplitudes, hidden steps and channels"
    }
    beside = 4
    Limits = SeriesLimits
    columns = (serve.COLUMN,)

    def look(self) -> SeriesLook:
        return SeriesLook(self.config)

    def placeholder(self) -> SeriesPacking:
        return placeholder(self.config)

    def reader(self, limits: SeriesLimits) -> SeriesReader:
        return SeriesReader(self.config, limits)

    def pack(
        self,
        encoded: Callable[[], Iterable[Sequence[bytes | Floats]]],
        total: int,
        folder: Path,
        *,
        before: SeriesPacking | None = None,
        progress: Callable[[float], None] = lambda done: None,
    ) -> Written:
        return pack_series(encoded, total, folder, self.config, before, progress)

    def packing(self, written: Written, folder: Path, rows: Ints) -> SeriesPacking:
        files = {name: folder / file for name, file in written.files.items()}
        return packing_of(self.config, written.found, PackedSeries.open(files, rows))

    def values(self, given: Any, packing: SeriesPacking) -> list[Any]:
        """As for every kind; one array of three axes is a list of series."""
        if isinstance(given, np.ndarray) and given.dtype != object and given.ndim < 3:
            return [given]
        return super().values(given, packing)

    def example(self, stored: Floats, packing: SeriesPacking) -> list[list[float | None]]:
        return serve.to_value(stored, self.config.axes)

    def to_sample(self, value: Any) -> bytes:
        return serve.to_sample(value, self.config.axes)

    def stored(self, data: bytes, packing: SeriesPacking) -> Floats:
        return of_channels(decode(data, self.config.axes), packing.channels)

    def show(self, stored: Floats, packing: SeriesPacking, size: int = 64) -> str:
        mean, std = (np.array(values, dtype=np.float32) for values in (packing.mean, packing.std))
        return sparkline(stored, mean, std, WIDE * size // 2, size)
