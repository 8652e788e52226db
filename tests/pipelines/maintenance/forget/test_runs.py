"""Which runs a forgotten sample is part of, and what is left of those that stay."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import UserError
from pipelines.engine import object_store
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import is_finished, read_manifest, share
from pipelines.maintenance.forget import record, runs
from pipelines.registry.record import scrubbed
from pipelines.settings import Settings
from tests.pipelines.stages.crowned import finish, noise, snapshot

GONE = f"{3:064x}"  # of the fourth sample


@pytest.fixture
def context(tmp_path):
    settings = Settings(home=tmp_path / "home", data=tmp_path / "data")
    return Context(store=settings.store, settings=settings, recipe="toys")


def key(letter):
    return letter * 16


def grown(context):
    """Runs of a snapshot with the sample, and of one without it."""
    held = snapshot(context, key("a"), [("s", noise(10, 0))])
    other = snapshot(context, key("b"), [("s", noise(3, 0))])
    trained = finish(context, "pretrain", key("c"), {}, snapshot=held)
    warm = finish(context, "pretrain", key("d"), {}, snapshot=other, start={"parent": trained})
    alone = finish(context, "pretrain", key("e"), {}, snapshot=other)
    folder = context.store / "evaluate" / key("f")
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"id": [GONE, "x"], "class": ["bag", "shoe"]}), folder / "p.parquet")
    output = {
        "predictions": Artifact.of(folder / "p.parquet", folder).model_dump(),
        "suspects": {"worst": [{"id": GONE, "row": 3}, {"id": "x", "row": 4}]},
    }
    rated = finish(context, "evaluate", key("f"), output, snapshot=held, pretrain=trained)
    return {"held": held, "other": other, "trained": trained, "warm": warm, "alone": alone, "rated": rated}


def test_all_that_came_of_a_snapshot_with_it_goes_but_for_what_was_measured(context):
    made = grown(context)
    found = runs.touched("toys", [GONE], context.settings)
    assert found.keys() == {made[name] for name in ("held", "trained", "warm", "rated")}
    runs.erase(found, [GONE], context.settings)
    there = {name for name, reference in made.items() if is_finished(reference, context.store)}
    assert there == {"other", "alone", "rated"}
    output = read_manifest(made["rated"], context.store).output
    assert output["suspects"] == {"worst": [{"id": "x", "row": 4}]}
    file = context.file(made["rated"], Artifact.model_validate(output["predictions"]))  # verifies its digest
    assert pq.read_table(file)["id"].to_pylist() == ["x"]
    assert runs.touched("toys", [GONE], context.settings) == {}


def test_in_the_bucket_too_and_at_once(bucket, tmp_path):
    settings = Settings(home=tmp_path / "home", data=tmp_path / "data", store_remote=bucket)
    context = Context(store=settings.store, settings=settings, recipe="toys")
    made = grown(context)
    for reference in made.values():
        share(reference, settings.store)
    shared = object_store.lookup(made["held"], bucket)
    runs.erase(runs.touched("toys", [GONE], settings), [GONE], settings)
    assert {name for name, r in made.items() if object_store.lookup(r, bucket)} == {"other", "alone", "rated"}
    text = json.dumps(object_store.lookup(made["rated"], bucket).model_dump())
    assert GONE not in text
    import boto3

    name, prefix = object_store.split(bucket)
    listed = boto3.client("s3").list_objects_v2(Bucket=name, Prefix=f"{prefix}files/").get("Contents", [])
    assert not {file.sha256 for file in shared.files} & {item["Key"].rpartition("/")[2] for item in listed}


def test_a_json_value_without_what_is_told_of_a_sample():
    value = {"worst": [{"id": "a", "row": 1}, {"id": "b"}], "ids": ["a", "b"], "a": 1, "n": 2}
    assert scrubbed(value, ["a"]) == {"worst": [{"id": "b"}], "ids": ["b"], "n": 2}


def test_a_version_that_went_is_refused_with_the_reason(tmp_path):
    entry = record.Forgotten(
        time="2026-11-30T10:00:00+00:00", who="ana", recipe="toys", samples=2, versions=["v.dir"], models=[]
    )
    record.append(tmp_path, entry)
    record.refuse_erased("other.dir", tmp_path)
    with pytest.raises(
        UserError, match=r"v\.dir held samples that ana had forgotten on 2026-11-30: it is gone for good"
    ):
        record.refuse_erased("v.dir", tmp_path)
