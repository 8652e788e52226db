"""A data version named in every way, brought back from the remote and verified; a data.dvc that is wrong."""

import shutil
from pathlib import Path

import pytest

from components.data import versions
from components.data.shards import folder_digest
from components.errors import UserError
from components.modalities.image.config import ImageConfig
from pipelines.engine.context import Context
from pipelines.engine.execute import execute
from pipelines.engine.run_once import identify
from pipelines.maintenance import restore
from pipelines.recipe import load
from pipelines.stages.snapshot import stage as snapshot
from pipelines.stages.snapshot.disagreement import disagreement
from tests.pipelines.maintenance.test_retention import manifest
from tests.pipelines.stages.test_ingest import Place, png, put_parquet

MANY = [png(seed) for seed in range(20)]
OLD, NEW = "1" * 32 + ".dir", "2" * 32 + ".dir"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def deliver(place: Place, name: str, images: list[bytes]) -> None:
    put_parquet(place.inbox / f"{name}.parquet", images)
    place.run()


def took(place: Place, key: str, version: str) -> None:
    """A finished snapshot of the folder as it stands."""
    made = manifest(
        f"snapshot/{key * 16}", [], version=version, digest=folder_digest(place.target),
        folders={"mine": folder_digest(place.target)},
    )  # fmt: skip
    file = place.settings.store / "snapshot" / (key * 16) / "manifest.json"
    file.parent.mkdir(parents=True)
    file.write_text(made.model_copy(update={"recipe": "mine"}).model_dump_json())


def point(place: Place, hash: str) -> None:
    files, size = versions.size(place.settings.data)
    text = f"outs:\n- md5: {hash}\n  size: {size}\n  nfiles: {files}\n  hash: md5\n  path: data\n"
    versions.pointer(place.settings.data).write_text(text)


def test_a_version_is_found_by_each_of_its_names(place: Place) -> None:
    deliver(place, "a", MANY[:4])
    took(place, "a", OLD)
    old = folder_digest(place.target)
    deliver(place, "b", MANY[4:8])
    took(place, "b", NEW)
    for name in (OLD, old, "snapshot/" + "a" * 16):
        assert restore.find(name, place.settings) == OLD
    assert restore.find(folder_digest(place.target), place.settings, "mine") == NEW
    with pytest.raises(UserError, match="has the digest"):
        restore.find(old, place.settings, "another")
    with pytest.raises(UserError, match="--recipe NAME"):
        restore.find("3", place.settings)


def test_a_pointer_that_disagrees_with_the_folder_is_told_in_one_line(place: Place) -> None:
    assert disagreement(place.settings) is None
    deliver(place, "a", MANY[:4])
    took(place, "a", OLD)
    point(place, OLD)
    assert disagreement(place.settings) is None
    point(place, NEW)  # somebody has checked out another data.dvc, and not the data
    said = str(disagreement(place.settings))
    assert f"names version {NEW}, but the folder holds {OLD}" in said
    assert f"`selfsup data checkout {NEW}`" in said
    versions.pointer(place.settings.data).unlink()
    assert "is missing" in str(disagreement(place.settings))
    point(place, OLD)
    file = next((place.target / "shards").glob("*.parquet"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert "was changed by hand" in str(disagreement(place.settings))
    with pytest.raises(UserError, match=r"cannot be read .*selfsup data checkout"):
        deliver(place, "b", MANY[4:8])
    file.write_bytes(whole)
    deliver(place, "b", MANY[4:8])  # not yet a version: the next snapshot makes it one
    assert disagreement(place.settings) is None


def test_another_recipes_delivery_hides_no_pointer_that_names_other_data(place: Place) -> None:
    """Nobody has taken a snapshot since, so that no version is the folder as it lies there."""
    deliver(place, "a", MANY[:4])
    took(place, "a", OLD)
    point(place, OLD)
    other = place.settings.data / "other"
    shutil.copytree(place.target, other)
    assert disagreement(place.settings, "mine") is None
    point(place, NEW)
    said = str(disagreement(place.settings, "mine"))
    assert f"names version {NEW}, and that has other data of mine" in said
    assert "`selfsup run other --flow ingest` makes a version of all that is there" in said
    assert disagreement(place.settings, "other") is None  # its data have no version yet
    versions.pointer(place.settings.data).unlink()
    assert "data.dvc is missing: `selfsup run other" in str(disagreement(place.settings, "mine"))


def test_a_run_that_finds_its_snapshot_says_that_data_dvc_disagrees(place: Place) -> None:
    deliver(place, "a", MANY[:4])
    recipe = place.root / "mine.yaml"
    recipe.write_text("name: mine\nmodality: {name: image, size: 8, channels: 1}\ninbox: inbox\n")
    asked = load(recipe)
    found = identify("snapshot", asked.request("snapshot", {}), place.settings, "mine")
    took(place, "a", OLD)
    (place.settings.store / f"snapshot/{'a' * 16}").rename(place.settings.store / found.reference)
    told: list[dict[str, object]] = []

    def said(version: str) -> list[object]:
        point(place, version)
        told.clear()
        assert execute("snapshot", asked, {}, place.settings, "a-run", told.append) == found.reference
        return [record["say"] for record in told if "say" in record]

    assert said(OLD) == []
    (line,) = said(NEW)
    assert f"names version {NEW}, but the folder holds {OLD}" in str(line)
    assert f"`selfsup data checkout {OLD}`" in str(line)
    assert "\n" not in str(line)


@pytest.mark.slow
def test_there_and_back_again(place: Place) -> None:
    settings, said = place.settings, list[str]()

    def take() -> snapshot.Output:
        folder = place.root / "out"
        folder.mkdir(exist_ok=True)
        request = snapshot.Request(modality=ImageConfig(size=8, channels=1))
        return snapshot.run(request, folder, Context(settings.store, settings, "mine"))

    deliver(place, "a", MANY[:6])
    first, then = take(), place.files()
    assert first.folders == {"mine": first.digest}
    deliver(place, "b", MANY[6:9])
    with pytest.raises(UserError, match="no version keeps"):
        restore.checkout(first.version, settings, None, None, said.append)
    second, now = take(), place.files()
    shutil.rmtree(settings.home / "dvc-cache")  # only the remote has them

    aside = place.root / "elsewhere" / "old"
    found = restore.checkout(first.version, settings, None, aside, said.append)
    assert found == versions.Version(first.version, first.files, first.bytes)
    assert {f"mine/{name}": data for name, data in then.items()} == {
        p.relative_to(aside).as_posix(): p.read_bytes() for p in aside.rglob("*") if p.is_file()
    }
    with pytest.raises(UserError, match="is not empty"):
        restore.checkout(first.version, settings, None, aside, said.append)
    assert place.files() == now
    assert versions.read(settings.data) == versions.Version(second.version, second.files, second.bytes)
    assert not list((settings.home / "checkout").iterdir())

    restore.checkout(first.version, settings, None, None, said.append)
    assert place.files() == then
    assert versions.read(settings.data) == found

    shutil.rmtree(settings.home / "dvc-cache")
    shard = next((place.root / "home" / "dvc-remote").rglob("*.dir")).parents[2]
    largest = max((p for p in shard.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    largest.chmod(0o644)
    largest.write_bytes(largest.read_bytes()[:-1] + b"!")
    with pytest.raises(UserError):
        restore.checkout(second.version, settings, None, place.root / "damaged", said.append)
    assert place.files() == then
