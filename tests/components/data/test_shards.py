"""Shards: the same samples give the same bytes; nothing counts before the index names it."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data import replaced
from components.data.shards import (
    BAD,
    REPLACED,
    SHARD,
    TOLD,
    Index,
    Shard,
    ShardWriter,
    folder_digest,
    read_shards,
    write_table,
)
from components.errors import UserError


def samples(count: int) -> list[tuple[str, bytes, str]]:
    datas = [str(i).encode() * 50 for i in range(count)]
    return [(hashlib.sha256(data).hexdigest(), data, f"{i}.png") for i, data in enumerate(datas)]


def written(folder: Path, count: int, rows: int = 4, size: int = 10**6) -> list[Shard]:
    writer = ShardWriter(folder, "first", rows, size)
    for sample in samples(count):
        writer.add(*sample)
    return writer.finish()


def everything(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (3, [3]), (4, [4]), (5, [4, 1]), (9, [4, 4, 1])])
def test_a_shard_holds_so_many_and_none_is_empty(tmp_path: Path, count: int, sizes: list[int]) -> None:
    shards = written(tmp_path, count)
    assert [shard.rows for shard in shards] == sizes
    found = read_shards(tmp_path, Index(shards=shards), ["id", "bytes", "name"])
    assert [row for _, batch in found for row in zip(*batch.values(), strict=True)] == samples(count)


def test_large_samples_make_small_shards(tmp_path: Path) -> None:
    assert [shard.rows for shard in written(tmp_path, 6, rows=100, size=150)] == [3, 3]


def test_names_are_digests_and_bytes_repeat(tmp_path: Path) -> None:
    written(tmp_path / "a", 9)
    written(tmp_path / "b", 9)
    assert everything(tmp_path / "a") == everything(tmp_path / "b")
    for name, data in everything(tmp_path / "a").items():
        assert name == f"shards/{hashlib.sha256(data).hexdigest()}.parquet"


def test_the_schema_is_plain(tmp_path: Path) -> None:
    [shard] = written(tmp_path, 2)
    schema = pq.read_schema(tmp_path / shard.file)
    assert schema.names == ["id", "bytes", "name", "delivery"]
    assert pq.read_metadata(tmp_path / shard.file).metadata is None  # no Arrow schema, whose form may change


def test_an_abandoned_or_unfinished_delivery_leaves_nothing_in_place(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, "first", 2)
    for sample in samples(5):
        writer.add(*sample)
    assert not (tmp_path / "shards").exists()
    writer.abandon()
    assert everything(tmp_path) == {}


def test_small_deliveries_share_a_shard_and_one_can_be_taken_back(tmp_path: Path) -> None:
    """Rows of a shard: of deliveries a, b (taken back after it filled a shard) and c."""
    writer, every = ShardWriter(tmp_path, "", 4), samples(12)
    for delivery, taken in (("a", every[:2]), ("b", every[2:9]), ("c", every[9:])):
        writer.begin(delivery)
        for sample in taken:
            writer.add(*sample)
        if delivery == "b":
            writer.abandon()
            assert writer.pending == 2
    shards = writer.finish()
    assert [(shard.rows, shard.delivery) for shard in shards] == [(2, "a"), (3, "c")]
    found = [id for _, batch in read_shards(tmp_path, Index(shards=shards), ["id"]) for id in batch["id"]]
    assert found == [id for id, _, _ in every[:2] + every[9:]]
    assert {p.stem for p in tmp_path.rglob("*.parquet")} == {shard.digest for shard in shards}


def test_the_index_comes_back_and_names_the_folder(tmp_path: Path) -> None:
    empty = folder_digest(tmp_path)
    index = Index(shards=written(tmp_path, 5))
    assert folder_digest(tmp_path) == empty  # nothing counts yet
    index.save(tmp_path)
    assert Index.load(tmp_path) == index
    assert index.samples == 5
    assert (
        folder_digest(tmp_path) == hashlib.sha256((tmp_path / "index.json").read_bytes()).hexdigest() != empty
    )


def test_a_lost_shard_is_told(tmp_path: Path) -> None:
    index = Index(shards=written(tmp_path, 5))
    index.save(tmp_path)
    (tmp_path / index.shards[1].file).unlink()
    with pytest.raises(UserError, match=r"lacks 1 file,.*dvc checkout"):
        Index.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", '{"shards": 3}', '{"shrads": []}'])
def test_a_broken_index_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(UserError, match="cannot be read") as caught:
        Index.load(tmp_path)
    assert "\n" not in str(caught.value)


FULL = pa.schema([*SHARD, *(pa.field(name, pa.string()) for name in TOLD)])
VALUES = {
    pa.string(): ["", "ä", "名前.png", "x" * 300, "a"],
    pa.large_binary(): [b"", b"\0\xff", b"x" * 300, b"\n", b"a"],
    pa.bool_(): [True, False, False, True, True],
}


@pytest.mark.parametrize("schema", [FULL, BAD, replaced.ROW, pa.schema({"old": pa.binary()})])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_columns_come_back_as_they_were_given(tmp_path: Path, schema: pa.Schema, rows: int) -> None:
    given = {
        field.name: VALUES.get(field.type, VALUES[pa.large_binary()])[number % 2 : rows + number % 2]
        for number, field in enumerate(schema)
    }
    given = {name: values[: min(map(len, given.values()))] for name, values in given.items()}
    file = write_table(tmp_path, REPLACED, given, schema)
    assert pq.read_table(tmp_path / file).to_pydict() == given
