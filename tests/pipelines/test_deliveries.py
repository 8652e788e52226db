"""Deliveries as they go wrong: half a file, the same twice, a test item again, a disk that cannot be written."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from components.data import versions
from components.data.guard import reading, writing
from components.data.packed import PackedArray
from components.data.shards import Index, damaged
from components.data.table import Table
from components.errors import UserError
from components.modalities.image.config import ImageConfig
from pipelines.engine.child import locked_out
from pipelines.engine.context import Context
from pipelines.engine.store_lock import used
from pipelines.settings import Settings
from pipelines.stages.pseudo_label import stage as pseudo_label
from pipelines.stages.snapshot import stage as snapshot
from tests.pipelines.stages.test_ingest import Place, png, put, put_parquet

MANY = [png(seed) for seed in range(40)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(versions, "snapshot", lambda *_: versions.Version("0" * 32 + ".dir", 1, 1))
    return Place(tmp_path)


def trained_on(place: Place, test_share: float = 0.2) -> tuple[Table, set[bytes]]:
    """The snapshot's table, and the pictures that pretraining would read, as bytes."""
    folder = place.root / "snapshot"
    folder.mkdir(exist_ok=True)
    request = snapshot.Request(modality=ImageConfig(size=8, channels=1), test_share=test_share)
    output = snapshot.run(request, folder, Context(folder, place.settings, "mine"))
    table = Table.load(folder / output.table.path)
    packed = PackedArray.open(folder / output.arrays["images"].path, table.train_rows())
    return table, {packed.array[row].tobytes() for row in packed.rows}


