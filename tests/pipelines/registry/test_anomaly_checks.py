"""The gate's checks of detectors, on made-up evaluations: which refuse, and what is left without test labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.registry.gate import Check, GateConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest
from pipelines.registry import gate_checks
from tests.pipelines.judged import REGISTERED, context_of, finish

ODD = np.arange(200) < 40
METRICS = {
    "average_precision": 0.8, "average_precision_low": 0.7, "average_precision_high": 0.9, "margin": 0.1,
    "false_alarm_rate": 0.02, "anomalies": 40.0, "normals": 160.0,
}  # fmt: skip
EVALUATED = {
    "metrics": METRICS,
    "best_baseline": "ecod",
    "baselines": {"ecod": 0.7, "isolation_forest": 0.6},
    "alarm_rate": 0.1,
    "health": {"effective_rank_fraction": 0.3, "uniformity": -1.0},
}
UNMEASURED = {
    "unmeasured": "nothing can be measured",
    "samples": 3,
    "metrics": {},
    "baselines": {},
    "best_baseline": None,
    "predictions": None,
}
ALWAYS = ["baselines", "chance", "false alarms", "alarms", "rank", "uniformity", "loads", "latency", "size"]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_of(tmp_path)


def evaluated(context: Context, key: str, shift: float = 3.0, seed: int = 1, **changes: Any) -> str:
    """shift: of the scores of anomalies."""
    folder = context.store / "evaluate" / key
    folder.mkdir(parents=True, exist_ok=True)
    scores = np.random.default_rng(seed).normal(size=200) + shift * ODD
    label = ["anomaly" if odd else "normal" for odd in ODD]
    table = {"id": [f"item{i}" for i in range(200)], "label": label, "score": scores}
    pq.write_table(pa.table(table), folder / "predictions.parquet")
    artifact = Artifact.of(folder / "predictions.parquet", folder).model_dump()
    given = {"task": {"name": "anomaly", "false_alarms": 0.01}}
    return finish(context, "evaluate", key, {**EVALUATED, "predictions": artifact, **changes}, given)


def judged(context: Context, champion: str | None = None, **changes: Any) -> list[Check]:
    theirs = None if champion is None else {gate_checks.EVALUATE: champion}
    return gate_checks.judge(evaluated(context, "e", **changes), REGISTERED, GateConfig(), theirs, context)


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.passed]


def test_all_checks_of_a_good_model(context: Context) -> None:
    checks = judged(context)
    assert [check.name for check in checks] == ALWAYS
    assert failed(checks) == []


@pytest.mark.parametrize(
    ("detectors", "left_out"),
    [(["ecod, columns"], {"rank", "uniformity"}), (["ecod, columns", "ecod, features"], set()), ([], set())],
)
def test_features_that_no_detector_looks_at_are_not_judged(
    context: Context, detectors: list[str], left_out: set[str]
) -> None:
    tuned = finish(context, "finetune", "f", {"detectors": detectors})
    made = read_manifest(evaluated(context, "e"), context.store)
    reference = finish(context, "evaluate", "e", made.output, {**made.given, "finetune": tuned})
    checks = gate_checks.judge(reference, REGISTERED, GateConfig(), None, context)
    assert [check.name for check in checks] == [name for name in ALWAYS if name not in left_out]


@pytest.mark.parametrize(
    ("failing", "changes"),
    [
        ("baselines", {"baselines": {"ecod": 0.8, "isolation_forest": 0.6}}),
        ("baselines", {"baselines": {}}),
        ("chance", {"metrics": {**METRICS, "average_precision_low": 0.2}}),
        ("false alarms", {"metrics": {**METRICS, "false_alarm_rate": 0.035}}),
        ("alarms", {"alarm_rate": 0.21}),
    ],
)
def test_each_refuses(context: Context, failing: str, changes: dict[str, Any]) -> None:
    assert failed(judged(context, **changes)) == [failing]


def test_three_standard_errors_above_the_rate_are_chance(context: Context) -> None:
    check = next(c for c in judged(context) if c.name == "false alarms")
    assert check.bound == pytest.approx(0.01 + 3 * (0.01 * 0.99 / 160) ** 0.5)


def test_a_perfect_baseline_is_reached(context: Context) -> None:
    perfect = {**METRICS, "average_precision": 1.0}
    assert failed(judged(context, metrics=perfect, baselines={"ecod": 1.0})) == []


def test_without_test_labels_only_what_can_be_checked_is(context: Context) -> None:
    checks = judged(context, **UNMEASURED)
    assert [check.name for check in checks] == [
        "ranking",
        "alarms",
        "rank",
        "uniformity",
        "loads",
        "latency",
        "size",
    ]
    assert failed(checks) == []
    assert checks[0].why == "not judged, 3 labelled test samples: nothing can be measured"
    no_threshold = judged(context, **UNMEASURED, alarm_rate=None)
    assert [check.name for check in no_threshold] == [
        "ranking",
        "rank",
        "uniformity",
        "loads",
        "latency",
        "size",
    ]


def test_beside_a_champion(context: Context) -> None:
    champion = evaluated(context, "c", shift=3.0, seed=2)
    assert failed(judged(context, champion, shift=4.0)) == []
    worse = judged(context, champion, shift=1.0)
    assert failed(worse) == ["champion"]
    assert "against the champion on 200 common items" in worse[-1].why


def test_what_was_measured_is_not_replaced_by_what_was_not(context: Context) -> None:
    measured, blind = evaluated(context, "c"), evaluated(context, "b", **UNMEASURED)
    assert failed(judged(context, measured, **UNMEASURED)) == ["champion"]
    assert failed(judged(context, blind, **UNMEASURED)) == []
    assert failed(judged(context, blind)) == []
    assert failed(judged(context, "evaluate/lost")) == ["champion"]
