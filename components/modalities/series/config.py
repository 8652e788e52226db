"""What a recipe may say of series, and what is known of packed ones.

Letters: N series, C channels, T time steps of a series.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from components.arrays import Ints
from components.config import Config
from components.modalities.base import Packing
from components.modalities.series.packed import PackedSeries

SERIES, TIME, LABEL = "series", "time", "label"  # columns, unless a recipe names others
PLACEHOLDER = 64  # time steps of a made-up series


class SeriesConfig(Config):
    """Samples are series, or windows of series. Names of columns are compared in small letters."""

    name: Literal["series"] = "series"
    """Selects series."""

    form: Literal["long", "wide"] = "long"
    """Form of tables: `long`, a row a time step with the column `series`; `wide`, a row a series of one channel, its
    values in the order of the columns."""

    series: str = Field(default=SERIES, min_length=1)
    """Column that names the series of a row; in wide tables it may be missing."""

    time: str | None = None
    """Column of the time in long tables, a number or a date; rows are put in its order. Null: a column called `time`;
    without one, rows are in order of time."""

    step: PositiveFloat | None = None
    """Time between two steps, in units of the column of the time (seconds for dates): a time that is missing becomes a
    gap. Null: every row is the next step, whatever its time."""

    channels: tuple[str, ...] = ()
    """Columns of values in long tables, in the order of the channels; empty: all columns that are nothing else, in the
    order of their names."""

    target: str | None = None
    """Column of the label, never part of a sample; null: a column called `label`, if there is one. A sample whose rows
    have different labels has none."""

    ignore: tuple[str, ...] = ()
    """Columns that are not part of a sample."""

    decimal: Literal[".", ","] = "."
    """Decimal point of numbers in text tables."""

    axes: Literal["time_first", "channels_first"] = "time_first"
    """Order of the axes of two-dimensional .npy and .npz arrays, [T, C] or [C, T]."""

    window: int | None = Field(default=None, ge=2)
    """Length of the windows in time steps into which series are cut; a rest that is shorter is left out, a series that
    is shorter is one sample. All windows of a series are in one split. Null: a series is one sample."""

    hop: PositiveInt | None = None
    """Time steps from the beginning of a window to that of the next; null: the length of a window."""

    scale: Literal["dataset", "series"] = "dataset"
    """What gives a channel mean 0 and standard deviation 1: all training samples together (level and amplitude count),
    or each series by itself (only the shape counts)."""

    @field_validator("series", "time", "target")
    @classmethod
    def _small(cls, name: str | None) -> str | None:
        return name.strip().lower() if name else None

    @field_validator("ignore", "channels")
    @classmethod
    def _all_small(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.strip().lower() for name in names)

    @model_validator(mode="after")
    def _hop_of_a_window(self) -> "SeriesConfig":
        if self.hop is not None and self.window is None:
            raise ValueError(f"hop needs a window, got hop {self.hop} and window null; set window, too")
        return self

    @property
    def label_column(self) -> str:
        """The column of the label, where a table has it."""
        return self.target or LABEL

    @property
    def time_column(self) -> str:
        """The column of the time, where a table has it."""
        return self.time or TIME

    @property
    def no_values(self) -> frozenset[str]:
        """Columns that hold no values."""
        return frozenset([*self.ignore, self.series, self.label_column, self.time_column])


class SeriesLimits(Config):
    """Limits on a series; one that exceeds them is quarantined."""

    max_bytes: PositiveInt = 256 << 20
    """Largest size of a file in bytes."""

    min_steps: PositiveInt = 2
    """Fewest time steps with a value in any channel."""

    max_steps: PositiveInt = 20_000
    """Most time steps of a sample; longer series have to be cut into windows (modality.window)."""

    max_channels: PositiveInt = 1024
    """Most channels."""


class SeriesPacking(Packing):
    """Packed series: one flat float32 array [sum of T, C], NaN is a gap, and int64 [N + 1] where each series begins."""

    name: Literal["series"] = "series"
    """Selects series."""

    read_as: SeriesConfig
    """How the series were read."""

    channels: PositiveInt
    """C."""

    length: PositiveInt
    """Time steps of the longest training sample."""

    mean: tuple[float, ...]
    """[C] of the training samples, gaps left out."""

    std: tuple[float, ...]
    """[C] of the training samples, gaps left out; 1 where a channel is constant."""

    @property
    def config(self) -> SeriesConfig:
        return self.read_as

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> PackedSeries:
        return PackedSeries.open(files, rows)

    def reads(self, other: Packing) -> bool:
        """The channels are the same, whatever their distribution and the length of series."""
        return (
            isinstance(other, SeriesPacking)
            and self.channels == other.channels
            and self.read_as.channels == other.read_as.channels
            and self.read_as.scale == other.read_as.scale
        )


def placeholder(config: SeriesConfig) -> SeriesPacking:
    """The packing of made-up series of one channel, or of those that the recipe names."""
    count = len(config.channels) or 1
    return SeriesPacking(
        read_as=config,
        channels=count,
        length=config.window or PLACEHOLDER,
        mean=(0.0,) * count,
        std=(1.0,) * count,
    )
