"""Drift of new deliveries, in the champion's own eyes, and the health of its pseudo-labels over time."""

import base64
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from components.data.shards import Index, Shard
from components.data.table import Table
from components.errors import UserError
from components.monitoring.drift import mmd_test
from components.monitoring.mix import chi_square, psi
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context, read_metrics
from pipelines.registry import ancestry
from pipelines.stages.monitor import drift
from pipelines.stages.monitor import stage as monitor
from pipelines.stages.monitor.stage import Output, Request, run
from tests.pipelines.stages.crowned import (
    CLASSES,
    classifier,
    context_of,
    crown,
    empty_mlflow,
    finish,
    noise,
    snapshot,
)

OLD, SAME = ("a" * 64, noise(200, 1)), ("b" * 64, noise(100, 2))
BRIGHT, BRIGHTER = ("c" * 64, noise(100, 3, 120)), ("d" * 64, noise(100, 4, 180))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_mlflow(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture
def context(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A home in which every delivery is ingested, and the first was trained on."""
    monkeypatch.setattr(ancestry, "observe", ancestry.ask)
    made = context_of(tmp_path, template)
    snapshot(made, "old", [OLD])
    finish(made, "finetune", "f", {}, snapshot="snapshot/old")
    finish(made, "pretrain", "p", {"encoder": {"path": "e", "sha256": "e" * 64, "bytes": 1}})
    names = ("old.parquet", "same.parquet", "bright", "brighter")
    shards = [
        Shard(file=f"shards/{shard}.parquet", rows=len(pixels), digest=shard, delivery=name)
        for name, (shard, pixels) in zip(names, (OLD, SAME, BRIGHT, BRIGHTER), strict=True)
    ]
    folder = made.settings.data / "toys" / "shards"
    folder.mkdir(parents=True)
    for shard in shards:
        (folder.parent / shard.file).touch()
    Index(shards=shards).save(folder.parent)
    return made


def crowned(context: Context, **tags: str) -> str:
    return crown(context, **{"selfsup.finetune": "finetune/f", "selfsup.pretrain": "pretrain/p", **tags})


def watched(context: Context, deliveries: list[tuple[str, np.ndarray]], **changes: Any) -> Output:
    asked = Request(snapshot=snapshot(context, "now", deliveries), model="toys", **changes)
    folder = context.store / "monitor" / ".k.part"
    folder.mkdir(parents=True)
    seen = monitor.observe(asked, context.settings)
    return run(asked, folder, dataclasses.replace(context, observed=seen, folder=folder))


def looked_at(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features and probabilities by a plain loop."""
    with torch.no_grad():
        found = [classifier(0).answer(torch.from_numpy(image[None]).float() / 255) for image in pixels]
    p = [logits.double().softmax(1)[0].numpy() for logits, _ in found]
    return np.stack([x[0].numpy() for _, x in found]), np.stack(p)


def training(pixels: np.ndarray, first: int) -> np.ndarray:
    """Those whose row in the snapshot is no test item's."""
    return pixels[(np.arange(first, first + len(pixels)) % 5) != 4]


def test_figures_are_those_of_a_plain_loop_over_training_samples(context: Context) -> None:
    version = crowned(context)
    output = watched(context, [OLD, SAME, BRIGHT], seed=3)
    assert (output.champion, output.encoder) == (version, "e" * 64)
    assert [d.delivery for d in output.deliveries] == ["same.parquet", "bright"]
    old_x, old_p = looked_at(training(OLD[1], 0))
    assert list(output.mix.values()) == np.bincount(old_p.argmax(axis=1), minlength=3).tolist()
    assert output.level == pytest.approx(old_p.max(axis=1).mean(), abs=1e-5)
    assert sum(output.histogram) == 160
    shares = drift.dealt(old_x, old_p, 2, 3)
    assert sum(len(x) for x, _ in shares) == 160  # each old sample in one of them
    for k, (pixels, first, (rx, rp)) in enumerate(((SAME[1], 200, shares[0]), (BRIGHT[1], 300, shares[1]))):
        x, p = looked_at(training(pixels, first))
        found, reference = output.deliveries[k], np.bincount(rp.argmax(axis=1), minlength=3).tolist()
        assert found.mix == np.bincount(p.argmax(axis=1), minlength=3).tolist()
        assert found.level == pytest.approx(p.max(axis=1).mean(), abs=1e-5)
        assert (found.psi, found.mix_p) == (psi(reference, found.mix), chi_square(reference, found.mix)[1])
        statistic, chance = mmd_test(x, rx, permutations=499, seed=4 + k)
        assert found.statistic == pytest.approx(statistic, abs=1e-4)
        assert found.p == pytest.approx(chance, abs=0.01)


def test_one_odd_delivery_is_no_drift_and_two_are(context: Context) -> None:
    crowned(context)
    one = watched(context, [OLD, SAME, BRIGHT])
    assert one.deliveries[0].p > 0.01 >= one.deliveries[1].p
    assert not one.drifted
    (context.store / "monitor" / ".k.part").rename(context.store / "monitor" / "one")
    two = watched(context, [OLD, SAME, BRIGHT, BRIGHTER])
    assert two.drifted
    assert two.error_rate == pytest.approx(0.01 * (1 - 0.99**4))


def test_no_test_item_is_looked_at_and_only_the_last_deliveries() -> None:
    ids, shards = np.array([str(i) for i in range(400)]), np.repeat(["o", "p", "q", "r"], 100)
    table = Table(ids, shards, np.where(np.arange(400) % 4 == 0, "test", "train"), np.full(400, -1))
    old = Table(ids[:100], shards[:100], table.split[:100], table.label[:100])
    names = {"p": "one", "q": "two", "r": "three"}
    rows, parts = drift.split(table, old, names, windows=2, samples=50, seed=0)
    assert [name for name, _ in parts] == ["two", "three"]
    assert len(rows) == 50
    assert [len(part) for _, part in parts] == [25, 25]
    assert rows.max() < 100
    for picked in (rows, *(part for _, part in parts)):
        assert (table.split[picked] == "train").all()


def test_metrics_and_page_hold_the_figures(context: Context) -> None:
    crowned(context, **{"selfsup.pseudo_label": chain(context)})
    output = watched(context, [OLD, SAME, BRIGHT])
    folder = context.store / "monitor" / ".k.part"
    logged = read_metrics(folder)
    assert [r["drift/p"] for r in logged if "drift/p" in r] == [d.p for d in output.deliveries]
    assert [r["health/kept_share"] for r in logged if "health/kept_share" in r] == [0.5, 0.6, 0.7]
    assert output.page is not None
    page = (folder / output.page.path).read_text()
    for delivery in output.deliveries:
        assert f"<td>{delivery.delivery}</td>" in page
        assert f">{delivery.p:.3f}<" in page
        assert f">{delivery.psi:.3f}<" in page
    assert "unlike old samples" in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == 5
    assert all(len(base64.b64decode(picture)) > 3000 for picture in pictures)
    assert {path.name for path in folder.iterdir()} == {"metrics.jsonl", "monitor.html"}


def chain(context: Context) -> str:
    """Three runs of pseudo_label, each with the clusters of the one before."""
    before = None
    for generation, share in enumerate((0.5, 0.6, 0.7)):
        folder = context.store / "pseudo_label" / str(generation)
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"cluster": [0] * 5 + [1] * 3 + [2]}), folder / "p.parquet")
        output = {
            "pseudo_labels": Artifact.of(folder / "p.parquet", folder).model_dump(), "kept_share": share,
            "estimated_precision": 0.9, "churn": 0.1 if before else None, "clusters": 3,
        }  # fmt: skip
        before = finish(context, "pseudo_label", str(generation), output, previous=before)
    assert before is not None
    return before


