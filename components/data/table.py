"""The table of a snapshot: which sample lies in which row of the packed array, its split and its label.

N: samples. Columns: row int64, id string, shard string, split "train" | "test", label int64 (-1 where none);
where labels are numbers, target float64 (NaN where none) with label 0 where there is one;
where the recipe names a source column, source int64; and where there are near-duplicates, group int64.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.data.splits import SPLITS
from components.errors import UserError


@dataclass(frozen=True)
class Table:
    """ids [N] str, shards [N] object, equal ones one str (a million of 64 signs each would be 256 MB), split [N] str,
    label [N] int64 index into the classes, -1 where there is none; source [N] int64 index into the snapshot's sources,
    None where nobody names any; group [N] int64 row of the first of a sample's near-duplicates, its own where it has
    none, None where no sample has any; target [N] float64 number, NaN where there is none, None where labels are no
    numbers: label is then 0 where there is one, else -1.

    Entry i is row i of the packed array.
    """

    ids: np.ndarray
    shards: np.ndarray
    split: np.ndarray
    label: np.ndarray
    source: np.ndarray | None = None
    group: np.ndarray | None = None
    target: np.ndarray | None = None

    def __post_init__(self) -> None:
        columns = (self.ids, self.shards, self.split, self.label, self.source, self.group, self.target)
        sizes = {len(column) for column in columns if column is not None}
        assert len(sizes) == 1, f"columns of different length: {sizes}"

    def __len__(self) -> int:
        return len(self.ids)

    def train_rows(self) -> np.ndarray:
        """[n] int64, ascending: all that may be trained on, labelled or not."""
        return np.flatnonzero(self.split == "train")

    def labelled_rows(self) -> np.ndarray:
        """[n] int64, ascending: train rows with a label."""
        return np.flatnonzero((self.split == "train") & (self.label >= 0))

    def test_rows(self) -> np.ndarray:
        """[n] int64, ascending: test rows with a label that no training sample repeats; of near-duplicates one, as they
        are no independent evidence."""
        rows = self._named_tests()
        if self.group is None:
            return rows
        rows = rows[~self._trained_on(rows)]
        return np.sort(rows[np.unique(self.group[rows], return_index=True)[1]])

    def leaked_tests(self) -> int:
        """How many test rows with a label have a near-duplicate among the training samples, where a person named both:
        they are not measured."""
        return 0 if self.group is None else int(self._trained_on(self._named_tests()).sum())

    def _named_tests(self) -> np.ndarray:
        return np.flatnonzero((self.split == "test") & (self.label >= 0))

    def _trained_on(self, rows: np.ndarray) -> np.ndarray:
        assert self.group is not None
        return np.isin(self.group[rows], self.group[self.train_rows()])

    def repeated(self) -> int:
        """How many samples are a near-duplicate of an earlier one."""
        return 0 if self.group is None else int((self.group != np.arange(len(self))).sum())

    def by_shard(self) -> dict[str, np.ndarray]:
        """Shard -> its rows [n] int64, ascending; shards in order of arrival."""
        names, first, place = np.unique(self.shards, return_index=True, return_inverse=True)
        return {str(names[k]): np.flatnonzero(place == k) for k in np.argsort(first)}

    @classmethod
    def load(cls, path: Path) -> "Table":
        """From Parquet.

        Raises:
            UserError: rows are not 0 to N - 1 in order, or a split is neither train nor test.
        """
        table = pq.read_table(path)
        if not np.array_equal(table["row"].to_numpy(), np.arange(table.num_rows)):
            raise UserError(
                "snapshot-damaged",
                f"{path}: rows must be 0 to {table.num_rows - 1} in order; make the snapshot again",
            )
        split = _strings(table["split"])
        if not set(split.tolist()) <= set(SPLITS):
            raise UserError(
                "snapshot-damaged", f"{path}: a split must be train or test; make the snapshot again"
            )
        source, group, target = (
            table[name].to_numpy() if name in table.column_names else None
            for name in ("source", "group", "target")
        )
        ids, shards = _strings(table["id"]), _shared(table["shard"])
        return cls(ids, shards, split, table["label"].to_numpy(), source, group, target)

    def save(self, path: Path) -> None:
        """As Parquet; the same table gives the same bytes."""
        columns = {
            "row": pa.array(np.arange(len(self)), pa.int64()),
            "id": pa.array(np.asarray(self.ids, dtype=np.str_), pa.string()),
            "shard": pa.array(np.asarray(self.shards, dtype=object), pa.string()),
            "split": pa.array(self.split, pa.string()),
            "label": pa.array(self.label, pa.int64()),
        }
        if self.source is not None:
            columns["source"] = pa.array(self.source, pa.int64())
        if self.group is not None:
            columns["group"] = pa.array(self.group, pa.int64())
        if self.target is not None:
            columns["target"] = pa.array(self.target, pa.float64())
        pq.write_table(pa.table(columns), path, compression="zstd", use_dictionary=["shard", "split"])


def _strings(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(column.to_pylist(), dtype=np.str_)


def _shared(column: pa.ChunkedArray) -> np.ndarray:
    """[N] object: equal texts are one str."""
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(np.array(encoded.dictionary.to_pylist(), dtype=object)[encoded.indices.to_numpy()])
