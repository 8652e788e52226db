"""Parquet as pandas, Hugging Face, polars and Spark write it: bytes, names, labels and what is missing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.tables import columns_of, parquet_samples, read_rows

DATA = [b"1", b"2", b"3"]


def labels(file: Path) -> list[str]:
    return [label for _, _, label, *_ in parquet_samples(file, "x.parquet")]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([0.0, 1.0, None]), ["0", "1", ""]),
        (pa.array(np.array([0.0, 1.0, np.nan])), ["0", "1", ""]),  # NaN stays a value in the file
        (pa.array([0, 3, -1]), ["0", "3", ""]),
        (pa.array([-1, 1, None]), ["-1", "1", ""]),
        (pa.array(["disc", "bars", None], pa.string_view()), ["disc", "bars", ""]),
        (pa.array(["disc", " ", None]).dictionary_encode(), ["disc", "", ""]),
        (pa.array([b"disc", b"bars", None]), ["disc", "bars", ""]),
        (pa.array([0.5, 1.0, None]), ["0.5", "1.0", ""]),
    ],
)
def test_labels_by_the_conventions_of_those_who_write_them(
    tmp_path: Path, column: pa.Array, expected: list[str]
) -> None:
    pq.write_table(pa.table({"image": DATA, "label": column}), tmp_path / "x.parquet")
    assert labels(tmp_path / "x.parquet") == expected
    pq.write_table(pa.table({"name": ["a", "b", "c"], "label": column}), tmp_path / "labels.parquet")
    assert [row["label"] for row in read_rows(tmp_path / "labels.parquet")] == expected


def test_numbers_of_a_class_label_have_the_names_that_hugging_face_keeps(tmp_path: Path) -> None:
    feature = {"names": ["disc", "bars"], "_type": "ClassLabel"}
    about = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
    table = pa.table({"image": DATA, "label": [1, -1, 0]}).replace_schema_metadata(about)
    pq.write_table(table, tmp_path / "x.parquet")
    assert labels(tmp_path / "x.parquet") == ["bars", "", "disc"]


def test_categories_of_pandas(tmp_path: Path) -> None:
    pd.DataFrame({"Image": DATA, "Label": pd.Categorical(["a", None, "b"])}).to_parquet(
        tmp_path / "x.parquet"
    )
    assert labels(tmp_path / "x.parquet") == ["a", "", "b"]
    assert columns_of(tmp_path / "x.parquet") == {"image", "label"}


@pytest.mark.parametrize(
    "images",
    [
        pa.array(DATA, pa.binary()), pa.array(DATA, pa.large_binary()), pa.array(DATA, pa.binary_view()),
        pa.array(DATA, pa.binary(1)), pa.array([{"bytes": data, "path": None} for data in DATA]),
    ],
)  # fmt: skip
def test_bytes_of_every_type(tmp_path: Path, images: pa.Array) -> None:
    pq.write_table(pa.table({"IMAGE": images}), tmp_path / "x.parquet")
    assert [data for _, data, *_ in parquet_samples(tmp_path / "x.parquet", "x")] == DATA


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ({"content": DATA, "path": ["file:/a/1.png", "file:/a/2.png", None], "length": [1, 1, 1]},  # Spark
         ["file:/a/1.png", "file:/a/2.png", "x#2"]),
        ({"img": [{"bytes": data, "path": f"{n}.png"} for n, data in enumerate(DATA)]}, ["0.png", "1.png", "2.png"]),
        ({"bytes": DATA, "Name": ["a", "b", None]}, ["a", "b", "x#2"]),
    ],
)  # fmt: skip
def test_names_of_samples(tmp_path: Path, columns: dict[str, Any], names: list[str]) -> None:
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    assert [name for name, *_ in parquet_samples(tmp_path / "x.parquet", "x")] == names


@pytest.mark.parametrize("image", [{"bytes": None, "path": "a/1.png"}, "a/1.png"])
def test_a_column_of_paths_makes_a_table_of_paths(tmp_path: Path, image: Any) -> None:
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()}) if isinstance(image, dict) else pa.string()
    pq.write_table(pa.table({"image": pa.array([image], kind), "label": [0]}), tmp_path / "x.parquet")
    assert columns_of(tmp_path / "x.parquet") == {"path", "label"}
    assert list(read_rows(tmp_path / "x.parquet")) == [{"label": "0", "path": "a/1.png"}]


@pytest.mark.parametrize("label", [["cat", "dog"], {"a": 1}])
def test_more_than_one_label_a_sample_is_refused(tmp_path: Path, label: Any) -> None:
    pq.write_table(pa.table({"image": DATA[:1], "label": [label]}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match="unreadable table: a label must be one class"):
        labels(tmp_path / "x.parquet")