def test_health_goes_back_from_champion_to_champion(context: Context) -> None:
    from pipelines.registry.pseudo_label_history import pseudo_label_health

    health = pseudo_label_health(chain(context), context)
    assert [h.reference for h in health] == ["pseudo_label/0", "pseudo_label/1", "pseudo_label/2"]
    assert [h.churn for h in health] == [None, 0.1, 0.1]
    assert [(h.smallest, h.median, h.largest, h.samples) for h in health] == [(1, 3, 5, 9)] * 3
    (context.store / "pseudo_label" / "0" / "manifest.json").unlink()
    assert len(pseudo_label_health("pseudo_label/2", context)) == 2  # what is lost ends the chain
    assert pseudo_label_health(None, context) == pseudo_label_health("pseudo_label/gone", context) == []


def test_nothing_new_is_no_drift_and_says_so(context: Context, capsys: pytest.CaptureFixture[str]) -> None:
    crowned(context)
    output = watched(context, [OLD])
    assert (output.deliveries, output.drifted) == ([], False)
    assert sum(output.mix.values()) == 160
    assert list(output.mix) == CLASSES
    assert "nothing was delivered since version 1 was trained" in capsys.readouterr().out


def test_without_a_champion_it_is_skipped_with_a_word(context: Context) -> None:
    output = watched(context, [OLD])
    assert output == Output(skipped=output.skipped)
    assert "no champion yet" in str(output.skipped)


@pytest.mark.parametrize("lost", ["finetune/f", "snapshot/old"])
def test_what_the_champion_was_trained_on_must_be_known(context: Context, lost: str) -> None:
    crowned(context)
    (context.store / lost / "manifest.json").unlink()
    with pytest.raises(UserError, match=rf"the store has lost {lost}, which says what toys version 1"):
        watched(context, [OLD, SAME])


def test_too_few_old_samples_is_a_users_error(context: Context) -> None:
    crowned(context)
    file = context.store / "snapshot" / "old" / "manifest.json"
    snapshot(context, "small", [(OLD[0], OLD[1][:20])])
    file.write_text(json.dumps(json.loads((context.store / "snapshot/small/manifest.json").read_text())))
    (context.store / "snapshot/small/table.parquet").replace(context.store / "snapshot/old/table.parquet")
    with pytest.raises(
        UserError, match="16 of the samples that the champion was trained on are left, 20 a delivery"
    ):
        watched(context, [OLD, SAME])
