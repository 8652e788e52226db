"""Batch predictions: what a plain loop answers, once a shard and model, and never with a model nobody vouches for."""

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from components.data.shards import SHARD, SHARDS, Index, Shard, write_table
from components.errors import UserError
from components.registry.journal import Entry, Journal
from pipelines.engine.code_digest import code_digest
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.inference import answers
from pipelines.inference.ranges import over_ranges
from pipelines.registry import ancestry
from pipelines.stages.score import classification
from pipelines.stages.score import stage as score
from pipelines.stages.score.stage import Output, Request, run
from tests.pipelines.stages.crowned import (
    CLASSES,
    classifier,
    context_of,
    crown,
    empty_mlflow,
    noise,
    registry_of,
    snapshot,
)

FIRST, SECOND = ("a" * 64, noise(40, 1)), ("b" * 64, noise(30, 2))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_mlflow(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture
def context(tmp_path: Path, template: Path) -> Context:
    return context_of(tmp_path, template)


@pytest.fixture(autouse=True)
def asks_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a process of its own, which takes seconds."""
    monkeypatch.setattr(ancestry, "observe", ancestry.ask)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """The ranges that are computed."""
    asked: list[dict[str, int]] = []

    def noted(worker: Any, ranges: list[dict[str, int]], *rest: Any) -> Iterator[dict[str, Any]]:
        asked.extend(ranges)
        yield from over_ranges(worker, ranges, *rest)

    monkeypatch.setattr(answers, "over_ranges", noted)
    return asked


def request(at: str, **changes: Any) -> Request:
    return Request(snapshot=at, model="toys", **{"batch_size": 16, **changes})


def scored(context: Context, at: str, key: str, **changes: Any) -> Output:
    """Run and finished, as the store does it; what an attempt before has left is there."""
    asked, folder = request(at, **changes), context.store / "score" / key
    folder.mkdir(parents=True, exist_ok=True)
    seen = score.observe(asked, context.settings, context.recipe)
    output = run(asked, folder, dataclasses.replace(context, observed=seen, folder=folder))
    dumped = asked.model_dump(mode="json")
    manifest = Manifest(
        stage="score", version=1, recipe="toys", given=dumped, request=dumped, observed=seen,
        code=code_digest("score", dumped), output=output.model_dump(mode="json"), started=0.0, seconds=1.0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return output


def files(context: Context, key: str) -> dict[str, bytes]:
    folder = context.store / "score" / key / "predictions"
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_predictions_are_those_of_a_plain_loop(context: Context) -> None:
    version, at = crown(context), snapshot(context, "s", [FIRST, SECOND])
    output = scored(context, at, "k", abstain_below=0.6)
    assert (output.champion, output.samples, output.computed) == (version, 70, 70)
    assert [part.shard for part in output.partitions] == [FIRST[0], SECOND[0]]
    model, row = classifier(0), 0
    for part, (_, pixels) in zip(output.partitions, (FIRST, SECOND), strict=True):
        table = pq.read_table(context.store / "score" / "k" / part.file.path).to_pydict()
        for i, image in enumerate(pixels):
            with torch.no_grad():
                logits, features = model.answer(torch.from_numpy(image[None]).float() / 255)
                p = logits.double().softmax(1)[0].numpy()
            apart = model.distances(features.numpy())[0]
            assert table["outlier_score"][i] == pytest.approx(apart, rel=1e-4)
            assert table["is_outlier"][i] == (apart > model.config.outliers.limit)
            assert table["id"][i] == f"{row:064x}"
            np.testing.assert_allclose(table["probabilities"][i], p, atol=1e-6)
            assert table["class"][i] == CLASSES[p.argmax()]
            assert table["confidence"][i] == pytest.approx(p.max(), abs=1e-6)
            assert table["abstained"][i] == (p.max() < 0.6)
            among = [CLASSES[k] for k in np.argsort(-p) if p[k] >= 0.35]  # 1 - p <= .65
            assert table["prediction_set"][i] == (among or [CLASSES[p.argmax()]])
            row += 1
        assert part.abstained == sum(table["abstained"])
        assert part.outliers == sum(table["is_outlier"])
    assert 0 < output.abstained < 70  # both answers were looked at
    assert sum(output.mix.values()) == sum(output.confidence) == 70
    assert {path.name for path in (context.store / "score" / "k").iterdir()} == {
        "predictions",
        "manifest.json",
    }


def test_a_prediction_names_the_file_as_it_arrived(context: Context) -> None:
    """Where its shard is there; else the id alone is known."""
    crown(context)
    data, ids = context.settings.data / "toys", [f"{i:064x}" for i in range(40)]
    names = [f"a/{i}.png" for i in range(40)]
    arrived = {"id": ids, "bytes": [b""] * 40, "name": names, "delivery": ["."] * 40}
    written = write_table(data, SHARDS, arrived, SHARD)
    first = (Path(written).stem, FIRST[1])
    scored(context, snapshot(context, "s", [first, SECOND]), "k")
    known = columns(context, "k", first[0])
    assert (known["name"], known["delivery"]) == (names, ["(inbox)"] * 40)
    assert set(columns(context, "k", SECOND[0])["name"]) == {None}


def columns(context: Context, key: str, shard: str) -> dict[str, list[Any]]:
    file = context.store / "score" / key / "predictions" / f"{shard}.parquet"
    return pq.read_table(file).to_pydict()


@pytest.mark.parametrize("abstain", [False, True])
def test_samples_unlike_all_others_are_called_so_and_abstained_from_where_asked(
    context: Context, abstain: bool
) -> None:
    crown(context)
    ordinary, flat = ("a" * 64, noise(400, 5)), ("b" * 64, noise(50, 6, low=250))
    output = scored(context, snapshot(context, "s", [ordinary, flat]), "k", abstain_outliers=abstain)
    known, other = (columns(context, "k", shard) for shard, _ in (ordinary, flat))
    assert 0.01 < np.mean(known["is_outlier"]) < 0.09  # the rate is .05; half of 400 samples set the limit
    assert all(other["is_outlier"])
    assert (output.outliers, output.outlier_rate) == (sum(known["is_outlier"]) + 50, 0.05)
    assert output.abstained == (output.outliers if abstain else 0)
    assert known["abstained"] == [abstain and far for far in known["is_outlier"]]


def test_a_model_that_cannot_tell_what_is_strange_says_nothing(context: Context) -> None:
    crown(context, knows=False)
    output = scored(context, snapshot(context, "s", [FIRST]), "k", abstain_outliers=True)
    assert (output.outliers, output.outlier_rate, output.abstained) == (None, None, 0)
    found = columns(context, "k", FIRST[0])
    assert found["outlier_score"] == found["is_outlier"] == [None] * 40


def test_what_a_model_says_of_itself_is_read_once(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    crown(context)
    read, real = [], classification.Reading.of
    monkeypatch.setattr(classification.Reading, "of", lambda *given: read.append(given) or real(*given))
    scored(context, snapshot(context, "s", [FIRST, SECOND]), "k")
    assert len(read) == 1


def test_only_what_this_model_has_not_scored_is_computed(
    context: Context, template: Path, here: list[dict[str, int]]
) -> None:
    crown(context)
    scored(context, snapshot(context, "s1", [FIRST]), "k1")
    here.clear()
    output = scored(context, snapshot(context, "s2", [FIRST, SECOND]), "k2")
    assert (output.samples, output.computed, sum(p["stop"] - p["start"] for p in here)) == (70, 30, 30)
    alone = context_of(context.settings.home / "alone", template)
    crown(alone)
    assert scored(alone, snapshot(alone, "s2", [FIRST, SECOND]), "k").computed == 70
    assert files(context, "k2") == files(alone, "k")
    assert files(context, "k1").items() <= files(context, "k2").items()


@pytest.mark.parametrize("what", ["champion", "threshold", "code", "file", "packing"])
def test_what_was_scored_otherwise_is_not_copied(context: Context, what: str) -> None:
    crown(context)
    scored(context, snapshot(context, "s1", [FIRST]), "k1")
    at = snapshot(context, "s2", [FIRST, SECOND])
    changes: dict[str, Any] = {"abstain_below": 0.5} if what == "threshold" else {}
    if what == "champion":
        crown(context, seed=1)
    if what == "file":
        (context.store / "score" / "k1" / "predictions" / f"{FIRST[0]}.parquet").write_bytes(b"spoilt")
    if what in ("code", "packing"):
        file = context.store / {"code": "score/k1", "packing": "snapshot/s1"}[what] / "manifest.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "code": "older"}))
    assert scored(context, at, "k2", **changes).computed == 70


def test_killed_it_goes_on_and_takes_no_answer_for_anothers(
    context: Context, here: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile another run has scored the first shard, so the same places now ask for other rows."""
    crown(context)
    monkeypatch.setattr(score, "RANGE", 1)
    at = snapshot(context, "s2", [FIRST, SECOND])
    scored(context, at, "whole")
    expected = files(context, "whole")
    shutil.rmtree(context.store / "score")
    here.clear()

    def dies(worker: Any, ranges: list[dict[str, int]], *rest: Any) -> Iterator[dict[str, Any]]:
        yield from over_ranges(worker, ranges[:4], *rest)  # three of the first shard, one of the second
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(answers, "over_ranges", dies)
        with pytest.raises(KeyboardInterrupt):
            scored(context, at, "k")
    scored(context, snapshot(context, "s1", [FIRST]), "k1")
    here.clear()
    assert scored(context, at, "k").computed == 30
    assert here == [{"start": 16, "stop": 30}]
    assert files(context, "k") == expected


def test_another_champion_is_another_run(context: Context) -> None:
    at = snapshot(context, "s", [FIRST])
    assert score.observe(request(at), context.settings, context.recipe) == {}
    version = crown(context)
    seen = score.observe(request(at), context.settings, context.recipe)
    assert seen["version"] == version
    crown(context, seed=1)
    assert score.observe(request(at), context.settings, context.recipe)["digest"] != seen["digest"]


def test_a_champion_that_moves_meanwhile_stops_the_run(context: Context) -> None:
    crown(context)
    asked = request(snapshot(context, "s", [FIRST]))
    seen = score.observe(asked, context.settings, context.recipe)
    crown(context, seed=1)
    with pytest.raises(UserError, match="was version 1 when the run began and is 2 now"):
        run(asked, context.store, dataclasses.replace(context, observed=seen))


def test_without_a_champion_it_is_skipped_with_a_word(context: Context) -> None:
    output = scored(context, snapshot(context, "s", [FIRST]), "k")
    assert output == Output(skipped=output.skipped)
    assert "no champion yet" in str(output.skipped)


def test_a_champion_deleted_by_hand_is_told(context: Context) -> None:
    at, registry = snapshot(context, "s", [FIRST]), registry_of(context)
    version = crown(context)
    journal = Journal(context.settings.home / "journal" / "toys.jsonl")
    journal.append(Entry.now("me", "promote", "done", None, version, "good"))
    registry.client.delete_model_version("toys", version)
    with pytest.raises(UserError, match=r"version 1 was it by the journal: somebody deleted it.*rollback"):
        scored(context, at, "k")


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_files_that_nobody_vouches_for_are_not_loaded(context: Context, harm: str) -> None:
    at = snapshot(context, "s", [FIRST])
    crown(context)
    folder = context.settings.home / "models" / "0" / "artifacts" / "classifier"
    if harm == "missing":
        shutil.rmtree(folder)
    else:
        file = folder / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    said = {"missing": "cannot be fetched", "changed": "they were changed"}[harm]
    with pytest.raises(UserError, match=said):
        scored(context, at, "k")


def test_samples_of_another_modality_are_refused(context: Context) -> None:
    at = snapshot(context, "s", [FIRST], size=16)
    crown(context)
    with pytest.raises(UserError, match="size 12 not 16"):
        scored(context, at, "k")


def test_no_samples_is_a_users_error(context: Context) -> None:
    at = snapshot(context, "s", [("a" * 64, noise(0, 0))])
    crown(context)
    with pytest.raises(UserError, match="no samples to score"):
        scored(context, at, "k")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workers", [0, 2])
def test_under_ray_data_the_bytes_are_the_same(
    context: Context, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    crown(context)
    at = snapshot(context, "s", [FIRST, SECOND])
    scored(context, at, "plain")
    plain = files(context, "plain")
    shutil.rmtree(context.store / "score")
    monkeypatch.undo()
    monkeypatch.setattr("pipelines.stages.score.stage.RANGE", 1)
    settings = context.settings.model_copy(update={"workers": workers})
    scored(dataclasses.replace(context, settings=settings), at, "ray")
    assert files(context, "ray") == plain


def test_recent_shards_alone_are_scored_and_all_of_them_by_a_new_champion(context: Context) -> None:
    """By the time at which a shard was written; what was scored before is copied, whichever shards were chosen."""
    crown(context)
    data, day = context.settings.data / "toys", 86400.0
    shards = []
    for name, (_, pixels), age in (("old", FIRST, 10.0), ("new", SECOND, 0.0)):
        ids = [f"{name}{i:061x}" for i in range(len(pixels))]
        rows = {"id": ids, "bytes": [b""] * len(ids), "name": ids, "delivery": ["."] * len(ids)}
        file = write_table(data, SHARDS, rows, SHARD)
        written = (data / file).stat().st_mtime - age * day
        os.utime(data / file, (written, written))
        shards.append(Shard(file=file, rows=len(ids), digest=Path(file).stem, delivery="."))
    Index(shards=shards).save(data)
    at = snapshot(context, "s", [(shards[0].digest, FIRST[1]), (shards[1].digest, SECOND[1])])
    output = scored(context, at, "few", days=7)
    assert [part.shard for part in output.partitions] == [shards[1].digest]
    assert (output.samples, output.computed, sum(output.mix.values())) == (30, 30, 30)
    output = scored(context, at, "more", days=11)
    assert (output.samples, output.computed) == (70, 40)
    assert scored(context, at, "all").computed == 0
    crown(context, 1)
    output = scored(context, at, "again", days=7)
    assert (output.samples, output.computed) == (30, 30)
    seen = [score.observe(request(at, days=days), context.settings, "toys")["shards"] for days in (7, 9, 11)]
    assert seen[0] == seen[1] != seen[2]
