"""Served samples as a file that the recipe's ingest reads: each gets the id that it has here.

Images, sounds, texts and pairs become Parquet, rows of tables and events JSON lines, series an .npz of arrays.
"""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from components.config import Config
from components.files import write_atomically
from components.modalities.events.config import EventsConfig
from components.modalities.pair.config import PairConfig
from components.modalities.text.config import TextConfig

Samples = Sequence[tuple[str, bytes]]  # name and bytes


class Form(NamedTuple):
    """suffix: of the file. encode: its bytes, of samples as ingest takes them."""

    suffix: str
    encode: Callable[[Samples, Any], bytes]


def write(folder: Path, stem: str, samples: Samples, modality: Config) -> Path:
    """A new file of these samples in an inbox, whole or not at all. stem: of its name.

    Raises:
        OSError: the folder cannot be written.
    """
    form = FORMS[str(getattr(modality, "name", ""))]
    file = folder / f"{stem}{form.suffix}"
    data = form.encode(samples, modality)
    write_atomically(file, lambda out: out.write(data))
    return file


def _parquet(columns: dict[str, list[Any]]) -> bytes:
    import pyarrow as pa  # 0.2 s that a server without a store need not wait for
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="zstd", row_group_size=128)
    return out.getvalue()


def _images(samples: Samples, modality: Config) -> bytes:
    return _parquet({"name": [name for name, _ in samples], "image": [data for _, data in samples]})


def _sounds(samples: Samples, modality: Config) -> bytes:
    return _parquet({"name": [name for name, _ in samples], "audio": [data for _, data in samples]})


def _texts(samples: Samples, modality: TextConfig) -> bytes:
    texts = [data.decode("utf-8", "replace") for _, data in samples]
    return _parquet({"name": [name for name, _ in samples], modality.column.lower(): texts})


def _pairs(samples: Samples, modality: PairConfig) -> bytes:
    from components.modalities.pair.container import sides

    both = [sides(data) for _, data in samples]
    return _parquet(
        {
            "name": [name for name, _ in samples],
            "image": [one.image for one in both],
            modality.text.column.lower(): [one.caption.decode("utf-8", "replace") for one in both],
        }
    )


def _rows(samples: Samples, modality: Config) -> bytes:
    """All rows with the same columns, as readers of JSON lines expect them."""
    rows = [json.loads(data) for _, data in samples]
    names = sorted({name for row in rows for name in row})
    return b"".join(_line({name: row.get(name) for name in names}) for row in rows)


def _events(samples: Samples, modality: EventsConfig) -> bytes:
    told = [(name, *event) for name, data in samples for event in json.loads(data)]
    columns = (modality.user, modality.item, modality.time, modality.kind)
    return b"".join(_line(dict(zip(columns, (*one, "")[:4], strict=True))) for one in told)


def _series(samples: Samples, modality: Config) -> bytes:
    out = io.BytesIO()
    arrays = {name: np.load(io.BytesIO(data), allow_pickle=False) for name, data in samples}
    np.savez(out, **arrays)
    return out.getvalue()


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


FORMS = {
    "image": Form(".parquet", _images),
    "sound": Form(".parquet", _sounds),
    "text": Form(".parquet", _texts),
    "pair": Form(".parquet", _pairs),
    "table": Form(".jsonl", _rows),
    "events": Form(".jsonl", _events),
    "series": Form(".npz", _series),
}
