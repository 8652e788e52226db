"""What is stored is what ingest reads, for every kind of data; kills, limits and full disks lose no request."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from components.data.shards import SHARDS, Delivery, Index
from components.errors import UserError
from components.modalities.registry import build_modality
from components.modalities.table.config import TableConfig
from pipelines.engine.context import Context
from pipelines.serving import inbox_file
from pipelines.serving.server import modality_of
from pipelines.serving.store import Served, Store
from pipelines.stages import ingest
from tests.pipelines.serving.serving import expected, options, png, recipe_of, served

PNG = {"Content-Type": "image/png"}
SAMPLES = [png(seed) for seed in range(12)]


def ids(samples: list[bytes]) -> list[str]:
    return sorted(hashlib.sha256(sample).hexdigest() for sample in samples)


def ingested(context: Context, inbox: Path, modality: Any, name: str) -> list[str]:
    """Ids of the samples that ingest takes from an inbox."""
    here = Context(store=context.store, settings=context.settings, recipe=name)
    folder = context.store / "ingest" / name
    folder.mkdir(parents=True)
    request = ingest.Request.model_validate({"inbox": str(inbox), "modality": modality, "settle_seconds": 0})
    output = ingest.run(request, folder, here)
    assert output.quarantined == {}
    files = sorted((context.settings.data / name / SHARDS).glob("*.parquet"))
    return sorted(id for file in files for id in pq.read_table(file)["id"].to_pylist())


def test_what_is_served_is_ingested_once_with_its_predictions_beside(context: Any) -> None:
    recipe = recipe_of(context)

    async def go() -> None:
        async with served(context, options(store=10_000_000), recipe) as (client, _):
            for sample in [*SAMPLES, SAMPLES[0]]:
                assert (await client.post("/predict", content=sample, headers=PNG)).status_code == 200
            assert (await client.post("/predict", content=b"bad", headers=PNG)).status_code == 400

    asyncio.run(go())
    [file] = recipe.inbox.iterdir()
    assert file.name.startswith("served-")
    assert pq.read_table(file).num_rows == len(SAMPLES)  # the one that was sent twice is there once
    assert ingested(context, recipe.inbox, recipe.modality, "toys") == ids(SAMPLES)
    [predictions] = (context.settings.home / "serving" / "toys" / "predictions").iterdir()
    rows = {row["id"]: row for row in pq.read_table(predictions).to_pylist()}
    assert sorted(rows) == ids(SAMPLES)
    right = expected(0, SAMPLES).to_dict("records")
    for sample, told in zip(SAMPLES, right, strict=True):
        row = rows[hashlib.sha256(sample).hexdigest()]
        assert (row["class"], row["version"], row["data_version"]) == (told["class"], "1", "abc.dir")
        assert row["confidence"] == pytest.approx(told["confidence"], abs=1e-6)
        assert row["delivery"] == file.name
        assert "embedding" not in row


KINDS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "image": ({"name": "image", "size": 12, "channels": 1}, SAMPLES[:4]),
    "text": ({"name": "text"}, ["a text with Umlaut ä", "another, with\nlines and \"quotes\"", "third text"]),
    "table": (
        {"name": "table"},
        [{"age": 41, "city": "Bonn"}, {"age": 7.5, "city": None}, {"age": 8, "city": "K\u00f6ln \"x\""}],
    ),
    "sound": ({"name": "sound"}, [[0.01 * (k % n) for k in range(16_000)] for n in (50, 70)]),
    "series": ({"name": "series"}, [[[0.5], [1.5], [2.0]], [[1.0], [None], [3.0], [4.0]]]),
    "events": ({"name": "events"}, [[["a", 1], ["b", 2.5]], [["c", 3, "view"], ["a", 9]]]),
    "pair": (
        {"name": "pair", "image": {"size": 12, "channels": 1}},
        [{"image": SAMPLES[0], "text": "one caption"}, {"image": SAMPLES[1], "text": "an other"}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_back_as_the_same_samples(context: Any, kind: str) -> None:
    told, values = KINDS[kind]
    from pydantic import TypeAdapter

    from components.modalities.registry import ModalityConfig

    config = TypeAdapter(ModalityConfig).validate_python(told)
    samples = [build_modality(config).to_sample(value) for value in values]
    inbox = context.settings.home / "kind" / "inbox"
    store = Store(
        inbox, context.settings.data / "kind", context.settings.home / "kind" / "store", config, 10**7
    )
    store.open()
    store.put(Served(samples, json.dumps([{"class": "a"}] * len(samples)).encode(), "1", "d"))
    store.close()
    assert len(list(inbox.iterdir())) == 1
    assert ingested(context, inbox, told, "kind") == ids(samples)


def test_rows_that_lack_a_column_are_all_taken(context: Any) -> None:
    told = {"name": "table"}
    inbox = context.settings.home / "rows"
    inbox.mkdir()
    samples = [b'{"age":"1"}', b'{"age":"2","city":"Bonn"}']
    file = inbox_file.write(inbox, "served-rows", [("a", samples[0]), ("b", samples[1])], TableConfig())
    assert [json.loads(line)["city"] for line in file.read_text().splitlines()] == [None, "Bonn"]
    assert len(ingested(context, inbox, told, "rows")) == 2


@pytest.fixture
def store(context: Any) -> Store:
    recipe = recipe_of(context)
    return Store(
        recipe.inbox,
        context.settings.data / "toys",
        context.settings.home / "store",
        modality_of(recipe),
        10**7,
    )


def one(sample: bytes) -> Served:
    return Served([sample], b'[{"class": "bag"}]', "1", "d")


def settled(store: Store, count: int) -> None:
    import time

    until = time.monotonic() + 30
    while store._file.stat().st_size == 0 or sum(1 for _ in _read(store._file)) < count:
        assert time.monotonic() < until
        time.sleep(0.02)


def _read(file: Path) -> Any:
    from pipelines.serving.store import read_spool

    return read_spool(file)


def test_what_a_kill_leaves_is_taken_up_and_a_last_record_that_it_cut_is_left_out(store: Store) -> None:
    store.open()
    for sample in SAMPLES[:3]:
        store.put(one(sample))
    settled(store, 3)
    spool = store._file.read_bytes()
    again = Store(store.inbox, store.data, store.folder.with_name("again"), store.modality, store.most)
    again.folder.mkdir()
    (again.folder / "spool").write_bytes(spool[:-5])  # as a kill leaves it
    again.open()
    again.close()
    [file] = again.inbox.iterdir()
    assert sorted(pq.read_table(file)["image"].to_pylist()) == sorted(SAMPLES[:2])
    store.close()


def test_a_kill_between_the_two_files_doubles_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inbox has its file, the predictions not yet: the next server writes the same name again."""
    store.open()
    store.put(one(SAMPLES[0]))
    settled(store, 1)

    def killed(*given: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(store, "_predictions", killed)
    store._file.rename(store.folder / "sealed")
    with pytest.raises(SystemExit):
        store._seal()
    assert len(list(store.inbox.iterdir())) == 1
    monkeypatch.undo()
    store._seal()
    assert len(list(store.inbox.iterdir())) == 1
    assert not (store.folder / "sealed").exists()
    store._file.touch()
    store.close()


def test_a_full_inbox_takes_no_more_until_ingest_has_taken_files(store: Store) -> None:
    counts: dict[str, int] = {}

    def count(how: str, samples: int) -> None:
        counts[how] = counts.get(how, 0) + samples

    store.count, store.seal_bytes, store.most = count, 1, 4000  # a file for each sample
    store.open()
    for sample in SAMPLES:
        store.put(one(sample))
    store.close()
    assert counts["dropped"] > 0
    files = sorted(store.inbox.iterdir())
    assert sum(file.stat().st_size for file in files) <= 4000 + 2000
    taken = Index(deliveries=[Delivery(digest="d", name=files[1].name, accepted=1, duplicates=0)])
    taken.save(store.data)
    counts.clear()
    again = Store(store.inbox, store.data, store.folder, store.modality, 4000, count, seal_bytes=1)
    again.open()
    again.put(one(png(99)))
    again.close()
    assert counts == {"stored": 1}
    assert not files[1].exists()
    assert all(file.exists() for file in (files[0], *files[2:]))  # what ingest has not taken stays


def test_two_servers_do_not_store_for_one_recipe(store: Store) -> None:
    store.open()
    other = Store(store.inbox, store.data, store.folder, store.modality, store.most)
    with pytest.raises(UserError, match="another server stores") as error:
        other.open()
    assert error.value.code == "store-taken"
    store.close()


def test_a_disk_that_is_full_drops_a_sample_whole_and_goes_on(store: Store) -> None:
    store.open()
    store.put(one(SAMPLES[0]))
    settled(store, 1)
    real = store._spool

    class Full:
        """Writes half of a record once."""

        def __init__(self) -> None:
            self.failed = False

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def write(self, data: bytes) -> int:
            if not self.failed:
                self.failed = True
                return real.write(data[: len(data) // 2])
            return real.write(data)

    store._spool = Full()
    store.put(one(SAMPLES[1]))
    store.put(one(SAMPLES[2]))
    settled(store, 2)
    store._spool = real
    store.close()
    [file] = store.inbox.iterdir()
    assert sorted(pq.read_table(file)["image"].to_pylist()) == sorted([SAMPLES[0], SAMPLES[2]])
