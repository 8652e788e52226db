from pathlib import Path

import numpy as np

from components.data.table import Table


def test_rows_by_shard_keep_the_order_of_arrival() -> None:
    """Not that of names: a shard is called by its digest."""
    shards = np.array(["z", "z", "a", "m", "m", "m"])
    table = Table(np.arange(6).astype(str), shards, np.full(6, "train"), np.full(6, -1))
    assert [(name, rows.tolist()) for name, rows in table.by_shard().items()] == [
        ("z", [0, 1]), ("a", [2]), ("m", [3, 4, 5]),
    ]  # fmt: skip


def test_a_table_is_read_as_it_was_saved_and_shards_of_one_name_are_one_text(tmp_path: Path) -> None:
    """A million names of shards as text of their own are 256 MB."""
    ids, shards = np.array([f"{n:064x}" for n in range(5)]), np.array(["b"] * 3 + ["a"] * 2, dtype=object)
    split, label = np.array(["train", "test", "train", "train", "test"]), np.array([0, -1, 1, -1, 0])
    Table(ids, shards, split, label, group=np.array([0, 1, 0, 3, 4])).save(tmp_path / "table.parquet")
    found = Table.load(tmp_path / "table.parquet")
    assert (found.ids.tolist(), found.shards.tolist()) == (ids.tolist(), shards.tolist())
    assert (found.split.tolist(), found.label.tolist()) == (split.tolist(), label.tolist())
    assert found.source is None
    assert found.group is not None
    assert found.group.tolist() == [0, 1, 0, 3, 4]
    assert len({id(shard) for shard in found.shards}) == 2
