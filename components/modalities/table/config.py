"""What a recipe may say of tables, and what is known of packed rows.

Letters: N samples, F features of a packed row, K categories of a feature, Q quantiles of a feature.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator

from components.arrays import Floats, Ints
from components.config import Config
from components.data.packed import PackedArray
from components.modalities.base import Packing

ARRAY = "rows"  # name of the packed array
QUANTILES = 101  # Q: 0, 1, ..., 100 %
LABEL = "label"  # column of the label, unless a recipe names another
OTHER = 1  # code of a category that is rare or was not seen; 0 stands for missing in embeddings
FIRST = 2  # code of the most frequent category
Kind = Literal["numeric", "categorical", "boolean", "date"]


class TableConfig(Config):
    """Samples are rows of tables. Names of columns are compared in small letters."""

    name: Literal["table"] = "table"
    """Selects rows of tables."""

    key: str | None = None
    """Column that names a row, e.g. in a label file; null: identical rows are one sample."""

    target: str | None = None
    """Column of the label, never part of a sample; null: a column called `label`, if there is one."""

    ignore: tuple[str, ...] = ()
    """Columns that are not part of a sample."""

    time: str | None = None
    """Column of the time at which a row was recorded; not part of a sample."""

    kinds: dict[str, Kind] = Field(default_factory=dict)
    """Kind of columns by name, where the kind that is inferred is not the right one."""

    missing: tuple[str, ...] = ()
    """Further spellings of a missing value, besides empty cells and the usual ones (NA, nan, null, ...)."""

    decimal: Literal[".", ","] | None = None
    """Decimal point of all numbers; null: inferred for each column."""

    dates: Literal["day_first", "month_first"] | None = None
    """Order of day and month in dates with slashes; null: inferred for each column."""

    categories: PositiveInt = 100
    """Most categories of a column; less frequent ones count as one, "other"."""

    rare: PositiveInt = 3
    """Fewest samples of a category; those below it count as "other"."""

    changes: Literal["refuse", "adapt"] = "refuse"
    """What happens to columns that differ from those of the first snapshot: an error (`refuse`), or new columns are
    ignored and missing or retyped ones are taken as missing values (`adapt`)."""

    @field_validator("key", "target", "time")
    @classmethod
    def _small(cls, name: str | None) -> str | None:
        return name.strip().lower() if name else None

    @field_validator("ignore")
    @classmethod
    def _all_small(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.strip().lower() for name in names)

    @field_validator("kinds")
    @classmethod
    def _small_keys(cls, kinds: dict[str, Kind]) -> dict[str, Kind]:
        return {name.strip().lower(): kind for name, kind in kinds.items()}

    @property
    def label_column(self) -> str:
        """The column of the label, where a table has it."""
        return self.target or LABEL

    @property
    def left_out(self) -> frozenset[str]:
        """Columns that are not part of a sample."""
        return frozenset(
            [*self.ignore, self.label_column, *(n for n in (self.key, self.time) if n is not None)]
        )


class TableLimits(Config):
    """Limits on a row of a table; one that exceeds them is quarantined."""

    max_columns: PositiveInt = 2000
    """Most columns."""

    max_bytes: PositiveInt = 1 << 20
    """Largest size in bytes of a row as canonical JSON."""


class Column(Config):
    """How the text in one column of the table is read."""

    name: str
    """Its name, in small letters."""

    kind: Literal["numeric", "categorical", "boolean", "date", "constant"]
    """What its values are; `constant`: it has one value, or too many different ones, and is left out."""

    style: str = ""
    """Decimal point of numbers; format of dates as in strptime, or ISO8601."""


class Feature(Config):
    """One column of the packed array, and its distribution over the training samples."""

    column: str
    """Column of the table that it is made from."""

    part: Literal["value", "weekday", "hour"] = "value"
    """What of a value it holds: a date is three features, or fewer where weekday or hour do not vary."""

    categories: tuple[str, ...] | None = None
    """Categories of the codes 2, 3, ..., the most frequent first; null: the feature is a number."""

    counts: tuple[int, ...] = ()
    """Training samples that are missing, in the category "other" (code 1) and in each category."""

    quantiles: tuple[float, ...] = ()
    """Q quantiles of the numbers at equal steps of probability from 0 to 1."""

    missing: NonNegativeFloat = Field(default=0.0, le=1)
    """Share of training samples without a value."""

    whole: bool = False
    """Whether all numbers are whole."""

    @property
    def name(self) -> str:
        return self.column if self.part == "value" else f"{self.column}: {self.part}"

    @property
    def size(self) -> int:
        """Codes of a category including missing and other; 0 for a number."""
        return 0 if self.categories is None else FIRST + len(self.categories)


class TablePacking(Packing):
    """Packed rows: float32 [N, F], NaN is missing, categories are codes."""

    name: Literal["table"] = "table"
    """Selects rows of tables."""

    table: TableConfig
    """How the rows were read."""

    columns: tuple[Column, ...]
    """Columns of the table, in the order of their names."""

    features: tuple[Feature, ...]
    """Columns of the array, in order."""

    @property
    def config(self) -> TableConfig:
        return self.table

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> PackedArray:
        return PackedArray.open(files[ARRAY], rows)

    def reads(self, other: Packing) -> bool:
        """Whether the columns and the codes of categories are the same, whatever their distribution."""
        return isinstance(other, TablePacking) and self.layout == other.layout

    @property
    def layout(self) -> tuple[tuple[Column, ...], tuple[Feature, ...]]:
        """The columns, and the features without their distribution."""
        kept = {"column", "part", "categories"}
        return self.columns, tuple(Feature(**feature.model_dump(include=kept)) for feature in self.features)

    @property
    def numeric(self) -> list[int]:
        """Places of the features that are numbers."""
        return [place for place, feature in enumerate(self.features) if feature.categories is None]

    @property
    def categorical(self) -> list[int]:
        """Places of the features that are categories."""
        return [place for place, feature in enumerate(self.features) if feature.categories is not None]

    @property
    def sizes(self) -> list[int]:
        """Codes of each categorical feature, missing (0) and other (1) included."""
        return [self.features[place].size for place in self.categorical]

    @property
    def grid(self) -> Floats:
        """[numeric features, Q] float32 quantiles."""
        rows = [self.features[place].quantiles for place in self.numeric]
        return np.array(rows, dtype=np.float32).reshape(len(rows), QUANTILES)


def placeholder(table: TableConfig) -> TablePacking:
    """The packing of a made-up table of three numbers and a category."""
    steps = tuple(place / (QUANTILES - 1) for place in range(QUANTILES))
    numbers = [Feature(column=name, quantiles=steps) for name in ("a", "b", "c")]
    return TablePacking(
        table=table,
        columns=(
            *(Column(name=feature.column, kind="numeric", style=".") for feature in numbers),
            Column(name="d", kind="categorical"),
        ),
        features=(*numbers, Feature(column="d", categories=("x", "y"), counts=(0, 0, 1, 1))),
    )
