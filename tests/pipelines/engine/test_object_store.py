"""Two machines are two homes here, each with a store of its own; the bucket is a real one of an S3 server."""

import json

import boto3
import pytest

from components.errors import UserError
from pipelines.engine import object_store, store
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.settings import Settings

KEY = "0" * 16
REFERENCE = f"fake/{KEY}"
BIG = bytes(range(256)) * 5000  # larger than what comes along


def made(folder, big=BIG, seconds=1.0):
    """The folder of a run as its stage leaves it."""
    (folder / "deep").mkdir(parents=True)
    (folder / "big.bin").write_bytes(big)
    (folder / "deep" / "small.txt").write_text("small")
    (folder / ".big.bin.tmp").write_text("what a kill left")
    (folder / "metrics.jsonl").write_text('{"step": 1}\n')
    output = {
        "file": Artifact.of(folder / "big.bin", folder),
        "more": [Artifact.of(folder / "deep/small.txt", folder)],
    }
    manifest = Manifest(
        stage="fake", version=1, recipe="r", given={}, observed={}, code="c", request={}, started=1.0, seconds=seconds,
        output=json.loads(json.dumps(output, default=lambda a: a.model_dump())),
    )  # fmt: skip
    (folder / "manifest.json").write_text(manifest.model_dump_json(indent=2) + "\n")
    return output["file"]


@pytest.fixture
def machine(tmp_path, bucket):
    def one(name):
        settings = Settings(home=tmp_path / name, store_remote=bucket)
        return settings, Context(store=settings.store, settings=settings, recipe="r")

    return one


def keys(bucket):
    name, prefix = object_store.split(bucket)
    found = boto3.client("s3").list_objects_v2(Bucket=name).get("Contents", [])
    return [item["Key"].removeprefix(prefix) for item in found]


def test_another_machine_finds_the_run_and_fetches_what_it_asks_for(machine, bucket):
    here, _ = machine("here")
    file = made(here.store / REFERENCE)
    store.share(REFERENCE, here.store)
    there, context = machine("there")
    assert store.is_finished(REFERENCE, there.store)
    found = there.store / REFERENCE
    assert sorted(p.name for p in found.rglob("*") if p.is_file()) == [
        "manifest.json",
        "metrics.jsonl",
        "small.txt",
    ]
    assert (
        found.joinpath("manifest.json").read_bytes()
        == (here.store / REFERENCE / "manifest.json").read_bytes()
    )
    assert context.file(REFERENCE, file).read_bytes() == BIG
    assert sorted(p.name for p in (there.store / "fake").iterdir()) == [f".{KEY}.lock", KEY]
    assert store.read_manifest(REFERENCE, there.store) == store.read_manifest(REFERENCE, here.store)


def test_without_a_remote_nothing_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(object_store, "_client", lambda: pytest.fail("S3 was asked"))
    settings = Settings(home=tmp_path)
    assert not store.is_finished(REFERENCE, settings.store)
    with pytest.raises(UserError, match="no finished run"):
        store.read_manifest(REFERENCE, settings.store)


@pytest.mark.parametrize(
    ("at", "there"), [("share.begun", 0), ("share.file", 1), ("share.files", 3), ("share.record", 4)]
)
def test_ended_within_an_upload_the_retry_shares_it_once_and_whole(machine, bucket, monkeypatch, at, there):
    """tests/crash kills it there."""
    here, _ = machine("here")
    part = store.part_of(REFERENCE, here.store)
    file = made(part)

    def end(name):
        if name == at:
            raise KeyboardInterrupt

    monkeypatch.setattr(object_store, "point", end)
    with pytest.raises(KeyboardInterrupt):
        object_store.share(REFERENCE, part, bucket)
    monkeypatch.setattr(object_store, "point", lambda name: None)
    assert len(keys(bucket)) == there
    other, context = machine("there")
    assert store.is_finished(REFERENCE, other.store) is (at == "share.record")
    assert store.publish(REFERENCE, here.store)  # its retry
    assert (here.store / REFERENCE / "big.bin").read_bytes() == BIG
    assert store.is_finished(REFERENCE, other.store)
    assert context.file(REFERENCE, file).read_bytes() == BIG
    assert sorted(keys(bucket)) == sorted(
        [
            f"{REFERENCE}.json",
            *(f"files/{item.sha256}" for item in object_store.lookup(REFERENCE, bucket).files),
        ]
    )


def test_killed_after_the_record_the_retry_gives_the_folder_its_name(machine, bucket):
    here, _ = machine("here")
    part = store.part_of(REFERENCE, here.store)
    made(part)
    assert object_store.share(REFERENCE, part, bucket)
    assert store.is_finished(REFERENCE, here.store)
    assert not part.exists()
    assert (here.store / REFERENCE / "big.bin").read_bytes() == BIG  # renamed, not fetched


