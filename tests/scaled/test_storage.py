"""Two machines, which are two homes here, share finished runs and data versions by an S3 server."""

from pathlib import Path
from typing import Any

import pytest

from components.data import versions
from tests.conftest import storage_environ

pytestmark = pytest.mark.slow


def test_the_second_machine_finds_every_stage(project: Any, bucket: str, objects: str) -> None:
    recipe = str(project.recipe("first: {size: 2000000}\n"))
    environ = {**storage_environ(objects), "SELFSUP_STORE_REMOTE": bucket}
    code, out, err = project.selfsup("run", recipe, **environ)
    assert (code, err) == (0, ""), out
    assert project.calls == ["first", "second"]
    other = project.root / "other"
    code, out, err = project.selfsup("run", recipe, SELFSUP_HOME=str(other), **environ)
    assert (code, err) == (0, ""), out
    assert out.count("nothing changed") >= 2
    assert not (other / "calls").exists()
    assert {p.parent.parent.name for p in other.glob("store/*/*/manifest.json")} == {"first", "second"}
    assert not list(other.glob("store/first/*/a.bin"))  # nobody asked for it

    # What is new there needs what only the first machine has made: it is fetched, and nothing else.
    project.recipe("first: {size: 2000000}\nsecond: {factor: 3}\n")
    code, out, err = project.selfsup("run", recipe, SELFSUP_HOME=str(other), **environ)
    assert (code, err) == (0, ""), out
    assert (other / "calls").read_text().split() == ["second"]
    (fetched,) = other.glob("store/first/*/a.bin")
    assert fetched.stat().st_size == 2000000


def test_a_data_version_goes_to_the_bucket_and_comes_back_elsewhere(bucket: str, tmp_path: Path) -> None:
    remote = f"{bucket}/dvc"
    data = tmp_path / "one" / "data"
    (data / "toys").mkdir(parents=True)
    (data / "toys" / "shard.parquet").write_bytes(bytes(range(256)) * 100)
    version = versions.snapshot(data, remote, tmp_path / "one" / "cache")
    elsewhere = tmp_path / "two" / "data"
    assert versions.restore(elsewhere, version.hash, remote, tmp_path / "two" / "cache") == version
    assert (elsewhere / "toys" / "shard.parquet").read_bytes() == bytes(range(256)) * 100
    assert versions.read(elsewhere) == version
