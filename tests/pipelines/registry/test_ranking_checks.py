"""The gate's checks of rankings, on made-up evaluations: which refuse."""

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
from tests.pipelines.judged import REGISTERED, context_of, finish

METRICS = {
    "ndcg": 0.3,
    "ndcg_low": 0.28,
    "margin": 0.05,
    "margin_low": 0.03,
    "margin_high": 0.07,
    "chance": 0.1,
}
EVALUATED = {
    "metrics": METRICS,
    "method": "encoder",
    "best_baseline": "ease",
    "baselines": {"ease": 0.25, "popularity": 0.1},
    "health": {"effective_rank_fraction": 0.3, "uniformity": -1.0},
}
ALWAYS = ["baselines", "chance", "rank", "uniformity", "loads", "latency", "size"]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_of(tmp_path)


def evaluated(context: Context, key: str, shift: float = 0.0, first: int = 0, **changes: Any) -> str:
    """200 users from number `first` on, with gains that are `shift` higher."""
    folder = context.store / "evaluate" / key
    folder.mkdir(parents=True, exist_ok=True)
    gains = np.random.default_rng(0).random(200) + shift
    table = {"id": [f"user{i}" for i in range(first, first + 200)], "ndcg": gains}
    pq.write_table(pa.table(table), folder / "predictions.parquet")
    artifact = Artifact.of(folder / "predictions.parquet", folder).model_dump()
    given = {"task": {"name": "ranking"}}
    return finish(context, "evaluate", key, {**EVALUATED, "predictions": artifact, **changes}, given)


def judged(context: Context, champion: str | None = None, **changes: Any) -> dict[str, Check]:
    theirs = None if champion is None else {gate_checks.EVALUATE: champion}
    checks = gate_checks.judge(evaluated(context, "e", **changes), REGISTERED, GateConfig(), theirs, context)
    return {check.name: check for check in checks}


def test_a_good_one_passes_all(context: Context) -> None:
    found = judged(context)
    assert list(found) == ALWAYS
    assert all(check.passed for check in found.values())


def test_the_encoder_has_to_exceed_the_best_baseline(context: Context) -> None:
    found = judged(context, baselines={"ease": 0.3, "popularity": 0.1})["baselines"]
    assert not found.passed
    assert "ease" in found.why
    assert judged(context, baselines={"ease": 0.299})["baselines"].passed


def test_a_simple_model_has_not_to_be_surely_worse(context: Context) -> None:
    ease = {"method": "ease 250", "baselines": {"ease": 0.3, "item_knn": 0.31}}
    assert judged(context, **ease, metrics={**METRICS, "margin_high": 0.0})["baselines"].passed
    found = judged(context, **ease, metrics={**METRICS, "margin_high": -0.001})["baselines"]
    assert not found.passed
    assert "less that of item_knn" in found.why


def test_chance(context: Context) -> None:
    assert not judged(context, metrics={**METRICS, "ndcg_low": 0.1})["chance"].passed


def test_what_could_not_be_measured_is_refused(context: Context) -> None:
    found = judged(context, metrics={}, unmeasured="nothing can be measured", predictions=None)["ranking"]
    assert not found.passed
    assert "nothing can be measured" in found.why


def test_no_baselines(context: Context) -> None:
    assert not judged(context, baselines={})["baselines"].passed


def test_the_champion_on_common_users(context: Context) -> None:
    champion = evaluated(context, "c", shift=0.05)
    found = judged(context, champion)["champion"]
    assert not found.passed
    assert "-0.0500 against the champion on 200 common users" in found.why
    assert judged(context, champion, shift=0.06)["champion"].passed
    assert judged(context, champion, shift=0.041)["champion"].passed  # within the tolerance of .01


def test_too_few_common_users(context: Context) -> None:
    found = judged(context, evaluated(context, "c", first=160))["champion"]
    assert not found.passed
    assert "50 common users with the same history needed, got 40" in found.why


def test_a_champion_without_gains_of_users(context: Context) -> None:
    found = judged(context, evaluated(context, "c", predictions=None))["champion"]
    assert not found.passed
    assert "the champion's gains" in found.why
