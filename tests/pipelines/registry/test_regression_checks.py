"""The gate's checks of a regression, on made-up evaluations: which refuse, and what the champion is compared on."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.registry.gate import Check, GateConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.registry import gate_checks
from pipelines.registry.regression_checks import beats_champion, common, forgetting
from tests.pipelines.judged import REGISTERED, context_of, finish

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(0, 1, 100)
METRICS = {"r2": 0.8, "r2_low": 0.7, "r2_high": 0.9, "margin": 0.1, "margin_low": 0.05, "margin_high": 0.15}
EVALUATED = {
    "metrics": METRICS,
    "best_baseline": "ridge_plain",
    "baselines": {"ridge_plain": 0.7, "mean": 0.0},
    "coverage": {"value": 0.88, "low": 0.85, "high": 0.91},
    "promised": 0.9,
    "health": {"effective_rank_fraction": 0.3, "uniformity": -1.0},
}
ALWAYS = [
    "baselines", "baselines_interval", "chance", "coverage", "rank", "uniformity", "loads", "latency", "size",
]  # fmt: skip


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_of(tmp_path)


def evaluated(context: Context, key: str, error: float = 0.3, seed: int = 1, **changes: Any) -> str:
    """error: deviation of the predictions for 100 test items from the truth."""
    folder = context.store / "evaluate" / key
    folder.mkdir(parents=True, exist_ok=True)
    said = TRUTH + np.random.default_rng(seed).normal(0, error, 100)
    table = {"id": [f"item{i}" for i in range(100)], "label": TRUTH, "prediction": said}
    pq.write_table(pa.table(table), folder / "predictions.parquet")
    artifact = Artifact.of(folder / "predictions.parquet", folder).model_dump()
    given = {"task": {"name": "regression"}}
    return finish(context, "evaluate", key, {**EVALUATED, "predictions": artifact, **changes}, given)


def judged(context: Context, champion: str | None = None, error: float = 0.3, **changes: Any) -> list[Check]:
    theirs = None if champion is None else {gate_checks.EVALUATE: champion}
    reference = evaluated(context, "e", error, **changes)
    return gate_checks.judge(reference, REGISTERED, GateConfig(), theirs, context)


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.passed]


def test_a_sound_model_passes_all_and_there_are_no_checks_of_classes(context: Context) -> None:
    checks = judged(context)
    assert [check.name for check in checks] == ALWAYS
    assert failed(checks) == []


@pytest.mark.parametrize(
    ("failing", "changes"),
    [
        (["baselines"], {"metrics": {**METRICS, "margin": 0.0}}),
        (["baselines_interval"], {"metrics": {**METRICS, "margin_low": -0.011}}),
        ([], {"metrics": {**METRICS, "margin_low": -0.01}}),
        (["chance"], {"metrics": {**METRICS, "r2_low": 0.0}}),
        (["coverage"], {"coverage": {"value": 0.8, "low": 0.7, "high": 0.89}}),
        (["coverage"], {"coverage": None}),
        (["coverage"], {"promised": None, "coverage": None}),
        (["baselines", "baselines_interval", "chance"], {"metrics": {}}),
    ],
)
def test_each_check_refuses_alone(context: Context, failing: list[str], changes: dict[str, Any]) -> None:
    assert failed(judged(context, **changes)) == failing


def test_a_challenger_as_good_as_the_champion_passes_and_a_worse_one_does_not(context: Context) -> None:
    champion = evaluated(context, "c", 0.3, seed=2)
    assert failed(judged(context, champion, error=0.2)) == []
    worse = judged(context, champion, error=0.8)
    assert failed(worse) == ["champion", "forgetting"]
    assert [check.name for check in worse][-2:] == ["champion", "forgetting"]


def test_a_champion_whose_predictions_are_lost_is_not_beaten(context: Context) -> None:
    evaluated(context, "c")
    (context.store / "evaluate" / "c" / "predictions.parquet").unlink()
    for lost in ("evaluate/c", "evaluate/never"):
        assert failed(judged(context, lost)) == ["champion", "forgetting"]


def test_only_common_items_are_compared_by_the_newer_truth() -> None:
    ours = {"a": (1.0, 1.5), "b": (2.0, 2.5), "d": (9.0, 9.0)}
    theirs = {"b": (7.0, 3.0), "a": (1.0, 0.0), "c": (5.0, 5.0)}
    truth, first, second = common(ours, theirs)
    assert truth.tolist() == [1.0, 2.0]
    assert (first.tolist(), second.tolist()) == ([1.5, 2.5], [0.0, 3.0])
    few = beats_champion(ours, theirs, GateConfig())
    assert (few.passed, few.why) == (False, "50 common test items needed, got 2")


def test_an_item_that_was_not_predicted_counts_as_predicted_by_the_mean() -> None:
    """Truth 0, 2, 4 (mean 2), the champion right on all: R² 1. Without the last: error 4 of 8, a fall of one half."""
    theirs = {"a": (0.0, 0.0), "b": (2.0, 2.0), "c": (4.0, 4.0)}
    ours = {"a": (0.0, 0.0), "b": (2.0, 2.0)}
    found = forgetting(ours, theirs, 0.02)
    assert found.figure == pytest.approx(0.5)
    assert not found.passed
    assert "3 test items, 1 of them not predicted" in found.why
    assert forgetting(theirs, theirs, 0.02).passed