def test_of_two_machines_with_the_same_run_one_wins(machine, bucket):
    here, _ = machine("here")
    there, context = machine("there")
    file = made(store.part_of(REFERENCE, here.store), seconds=1.0)
    made(store.part_of(REFERENCE, there.store), big=BIG[::-1], seconds=2.0)
    assert store.publish(REFERENCE, here.store)
    assert not store.publish(REFERENCE, there.store)
    assert store.read_manifest(REFERENCE, there.store).seconds == 1.0
    assert context.file(REFERENCE, file).read_bytes() == BIG
    assert not store.part_of(REFERENCE, there.store).exists()


def test_the_record_is_only_written_where_there_is_none(machine, bucket, monkeypatch):
    here, _ = machine("here")
    there, _ = machine("there")
    made(store.part_of(REFERENCE, here.store))
    made(store.part_of(REFERENCE, there.store), seconds=2.0)
    assert object_store.share(REFERENCE, store.part_of(REFERENCE, here.store), bucket)
    seen = object_store.lookup(REFERENCE, bucket)
    monkeypatch.setattr(
        object_store, "lookup", lambda reference, address: None
    )  # it looked a moment too early
    assert not object_store.share(REFERENCE, store.part_of(REFERENCE, there.store), bucket)
    monkeypatch.undo()
    assert seen is not None
    assert seen.manifest["seconds"] == 1.0


@pytest.mark.parametrize("what", [b"x" * len(BIG), BIG[:-1], None])
def test_an_object_that_is_not_what_its_name_says_is_refused(machine, bucket, what):
    here, _ = machine("here")
    file = made(here.store / REFERENCE)
    store.share(REFERENCE, here.store)
    name, prefix = object_store.split(bucket)
    client, key = boto3.client("s3"), f"{prefix}files/{file.sha256}"
    client.put_object(Bucket=name, Key=key, Body=what) if what else client.delete_object(Bucket=name, Key=key)
    there, context = machine("there")
    assert store.is_finished(REFERENCE, there.store)
    with pytest.raises(
        UserError, match=f"{file.sha256} is .*remove s3://.*{REFERENCE}.json and run again"
    ) as caught:
        context.file(REFERENCE, file)
    assert "\n" not in str(caught.value)
    assert not [p for p in (there.store / REFERENCE).iterdir() if "big" in p.name]
    # What the message says helps: the machine that made it still has it.
    client.delete_object(Bucket=name, Key=f"{prefix}{REFERENCE}.json")
    store.share(REFERENCE, here.store)
    assert context.file(REFERENCE, file).read_bytes() == BIG


def test_a_log_that_grows_during_the_upload_is_shared_as_it_was(machine, bucket, monkeypatch):
    """The process that waits for a stage writes figures of memory into its folder, once in a while."""
    here, _ = machine("here")
    made(here.store / REFERENCE)
    log, through = here.store / REFERENCE / "metrics.jsonl", object_store._record

    def looked_at(folder):
        found = through(folder)
        with log.open("a") as out:
            out.write('{"step": 2}\n')
        return found

    monkeypatch.setattr(object_store, "_record", looked_at)
    store.share(REFERENCE, here.store)
    there, _ = machine("there")
    assert store.is_finished(REFERENCE, there.store)
    assert (there.store / REFERENCE / "metrics.jsonl").read_text() == '{"step": 1}\n'
    assert log.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_what_is_not_here_in_full_is_not_shared(machine, bucket):
    here, _ = machine("here")
    made(here.store / REFERENCE)
    (here.store / REFERENCE / "big.bin").unlink()
    with pytest.raises(UserError, match=r"big\.bin is missing.*remove .*and run again"):
        store.share(REFERENCE, here.store)
    assert keys(bucket) == []


def test_a_bucket_that_is_not_there_is_one_line(machine, tmp_path, bucket):
    settings = Settings(home=tmp_path, store_remote="s3://nobodys-bucket/x")
    with pytest.raises(UserError, match=r"^s3://nobodys-bucket/x: .*NoSuchBucket.*AWS_") as caught:
        store.is_finished(REFERENCE, settings.store)
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_is_nobodys_mistake(machine, tmp_path, bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)  # between its attempts
    object_store._client.cache_clear()
    with pytest.raises(ConnectionError, match="run again: it goes on"):
        store.is_finished(REFERENCE, Settings(home=tmp_path, store_remote=bucket).store)
    object_store._client.cache_clear()