def test_half_a_parquet_file_waits_and_then_comes_whole(place: Place) -> None:
    put_parquet(place.inbox / "a.parquet", MANY[:4])
    put_parquet(place.inbox / "b.parquet", MANY[4:30])
    whole = (place.inbox / "b.parquet").read_bytes()
    for share in (2, 3):  # a Parquet file says what it holds in its last bytes
        (place.inbox / "b.parquet").write_bytes(whole[: len(whole) // share])
        output = place.run(settle_seconds=1000)
        assert (output.samples, output.left, output.quarantined) == (4, 1, {})
    (place.inbox / "b.parquet").write_bytes(whole)
    output = place.run(settle_seconds=1000)
    assert (output.samples_new, output.samples, output.left) == (26, 30, 0)
    assert sorted(place.ids()) == sorted(set(place.ids()))


def test_half_a_file_that_has_settled_is_told_and_its_rest_still_comes(place: Place) -> None:
    put_parquet(place.inbox / "b.parquet", MANY[:10])
    whole = (place.inbox / "b.parquet").read_bytes()
    (place.inbox / "b.parquet").write_bytes(whole[:200])
    put_parquet(place.inbox / "a.parquet", MANY[10:12])
    output = place.run()
    assert (output.samples, output.quarantined) == (2, {"unreadable table": 1})
    (place.inbox / "b.parquet").write_bytes(whole)
    assert place.run().samples == 12


def test_the_same_delivery_twice_under_another_name(place: Place) -> None:
    put_parquet(place.inbox / "a.parquet", MANY[:6])
    place.run()
    before = place.ids()
    put_parquet(place.inbox / "b.parquet", MANY[:6])
    output = place.run()
    assert (output.samples_new, output.duplicates, output.samples) == (0, 6, 6)
    assert place.ids() == before
    assert place.run().deliveries_new == 0


@pytest.mark.parametrize("named", [True, False])
def test_a_test_item_delivered_again_without_its_label_is_never_trained_on(place: Place, named: bool) -> None:
    put_parquet(place.inbox / "a.parquet", MANY[:30])
    split = "test" if named else ""
    rows = "".join(f"a-{n}.png,{'cat' if n % 2 else 'dog'},{split}\n" for n in range(0, 30, 3))
    put(place.inbox / "labels.csv", f"name,label,split\n{rows}")
    place.run()
    first, _ = trained_on(place)
    tests = set(first.ids[first.split == "test"].tolist())
    assert tests
    pictures = {np.load(place.root / "snapshot" / "images.npy")[row].tobytes()
                for row in np.flatnonzero(first.split == "test")}  # fmt: skip
    put_parquet(place.inbox / "b.parquet", MANY[::-1])  # all of them once more, new ones among them
    for n in range(12):
        put(place.inbox / "loose" / f"{n}.png", MANY[n])
    later = "train" if named else ""  # once a person has named a test item, it stays one
    put(place.inbox / "labels-later.csv", f"name,label,split\na-0.png,dog,{later}\na-3.png,cat,{later}\n")
    output = place.run()
    assert (output.samples, output.duplicates) == (40, 42)
    second, trained = trained_on(place)
    assert len(second.ids) == len(set(second.ids.tolist()))
    assert tests <= set(second.ids[second.split == "test"].tolist())
    assert trained.isdisjoint(pictures)
    assert len(trained) == (second.split == "train").sum()


def test_fewer_labels_than_classes() -> None:
    """Three classes are known, two have a label: the third is named by nobody, and the note says so."""
    rng = np.random.default_rng(0)
    truth = np.arange(90) % 3
    train = (4 * np.eye(3)[truth] + rng.standard_normal((90, 3)) / 4).astype(np.float32)
    asked = pseudo_label.Request(snapshot="snapshot/0", embed="embed/0")
    named = pseudo_label.name_samples(asked, train, truth, np.array([0, 1]), np.array([0, 1]), 3)
    assert not (named.predicted[named.kept] == 2).any()
    assert named.note


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, because root may write wherever bits forbid it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "none", folder], capture_output=True)
    if made.returncode != 0:
        pytest.skip("mounting needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


def test_a_data_folder_on_a_read_only_disk(place: Place, disk: Path) -> None:
    place.settings = place.settings.model_copy(update={"data": disk / "data"})
    place.target = disk / "data" / "mine"
    put_parquet(place.inbox / "a.parquet", MANY[:6])
    place.run()
    before = place.files()
    put_parquet(place.inbox / "b.parquet", MANY[6:12])
    read_only(disk)
    with pytest.raises(OSError, match="Read-only") as caught:
        place.run()
    assert str(disk) in str(locked_out(caught.value))
    assert "Read-only file system" in str(locked_out(caught.value))
    assert place.files() == before
    with pytest.raises(UserError, match="set SELFSUP_DATA to another"), writing(disk / "data" / "other"):
        pass


def test_a_store_on_a_read_only_disk(disk: Path) -> None:
    read_only(disk)
    with (
        pytest.raises(UserError, match=r"cannot be \(Read-only file system\).*SELFSUP_STORE"),
        used(Settings(home=disk)),
    ):
        pass


def test_an_error_of_another_kind_is_not_the_disks() -> None:
    assert locked_out(OSError(28, "No space left on device")) is None
    assert locked_out(ValueError("no")) is None


def test_a_folder_is_written_by_one_and_read_by_many(tmp_path: Path) -> None:
    waits = (
        "import sys; from pathlib import Path; from components.data.guard import writing\n"
        "with writing(Path(sys.argv[1])): print('in')"
    )
    root = Path(__file__).resolve().parents[2]
    folder = tmp_path / "mine"
    folder.mkdir()
    with reading(folder), reading(folder):
        other = subprocess.Popen(
            [sys.executable, "-c", waits, folder], cwd=root, stdout=subprocess.PIPE, text=True
        )
        with pytest.raises(subprocess.TimeoutExpired):
            other.communicate(timeout=1.5)
    assert other.communicate(timeout=120)[0] == "in\n"
    assert list(folder.iterdir()) == []
    with pytest.raises(UserError, match="run ingest"), reading(tmp_path / "nowhere"):
        pass


def test_a_writer_that_waited_gets_the_folder_that_is_there_now(tmp_path: Path) -> None:
    """Else a checkout that puts another folder in its place would leave two writers, each alone."""
    folder, inside, done = tmp_path / "mine", threading.Event(), threading.Event()

    def wait() -> None:
        with writing(folder):
            inside.set()
            done.wait(60)

    other = threading.Thread(target=wait, daemon=True)
    with writing(folder):
        other.start()
        assert not inside.wait(0.5)
        folder.rename(tmp_path / "old")
        folder.mkdir()
    assert inside.wait(60)
    handle = os.open(folder, os.O_RDONLY)
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(handle)
        done.set()
        other.join()


def test_a_shard_that_was_changed_is_found(place: Place) -> None:
    put_parquet(place.inbox / "a.parquet", MANY[:12])
    place.run()
    assert damaged(place.target) == []
    file = Index.load(place.target).shards[1].file
    raw = bytearray((place.target / file).read_bytes())
    raw[100] ^= 1
    (place.target / file).write_bytes(raw)
    assert damaged(place.target) == [file]
