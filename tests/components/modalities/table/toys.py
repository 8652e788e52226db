"""Small tables, packed."""

import tempfile
from pathlib import Path

import numpy as np

from components.modalities.table.check import canonical
from components.modalities.table.config import TableConfig
from components.modalities.table.modality import Tables


def pack(rows, folder=None, before=None, batch=7, **config):
    """(packed rows [N, F], packing, what pack wrote) of rows given as mappings of columns to texts."""
    folder = Path(folder or tempfile.mkdtemp())
    modality = Tables(TableConfig(**config))
    data = [row if isinstance(row, np.ndarray | bytes) else canonical(row) for row in rows]
    written = modality.pack(
        lambda: (data[k : k + batch] for k in range(0, len(data), batch)), len(data), folder, before=before
    )
    packing = modality.packing(written, folder, np.arange(written.samples))
    return np.load(folder / "rows.npy"), packing, written


def mixed(count=60, seed=0):
    """Rows of a number, a number with gaps, a category, a truth value and a date."""
    random = np.random.default_rng(seed)
    size = random.normal(size=count)
    return [
        {
            "size": f"{size[k]:.3f}",
            "gaps": None if random.random() < 0.3 else str(random.integers(0, 50)),
            "colour": random.choice(["red", "green", "blue"]) if size[k] < 0.5 else "black",
            "paid": random.choice(["yes", "no"]),
            "day": f"2026-{random.integers(1, 13):02}-{random.integers(1, 29):02}",
        }
        for k in range(count)
    ]


def column(packing, name, part="value"):
    """Place of a feature in the packed rows."""
    return [(feature.column, feature.part) for feature in packing.features].index((name, part))
