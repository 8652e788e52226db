"""Figures of predicted numbers on the test samples: those of scikit-learn, paired, and refused where there are none."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import mean_absolute_error, r2_score

from components.data.table import Table
from components.registry.regressor import Regressor, RegressorConfig
from components.registry.served import save_model
from pipelines.engine.artifact import Artifact
from pipelines.stages.evaluate import regression as evaluate
from pipelines.stages.evaluate.regression import Output, Request, unmeasurable
from pipelines.stages.finetune.regression.stage import Output as Tuned
from tests.pipelines.stages.tiny import ENCODER, TEST, Here
from tests.pipelines.stages.tiny_numbers import ABOVE, TASK, numbers


def prepare(home: Path, width: float | None = 100.0, **changes: Any) -> Here:
    """Fine-tuning is stood in for by the frozen encoder with a random head."""
    here = numbers(home, 40)
    at = here.store / "finetune" / "0"
    at.mkdir(parents=True)
    torch.manual_seed(0)
    config = RegressorConfig(
        encoder=ENCODER, packing=here.outputs["snapshot/0"].packing, mean=1250.0, scale=140.0, width=width
    )
    files = [Artifact.of(file, at) for file in save_model(Regressor(config), at / "model")]
    here.outputs["finetune/0"] = Tuned(
        model=files[0], config=files[1], alone=files[0], alone_config=files[1], **changes
    )
    return here


def run(here: Here, **options: Any) -> tuple[Output, Path]:
    folder = here.store / "evaluate" / "0"
    folder.mkdir(parents=True)
    given = {**ABOVE, **TASK, "embed": "embed/0", "finetune": "finetune/0", "bootstrap": 200}
    return evaluate.run(Request(**{**given, **options}), folder, here), folder


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Output, Path, Here]:
    here = prepare(tmp_path_factory.mktemp("home"))
    return *run(here), here


def test_figures_are_those_of_scikit_learn_on_the_predictions(measured: tuple[Output, Path, Here]) -> None:
    output, folder, here = measured
    assert output.predictions is not None
    found = pq.read_table(folder / output.predictions.path).to_pandas()
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    rows = table.test_rows()
    assert table.target is not None
    assert found["id"].tolist() == table.ids[rows].tolist()
    assert found["label"].tolist() == table.target[rows].tolist()
    assert output.samples == len(found) == TEST
    assert output.metrics["r2"] == pytest.approx(r2_score(found["label"], found["prediction"]))
    assert output.metrics["mae"] == pytest.approx(mean_absolute_error(found["label"], found["prediction"]))
    np.testing.assert_allclose(found["high"] - found["low"], 200)
    inside = (found["label"] >= found["low"]) & (found["label"] <= found["high"])
    assert output.coverage is not None
    assert output.coverage.value == pytest.approx(inside.mean())
    assert (output.promised, output.width) == (0.9, 100.0)
    assert sum(row.count for row in output.sizes) == TEST


def test_the_margin_is_against_the_best_baseline_and_paired(measured: tuple[Output, Path, Here]) -> None:
    output, _, _ = measured
    assert set(output.baselines) == {"mean", "ridge_plain", "knn_plain"}  # pictures have no boosting
    assert set(output.frozen) == {"ridge_frozen", "knn_frozen"}
    best = max(output.baselines, key=lambda name: output.baselines[name])
    assert output.best_baseline == best
    assert output.metrics["margin"] == pytest.approx(output.metrics["r2"] - output.baselines[best])
    assert output.metrics["margin_low"] == output.differences[best].low
    same = output.differences["alone"]  # the same files as the model's
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert set(output.intervals) == {"model", "alone", *output.baselines, *output.frozen}
    assert output.baselines["ridge_plain"] > 0.9  # brightness is linear in the pixels
    assert -0.2 < output.baselines["mean"] <= 0
    assert output.health["dimensions"] == 16


def test_a_baseline_that_is_the_model_is_not_the_one_to_beat(tmp_path: Path) -> None:
    here = prepare(tmp_path, made_of=("ridge_plain",))
    output, _ = run(here)
    assert any("left out of the margin: ridge_plain 0.9" in line for line in here.said)
    assert output.best_baseline == "knn_plain"


def test_without_an_interval_there_is_no_coverage(tmp_path: Path) -> None:
    output, folder = run(prepare(tmp_path, width=None))
    assert (output.coverage, output.promised, output.width) == (None, None, None)
    assert output.predictions is not None
    assert pq.read_table(folder / output.predictions.path)["low"].null_count == TEST


def test_no_test_label_no_model_and_equal_numbers_are_skipped_with_a_reason(tmp_path: Path) -> None:
    here = prepare(tmp_path)
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    test = table.test_rows()
    assert unmeasurable(table, test) is None
    assert "4 labelled test samples, and 5 are needed" in str(unmeasurable(table, test[:4]))
    assert table.target is not None
    flat = replace(table, target=np.full(len(table), 3.0))
    assert "all 60 test samples have the same number, 3, so R² is not defined" in str(
        unmeasurable(flat, test)
    )
    here.outputs["finetune/0"] = Tuned(skipped="a regression: no labels")
    output, _ = run(here)
    assert output.skipped == "a regression: no labels"
    assert output.metrics == {}
    assert output.health["dimensions"] == 16


def test_the_ridge_regression_has_its_own_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """y = x: the linear encoder gives x, the plain one its sign."""
    x = np.linspace(-3, 3, 40).astype(np.float32)
    own, test = np.arange(0, 40, 2), np.arange(1, 40, 2)
    views = SimpleNamespace(
        baseline=lambda: {"name": "rows"}, linear=lambda: {"name": "rows", "values": True}, simple=()
    )
    samples = SimpleNamespace(open=lambda rows: rows, views=views)
    table = SimpleNamespace(
        target=x, labelled_rows=lambda: own, test_rows=lambda: test, train_rows=lambda: own
    )
    monkeypatch.setattr(evaluate, "baseline_encoder", lambda packed, views, config: config)

    def features(config: Any, rows: Any, views: Any) -> Any:
        return (x if config.values else np.sign(x))[rows, None]

    monkeypatch.setattr(evaluate, "baseline_features", features)
    given: Any = (table, np.sign(x)[:, None], samples, 0)
    found = evaluate.simple_models(*given)
    np.testing.assert_allclose(found["ridge_plain"], x[test], atol=0.05)
    assert len(np.unique(found["knn_plain"])) == 2
