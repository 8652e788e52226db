"""Hostile tables: a few bytes that unfold to gigabytes, sizes that lie, lines without end, and mutated files."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.data import parquet as bounded
from components.data.tables import columns_of, numbered_rows, parquet_samples

MB = 1 << 20
READ = """
import json, resource, sys
from pathlib import Path
from components.data import tables
file, said, rows = Path(sys.argv[1]), None, 0
try:
    columns = tables.columns_of(file)
    for _ in tables.parquet_samples(file, "d") if "image" in columns else tables.numbered_rows(file):
        rows += 1
except ValueError as error:
    said = str(error)
# ru_maxrss of this process counts what its parent held before it became Python
status = Path("/proc/self/status").read_text().splitlines()
own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
print(json.dumps([said, rows, max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024]))
"""


def read(file: Path) -> tuple[str, int, float]:
    """Why it is refused, rows that came, most memory in MB of the reading process and its fork; as a stage runs."""
    environ = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    command = [sys.executable, "-c", READ, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    return tuple(json.loads(done.stdout))


def repeated(file: Path) -> None:
    """One value of 4 MB, a thousand times, by a dictionary: 4.2 GB."""
    values = pa.array([bytes(4 * MB)], pa.binary())
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1000, np.int32)), values)
    pq.write_table(pa.table({"image": column, "label": ["a"] * 1000}), file, compression="zstd")


def zeros(file: Path) -> None:
    """A page of 700 MB of zeros."""
    pq.write_table(
        pa.table({"image": pa.array([bytes(700 * MB)], pa.large_binary())}), file,
        compression="zstd", use_dictionary=False, write_statistics=False,
    )  # fmt: skip


def runs(file: Path) -> None:
    """Four hundred million equal labels, in runs: 3.2 GB."""
    with pq.ParquetWriter(file, pa.schema({"path": pa.string(), "label": pa.int64()})) as writer:
        part = pa.table({"path": pa.nulls(4_000_000, pa.string()), "label": np.zeros(4_000_000, np.int64)})
        for _ in range(100):
            writer.write_table(part)


def packed(file: Path) -> None:
    """Hugging Face's struct, whose bytes are looked at before anything is read."""
    values = pa.array([bytes(4 * MB)], pa.binary())
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(500, np.int32)), values).cast(pa.binary())
    struct = pa.StructArray.from_arrays([column, pa.nulls(500, pa.string())], ["bytes", "path"])
    pq.write_table(pa.table({"image": struct}), file, compression="zstd")


def text(file: Path) -> None:
    with file.open("w") as stream:
        stream.write("path,label\n")
        for _ in range(600):
            stream.write("x" * MB)


def lines(file: Path) -> None:
    with file.open("w") as stream:
        stream.write('{"path": "')
        for _ in range(600):
            stream.write("x" * MB)


@pytest.mark.parametrize(
    ("make", "suffix", "said"),
    [
        (repeated, "parquet", "reading it takes more than 300 MB of memory"),
        (zeros, "parquet", "reading it takes more than 300 MB of memory"),
        (runs, "parquet", "unfold to"),
        (packed, "parquet", "reading it takes more than 300 MB of memory"),
        (text, "csv", "line 2: longer than 16,777,216 characters"),
        (lines, "jsonl", "line 1: longer than 16,777,216 characters"),
    ],
)  # fmt: skip
def test_a_hostile_table_is_refused_within_500_mb(
    tmp_path: Path, make: Callable[[Path], None], suffix: str, said: str
) -> None:
    file = tmp_path / f"hostile.{suffix}"
    child = os.fork()  # what makes it takes gigabytes itself
    if child == 0:
        make(file)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    reason, rows, peak = read(file)
    assert said in reason
    assert reason.startswith("unreadable table: ")
    assert rows == 0
    assert peak < 500


def test_large_samples_come_a_few_at_a_time_and_all_of_them(tmp_path: Path) -> None:
    """More than a batch may hold in all: 60 samples of 4 MB that no compression makes smaller."""
    rng, file = np.random.default_rng(0), tmp_path / "large.parquet"
    images = [rng.bytes(4 * MB) for _ in range(60)]
    pq.write_table(
        pa.table({"image": images, "label": [str(n % 3) for n in range(60)]}), file, row_group_size=16
    )
    reason, rows, peak = read(file)
    assert (reason, rows) == (None, 60)
    assert peak < 500, peak
    assert [data for _, data, *_ in parquet_samples(file, "d")] == images


def test_sizes_that_a_file_states_are_enough_to_refuse_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "stated.parquet"
    column = pa.array([bytes(MB)] * 40, pa.binary())
    pq.write_table(pa.table({"image": column}), file, compression="zstd", use_dictionary=False)
    monkeypatch.setattr(bounded, "FREE", 1 << 20)
    monkeypatch.setattr(bounded, "once", lambda work: pytest.fail("nothing is to be read"))
    with pytest.raises(ValueError, match=r"bytes unfold to 0\.0 GB or more, more than 1000 times its size"):
        list(parquet_samples(file, "d"))


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("honest") / "a.parquet"
    rng = np.random.default_rng(0)
    images = [rng.bytes(int(n)) for n in rng.integers(10, 300, 50)]
    pq.write_table(
        pa.table({"path": [f"{n}.png" for n in range(50)], "image": images, "label": list("ab") * 25}), file
    )
    return file.read_bytes()


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6), cut=st.booleans())
def test_a_mutated_file_is_read_or_refused(
    honest: bytes, tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, cut: bool
) -> None:
    """Any byte may be another one, and the file may end early: one sentence, or rows."""
    rng, data = random.Random(seed), bytearray(honest)
    for _ in range(count):
        data[rng.randrange(len(data))] = rng.randrange(256)
    file = tmp_path_factory.mktemp("mutated") / "a.parquet"
    file.write_bytes(data[: rng.randrange(len(data))] if cut else data)
    said = ""
    try:
        columns = columns_of(file)
        rows = parquet_samples(file, "d") if "image" in columns else numbered_rows(file)
        assert sum(1 for _ in rows) <= 50
    except ValueError as error:
        said = str(error)
    assert said == "" or said.startswith("unreadable table: ")
