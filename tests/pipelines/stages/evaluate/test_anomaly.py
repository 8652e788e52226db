"""The evaluation of detectors, with test labels and without."""

import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.ensemble import IsolationForest

from components.data.table import Table
from components.encoders.raw_rows import RawRows, RawRowsConfig
from components.evaluation.anomaly.ecod import fit_ecod
from components.evaluation.anomaly.figures import average_precision, precision_at, recall_at
from components.registry.served import load_model
from pipelines.stages.evaluate import anomaly as evaluate
from pipelines.stages.evaluate.anomaly import Request
from tests.pipelines.stages import odd
from tests.pipelines.stages.finetune import test_anomaly as tuned
from tests.pipelines.stages.odd import TASK, TEST

ABOVE = {name: f"{name}/0" for name in ("snapshot", "pretrain", "embed", "pseudo_label", "finetune")}


def prepare(home, **labels):
    output, _, here = tuned.made(home, labels)
    here.outputs["finetune/0"] = output
    return here


def measured(here, **options):
    folder = here.store / "evaluate" / "0"
    folder.mkdir(parents=True, exist_ok=True)
    return evaluate.run(Request(**ABOVE, **{"task": TASK, "bootstrap": 200, **options}), folder, here), folder


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("home"), labelled=4)


@pytest.fixture(scope="module")
def found(here):
    return measured(here)


def test_the_figures_are_those_of_the_predictions(here, found):
    output, folder = found
    assert output.skipped is None
    assert output.unmeasured is None
    table = pq.read_table(folder / output.predictions.path)
    scores, odd = table["score"].to_numpy(), np.array(table["label"].to_pylist()) == "anomaly"
    m = output.metrics
    assert m["average_precision"] == pytest.approx(average_precision(scores, odd))
    assert m["average_precision_low"] <= m["average_precision"] <= m["average_precision_high"]
    assert (m["anomalies"], m["normals"], m["budget"]) == (odd.sum(), (~odd).sum(), round(0.05 * TEST))
    assert m["precision_at_budget"] == precision_at(scores, odd, 6)
    assert m["recall_at_budget"] == recall_at(scores, odd, 6)
    alarm = np.array(table["alarm"].to_pylist())
    assert m["false_alarm_rate"] == pytest.approx(alarm[~odd].mean())
    assert m["recall"] == pytest.approx(alarm[odd].mean())
    assert output.alarm_rate == pytest.approx(alarm.mean())
    assert m["margin"] == pytest.approx(m["average_precision"] - max(output.baselines.values()))
    assert set(output.detectors) == set(here.outputs["finetune/0"].detectors)


def test_baselines_are_plain_detectors_of_the_same_samples(here, found):
    output, _ = found
    table = Table.load(here.store / "snapshot/0/table.parquet")
    packed = torch.from_numpy(np.load(here.store / "snapshot/0/rows.npy"))
    x = RawRows(RawRowsConfig(categories="shares"), here.outputs["snapshot/0"].packing)(packed).numpy()
    train, test = table.train_rows(), table.test_rows()
    odd = table.label[test] == 1
    assert output.baselines["ecod"] == pytest.approx(
        average_precision(fit_ecod(x[train]).scores(x[test]), odd), abs=0.02
    )
    forests = [-IsolationForest(random_state=k).fit(x[train]).score_samples(x[test]) for k in range(3)]
    wanted = [average_precision(scores, odd) for scores in forests]
    assert min(wanted) - 0.15 < output.baselines["isolation_forest"] < max(wanted) + 0.15
    assert output.best_baseline == max(output.baselines, key=output.baselines.get)


