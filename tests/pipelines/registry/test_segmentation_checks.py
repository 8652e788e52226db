"""The gate's checks of a segmentation, on made-up evaluations: which refuse, and what the champion is compared on."""

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
from pipelines.registry.segmentation_checks import beats_champion, forgetting
from tests.pipelines.judged import REGISTERED, context_of, finish

DICE = np.random.default_rng(0).uniform(0.5, 0.8, 100)
METRICS = {"dice": 0.65, "margin": 0.1, "margin_low": 0.05, "margin_high": 0.15, "ece": 0.05}
EVALUATED = {
    "metrics": METRICS,
    "best_baseline": "scratch",
    "health": {"effective_rank_fraction": 0.3, "uniformity": -1.0},
}
ALWAYS = ["baselines", "baselines_interval", "calibration", "rank", "uniformity", "loads", "latency", "size"]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_of(tmp_path)


def evaluated(context: Context, key: str, shift: float = 0.0, **changes: Any) -> str:
    """shift: of the Dice of 100 test images."""
    folder = context.store / "evaluate" / key
    folder.mkdir(parents=True, exist_ok=True)
    table = {"id": [f"item{i}" for i in range(100)], "dice": DICE + shift}
    pq.write_table(pa.table(table), folder / "predictions.parquet")
    artifact = Artifact.of(folder / "predictions.parquet", folder).model_dump()
    given = {"task": {"name": "segmentation"}}
    return finish(context, "evaluate", key, {**EVALUATED, "predictions": artifact, **changes}, given)


def judged(context: Context, champion: str | None = None, shift: float = 0.0, **changes: Any) -> list[Check]:
    theirs = None if champion is None else {gate_checks.EVALUATE: champion}
    return gate_checks.judge(
        evaluated(context, "e", shift, **changes), REGISTERED, GateConfig(), theirs, context
    )


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.passed]


def test_a_good_one_passes_every_check(context: Context) -> None:
    checks = judged(context)
    assert [check.name for check in checks] == ALWAYS
    assert failed(checks) == []


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"margin": 0.0}, "baselines"),
        ({"margin": None}, "baselines"),
        ({"margin_low": -0.011}, "baselines_interval"),
        ({"ece": 0.151}, "calibration"),
        ({"ece": float("nan")}, "calibration"),
    ],
)
def test_each_check_refuses(context: Context, changes: dict[str, Any], refused: str) -> None:
    assert failed(judged(context, metrics=METRICS | changes)) == [refused]


def test_at_the_bound(context: Context) -> None:
    assert failed(judged(context, metrics=METRICS | {"margin_low": -0.01, "ece": 0.15, "margin": 1e-9})) == []


def test_a_difference_that_may_be_chance_is_not_above_the_champion() -> None:
    """A mean of 0 whose lower bound lies below the tolerance."""
    theirs = {f"item{i}": 0.5 for i in range(100)}
    ours = {f"item{i}": 0.5 + (0.3 if i % 2 else -0.3) for i in range(100)}
    check = beats_champion(ours, theirs, GateConfig())
    assert not check.passed
    assert check.figure < -0.01


def test_beside_a_champion(context: Context) -> None:
    champion = evaluated(context, "c")
    assert failed(judged(context, champion, shift=0.0)) == []
    assert failed(judged(context, champion, shift=-0.015)) == ["champion"]
    worse = judged(context, champion, shift=-0.05)
    assert failed(worse) == ["champion", "forgetting"]
    assert "Dice -0.0500 against the champion on 100 common images" in worse[-2].why
    assert failed(judged(context, "evaluate/lost")) == ["champion", "forgetting"]


def test_too_few_common_images() -> None:
    ours = {f"item{i}": 0.7 for i in range(60)}
    theirs = {f"item{i}": 0.6 for i in range(11, 71)}
    check = beats_champion(ours, theirs, GateConfig())
    assert not check.passed
    assert check.why == "50 common test images needed, got 49"
    assert beats_champion(ours, {**theirs, "item10": 0.6}, GateConfig()).passed


def test_a_test_set_cannot_be_thinned_out() -> None:
    theirs = {f"item{i}": 0.6 for i in range(100)}
    kept = {f"item{i}": 0.6 for i in range(95)}
    check = forgetting(kept, theirs, 0.02)
    assert check.figure == pytest.approx(0.03)
    assert not check.passed
    assert "5 of them not predicted" in check.why
    assert forgetting(theirs, theirs, 0.02).figure == 0.0
