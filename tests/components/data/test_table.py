import numpy as np

from components.data.table import Table


def test_rows_by_shard_keep_the_order_of_arrival() -> None:
    """Not that of names: a shard is called by its digest."""
    shards = np.array(["z", "z", "a", "m", "m", "m"])
    table = Table(np.arange(6).astype(str), shards, np.full(6, "train"), np.full(6, -1))
    assert [(name, rows.tolist()) for name, rows in table.by_shard().items()] == [
        ("z", [0, 1]), ("a", [2]), ("m", [3, 4, 5]),
    ]  # fmt: skip