def test_the_budget_is_of_all_test_samples_and_measured_on_those_with_a_label(tmp_path):
    here = prepare(tmp_path)
    file = here.store / "snapshot/0/table.parquet"
    table = Table.load(file)
    test = table.test_rows()
    label = table.label.copy()
    label[test[20:80]] = -1
    dataclasses.replace(table, label=label).save(file)
    output, _ = measured(here)
    assert output.metrics["budget"] == round(0.05 * TEST) == 6
    model = load_model(here.store / "finetune/0/model")
    packed = torch.from_numpy(np.load(here.store / "snapshot/0/rows.npy")[test])
    with torch.inference_mode():
        scores = model.see(packed)["score"].numpy()
    known, anomaly = label[test] >= 0, label[test] == 1
    random = np.random.default_rng(0)
    draws = [np.lexsort((random.random(TEST), -scores))[:6] for _ in range(2000)]  # equal scores in any order
    found, looked_at = (np.mean([of[first].sum() for first in draws]) for of in (anomaly, known))
    assert output.metrics["recall_at_budget"] == pytest.approx(found / anomaly.sum(), abs=0.01)
    assert output.metrics["precision_at_budget"] == pytest.approx(found / looked_at, abs=0.02)


def with_gaps(seed: int) -> list[dict[str, str | None]]:
    """Six numbers, far out where a row is an anomaly, with 1 % gaps; three categories that have nothing to do with it,
    some of them rare."""
    random, truth = np.random.default_rng(seed), odd.truth_of()
    shares = np.array([30, 20, 15, 10, 8, 6, 4, 3, 2, 1, 0.6, 0.4]) / 100
    x = random.normal(size=(len(truth), 6)) + truth[:, None] * random.choice([-2.2, 2.2], (len(truth), 6))
    return [
        {
            **{f"x{n}": None if random.random() < 0.01 else f"{value:.4f}" for n, value in enumerate(row)},
            "city": f"c{random.choice(12, p=shares)}", "plan": str(random.choice(["a", "b", "c"])),
            "flag": "yes" if random.random() < 0.02 else "no",
        }
        for row in x
    ]  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1])
def test_gaps_and_categories_leave_baselines_as_good_as_a_forest_on_the_numbers(tmp_path, seed):
    made, _, here = tuned.made(tmp_path, {"given": with_gaps(seed)})
    here.outputs["finetune/0"] = made
    output, _ = measured(here)
    table = Table.load(here.store / "snapshot/0/table.parquet")
    packing = here.outputs["snapshot/0"].packing
    x = np.load(here.store / "snapshot/0/rows.npy")[:, packing.numeric]
    x = np.where(np.isnan(x), np.nanmedian(x, axis=0), x)
    train, test = table.train_rows(), table.test_rows()
    peers = [-IsolationForest(random_state=k).fit(x[train]).score_samples(x[test]) for k in range(3)]
    peer = np.mean([average_precision(scores, table.label[test] == 1) for scores in peers])
    assert max(output.baselines.values()) > peer - 0.02
    assert output.metrics["average_precision"] > peer - 0.25


def test_the_list_for_review(here, found):
    output, folder = found
    listed = pq.read_table(folder / output.review.path)
    table = Table.load(here.store / "snapshot/0/table.parquet")
    rows, scores = listed["row"].to_numpy(), listed["score"].to_numpy()
    assert (table.label[rows] == -1).all()  # who has a label is not asked about
    assert (np.diff(scores) <= 0).all()
    assert listed["id"].to_pylist() == table.ids[rows].tolist()
    held = dict(
        zip(
            *(pq.read_table(here.store / "finetune/0/held.parquet")[n].to_pylist() for n in ("row", "score")),
            strict=True,
        )
    )
    assert scores.tolist() == [held[row] for row in rows]


def test_without_test_labels_it_says_what_to_label(tmp_path):
    here = prepare(tmp_path, tests=False)
    output, folder = measured(here)
    assert output.metrics == {}
    assert output.skipped is None
    assert output.unmeasured == (
        "nothing can be measured: 5 anomalies and 5 normal samples with a label are needed in the test set, there are "
        "0 and 0; label the samples marked as testing in the report's list, or deliver labels whose `split` is test"
    )
    assert output.unmeasured in here.said
    assert 0 <= output.alarm_rate < 0.3
    splits = pq.read_table(folder / output.review.path)["split"].to_pylist()
    assert set(splits) == {"train", "test"}
    assert output.health["effective_rank"] > 1


def test_nothing_was_fitted(here):
    without = dataclasses.replace(here, outputs={**here.outputs})
    without.outputs["finetune/0"] = type(here.outputs["finetune/0"])(skipped="no rows")
    output, _ = measured(without)
    assert output.skipped == "no rows"
    assert output.metrics == {}
