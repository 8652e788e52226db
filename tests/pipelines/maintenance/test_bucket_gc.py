"""What gc takes from a bucket that machines share, and what it must leave; the bucket is a real one of an S3 server."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from components.errors import UserError
from pipelines.engine import object_store, store
from pipelines.maintenance import bucket_gc, gc
from pipelines.settings import Settings
from tests.pipelines.maintenance.test_retention import journal, manifest, name

COMMON = b"what two runs have"
HOURS = timedelta(hours=1)


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that lies there counts as old."""
    monkeypatch.setattr(bucket_gc, "OLD", -HOURS)


@pytest.fixture
def settings(tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(gc, "of_models", lambda *_: [])  # MLflow has a test of its own
    return Settings(home=tmp_path / "home", store_remote=bucket)


def finish(settings: Settings, number: int, *given: int, share: bool = True) -> str:
    """A finished run: a file of its own, and one that all of them have."""
    reference = name(number)
    folder = settings.store / reference
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(
        manifest(reference, [name(n) for n in given]).model_dump_json(indent=2) + "\n"
    )
    (folder / "own.bin").write_bytes(reference.encode() * 10)
    (folder / "common.bin").write_bytes(COMMON)
    if share:
        store.share(reference, settings.store)
    return reference


def keys(bucket: str) -> set[str]:
    place, prefix = object_store.split(bucket)
    found = boto3.client("s3").list_objects_v2(Bucket=place).get("Contents", [])
    return {item["Key"].removeprefix(prefix) for item in found}


def files(reference: str, bucket: str) -> set[str]:
    record = object_store.lookup(reference, bucket)
    assert record is not None
    return {f"files/{file.sha256}" for file in record.files}


def put(bucket: str, key: str, body: bytes = b"x") -> None:
    place, prefix = object_store.split(bucket)
    boto3.client("s3").put_object(Bucket=place, Key=f"{prefix}{key}", Body=body)


@pytest.mark.usefixtures("old")
def test_a_run_that_goes_takes_what_no_other_run_has(settings: Settings, bucket: str) -> None:
    kept, gone = finish(settings, 0), finish(settings, 1)
    both = files(kept, bucket) & files(gone, bucket)
    own = files(gone, bucket) - both
    assert (len(both), len(own)) == (1, 1)
    waste = bucket_gc.look([gone, name(9)], bucket)  # the other one was never shared
    assert (waste.runs, {file.name for file in waste.files}, waste.uploads) == ([gone], own, [])
    assert waste.bytes == len(gone) * 10
    before = keys(bucket)
    bucket_gc.delete(waste, bucket)
    assert keys(bucket) == before - own - {f"{gone}.json"}
    there = Settings(home=settings.home.parent / "there", store_remote=bucket)
    assert store.is_finished(kept, there.store)
    assert (there.store / kept / "common.bin").read_bytes() == COMMON
    assert bucket_gc.look([gone], bucket) == bucket_gc.Waste([], [], [])


def test_what_an_upload_that_runs_may_have_written_stays(settings: Settings, bucket: str) -> None:
    """Its record goes, for that was whole; a file may be on its way into another's."""
    gone = finish(settings, 0)
    own = files(gone, bucket)
    put(bucket, "files/" + "a" * 64)
    waste = bucket_gc.look([gone], bucket)
    assert (waste.runs, waste.files) == ([gone], [])
    bucket_gc.delete(waste, bucket)
    assert keys(bucket) == own | {"files/" + "a" * 64}


def test_an_upload_may_take_half_as_long_as_makes_a_file_old() -> None:
    assert timedelta(seconds=object_store.LONGEST) == timedelta(hours=12)
    assert timedelta(hours=24) == bucket_gc.OLD


def test_an_upload_that_took_longer_writes_no_record(
    settings: Settings, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "LONGEST", -1)
    with pytest.raises(ConnectionError, match="may have taken its first files"):
        finish(settings, 0)
    assert object_store.lookup(name(0), bucket) is None


@pytest.mark.usefixtures("old")
def test_half_of_an_upload_goes_and_nothing_of_anybody_else(settings: Settings, bucket: str) -> None:
    place, prefix = object_store.split(bucket)
    client = boto3.client("s3")
    orphan = "files/" + "a" * 64
    for key in (orphan, "files/" + "b" * 63, "files/md5/ab/cdef", "locks/toys.json", "embed/0123.json"):
        put(bucket, key)
    client.put_object(Bucket=place, Key="elsewhere/" + orphan, Body=b"x")
    for key in (orphan, "files/md5/ab/cdef"):
        begun = client.create_multipart_upload(Bucket=place, Key=f"{prefix}{key}")
        client.upload_part(
            Bucket=place, Key=f"{prefix}{key}", UploadId=begun["UploadId"], PartNumber=1, Body=b"x" * 100
        )
    waste = bucket_gc.look([], bucket)
    assert waste.runs == []
    assert [file.name for file in waste.files] == [orphan]
    assert [key for key, _ in waste.uploads] == [f"{prefix}{orphan}"]
    before = keys(bucket)
    bucket_gc.delete(waste, bucket)
    assert keys(bucket) == before - {orphan}
    left = client.list_multipart_uploads(Bucket=place)["Uploads"]
    assert [item["Key"] for item in left] == [f"{prefix}files/md5/ab/cdef"]


def test_an_upload_begun_lately_goes_on(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        bucket_gc, "OLD", 365 * 24 * 100 * HOURS
    )  # this server says of each that it began in 2010
    place, prefix = object_store.split(bucket)
    boto3.client("s3").create_multipart_upload(Bucket=place, Key=f"{prefix}files/" + "a" * 64)
    assert bucket_gc.look([], bucket).uploads == []


@pytest.mark.usefixtures("old")
def test_what_is_written_again_after_the_look_stays(settings: Settings, bucket: str) -> None:
    """Another machine makes the same run anew in this moment."""
    gone = finish(settings, 0)
    waste = bucket_gc.look([gone], bucket)
    seen_earlier = [file._replace(changed=file.changed - HOURS) for file in waste.files]
    bucket_gc.delete(waste._replace(files=seen_earlier), bucket)
    assert object_store.lookup(gone, bucket) is None
    assert {file.name for file in waste.files} == keys(bucket) != set()
    bucket_gc.delete(
        bucket_gc.Waste([], [waste.files[0]._replace(name="files/" + "c" * 64)], []), bucket
    )  # gone already


@pytest.mark.usefixtures("old")
def test_what_is_shared_during_the_look_is_named(
    settings: Settings, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    through: Callable[..., Any] = bucket_gc._listed
    reference = finish(settings, 0, share=False)
    for file in ("own.bin", "common.bin"):  # its upload has come so far
        body = (settings.store / reference / file).read_bytes()
        put(bucket, f"files/{object_store.digest(settings.store / reference / file)}", body)

    def listed_meanwhile(*given: Any) -> Any:
        listed, now = through(*given)

        def listing(below: str) -> Any:
            found = list(listed(below))
            if below:
                store.share(reference, settings.store)
            return found

        return listing, now

    monkeypatch.setattr(bucket_gc, "_listed", listed_meanwhile)
    assert bucket_gc.look([], bucket) == bucket_gc.Waste([], [], [])


@pytest.mark.usefixtures("old")
def test_gc_says_and_then_takes_from_the_bucket_what_goes_here(settings: Settings, bucket: str) -> None:
    kept, gone = finish(settings, 8), finish(settings, 16)
    another = Settings(home=settings.home.parent / "another", store_remote=bucket)
    others = finish(another, 24)  # this home never had it
    journal(settings.home, "1-toys", "train", 1.0, "", kept)
    said: list[str] = []
    before = keys(bucket)
    gc.gc(settings, yes=False, say=said.append)
    assert keys(bucket) == before
    assert f"1 run, 1 file of no other run, 0 broken uploads  {bucket}" in "\n".join(said)
    gc.gc(settings, yes=True, say=said.append)
    assert not (settings.store / gone).exists()
    left = {f"{reference}.json" for reference in (kept, others)} | files(kept, bucket) | files(others, bucket)
    assert keys(bucket) == left


@pytest.mark.usefixtures("old")
def test_what_only_others_have_still_needs_what_is_here(settings: Settings, bucket: str) -> None:
    """Of three runs in a row the one in the middle is in the bucket only."""
    first = finish(settings, 0)
    another = Settings(home=settings.home.parent / "another", store_remote=bucket)
    finish(another, 8, 0)
    last = finish(settings, 16, 8)
    journal(settings.home, "1-toys", "train", 1.0, "", last)
    assert gc.look(settings).kept.keys() == {first, last}
    assert gc.look(settings).shared.runs == []


def test_without_an_answer_of_the_bucket_nothing_is_deleted(settings: Settings, bucket: str) -> None:
    gone = finish(settings, 0)
    wrong = settings.model_copy(update={"store_remote": "s3://nobodys-bucket/x"})
    with pytest.raises(UserError, match="nobodys-bucket"):
        gc.gc(wrong, yes=True, say=lambda text: None)
    assert (settings.store / gone / "manifest.json").exists()
    assert object_store.lookup(gone, bucket) is not None
