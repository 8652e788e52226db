"""Every check of a version, on made-up manifests: which are made, which refuse, what the tags say."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.errors import UserError
from components.registry.gate import Check, GateConfig
from pipelines.engine.context import Context
from pipelines.registry import gate_checks
from tests.pipelines.judged import (
    ALWAYS,
    BESIDE,
    EVALUATED,
    METRICS,
    REGISTERED,
    Memory,
    context_of,
    evaluated,
    finish,
)

SWAV = {"objective": {"name": "swav", "prototypes": 50}}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_of(tmp_path)


def judged(context: Context, champion: dict[str, str] | None = None, **changes: Any) -> list[Check]:
    """changes: of the evaluation's output, or of the registered model's."""
    ours = {
        key: value
        for key, value in changes.items()
        if key in (*EVALUATED, "right", "given", "training_deviation")
    }
    model = {**REGISTERED, **{key: value for key, value in changes.items() if key not in ours}}
    reference = evaluated(context, "e", **ours)
    return gate_checks.judge(reference, model, GateConfig(), champion, context)


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.passed]


def test_what_does_not_apply_is_not_checked(context: Context) -> None:
    checks = judged(context)
    assert [check.name for check in checks] == ALWAYS
    assert failed(checks) == []


@pytest.mark.parametrize(
    ("failing", "changes"),
    [
        ("baselines", {"metrics": {**METRICS, "accuracy": 0.7}}),
        ("baselines", {"metrics": {"ece": 0.05}}),
        ("baselines", {"baselines": {}}),
        ("classes", {"per_class": {**EVALUATED["per_class"], "shirt": {"recall": 0.0, "support": 100}}}),
        ("classes", {"per_class": {"bag": {"recall": 0.9}}}),
        ("classes", {"per_class": {}}),
        ("calibration", {"metrics": {**METRICS, "ece": 0.3}}),
        ("calibration", {"metrics": {"accuracy": 0.8}}),
        ("rank", {"health": {"effective_rank_fraction": 0.01, "uniformity": -1}}),
        ("rank", {"health": {"uniformity": -1}}),
        ("uniformity", {"health": {"effective_rank_fraction": 0.3, "uniformity": -0.001}}),
        ("uniformity", {"health": {"effective_rank_fraction": 0.3}}),
        ("loads", {"smoke_difference": 0.1}),
        ("loads", {"smoke_difference": None, "smoke_error": "no module named components"}),
        ("latency", {"latency": 2.0}),
        ("latency", {"latency": None}),
        ("size", {"bytes": 2_000_000_000}),
        ("size", {"bytes": None}),
    ],
)
def test_each_check_refuses_alone(context: Context, failing: str, changes: dict[str, Any]) -> None:
    assert failed(judged(context, **changes)) == [failing]


@pytest.mark.parametrize(
    ("figures", "passes"),
    [
        ({"objective/prototype_perplexity": 25.0}, True),
        ({"objective/prototype_perplexity": 4.9}, False),  # of 50: under a tenth
        ({"loss/total": 1.0}, False),
    ],
)
def test_prototypes_are_checked_where_the_objective_has_them(
    context: Context, figures: dict[str, float], passes: bool
) -> None:
    pretrain = finish(context, "pretrain", "p", {"figures": figures}, request=SWAV)
    checks = judged(context, given={"pretrain": pretrain})
    assert [check.name for check in checks if check.name not in ALWAYS] == ["prototypes"]
    assert failed(checks) == ([] if passes else ["prototypes"])
    if "objective/prototype_perplexity" in figures:
        figure = next(check.figure for check in checks if check.name == "prototypes")
        assert figure == figures["objective/prototype_perplexity"] / 50


def test_an_objective_without_prototypes_needs_no_figure_of_them(context: Context) -> None:
    pretrain = finish(context, "pretrain", "p", {"figures": {}}, request={"objective": {"name": "simclr"}})
    assert [check.name for check in judged(context, given={"pretrain": pretrain})] == ALWAYS


@pytest.mark.parametrize(("churn", "passes"), [(0.3, True), (0.9, False), (None, False)])
def test_churn_is_checked_where_clusters_are_continued(
    context: Context, churn: float | None, passes: bool
) -> None:
    previous = {"previous": "pseudo_label/old"}
    clustered = finish(context, "pseudo_label", "l", {"churn": churn}, request=previous)
    checks = judged(context, given={"pseudo_label": clustered})
    assert [check.name for check in checks if check.name not in ALWAYS] == ["churn"]
    assert failed(checks) == ([] if passes else ["churn"])


@pytest.mark.parametrize(
    ("word", "high", "passes"),
    [("better", 0.03, True), ("equal", 0.01, True), ("equal", 0.0, True), ("worse", -0.001, False)],
)
def test_a_method_that_hurts_is_refused(context: Context, word: str, high: float, passes: bool) -> None:
    difference = {"value": -0.02, "low": -0.04, "high": high}
    benefit = {**EVALUATED["benefit"], "method": "fixmatch", "word": word, "difference": difference}
    checks = judged(context, benefit=benefit)
    assert [check.name for check in checks if check.name not in ALWAYS] == ["method"]
    assert failed(checks) == ([] if passes else ["method"])
    check = next(check for check in checks if check.name == "method")
    assert (check.figure, check.bound) == (high, 0.0)
    assert "fixmatch" in check.why


def test_the_labels_alone_are_not_compared_and_a_lost_comparison_refuses(context: Context) -> None:
    benefit: dict[str, Any] = EVALUATED["benefit"]
    assert [check.name for check in judged(context, benefit=benefit)] == ALWAYS
    assert failed(judged(context, benefit={**benefit, "word": "better"})) == ["method"]


def test_first_clusters_have_no_churn(context: Context) -> None:
    clustered = finish(context, "pseudo_label", "l", {"churn": None}, request={"previous": None})
    assert [check.name for check in judged(context, given={"pseudo_label": clustered})] == ALWAYS


@pytest.mark.parametrize(
    ("right", "refused"), [(80, []), (95, []), (79, ["champion"]), (70, BESIDE), (60, BESIDE)]
)
def test_beside_a_champion_with_80_of_100_right(context: Context, right: int, refused: list[str]) -> None:
    """10 lost of 100 of one class: lost for certain are (2 * .05 ** (1 / 10) - 1) * 10 / 100 = .048, under the
    bound of .1; 20 lost: .144."""
    theirs = evaluated(context, "theirs", 80)
    checks = judged(context, {"selfsup.evaluate": theirs}, right=right)
    assert [check.name for check in checks] == [*ALWAYS, *BESIDE]
    expected = [name for name in refused if not (name == "class_drops" and right == 70)]
    assert failed(checks) == expected


@pytest.mark.parametrize("lost", ["tag", "run", "file"])
def test_a_champion_whose_answers_are_lost_refuses(context: Context, lost: str) -> None:
    theirs = evaluated(context, "theirs", 80)
    tags = {} if lost == "tag" else {"selfsup.evaluate": "evaluate/gone" if lost == "run" else theirs}
    if lost == "file":
        (context.store / theirs / "predictions.parquet").unlink()
    checks = judged(context, tags, right=99)
    assert failed(checks) == BESIDE
    assert "missing: the champion's answers" in checks[-1].why


def test_baselines_that_the_model_is_made_of_are_not_compared(context: Context) -> None:
    """Accuracy .8; a portfolio that serves a baseline of .8 itself must beat the others alone."""
    baselines = {"logistic_plain": 0.8, "scratch": 0.65}

    def beaten(key: str, output: dict[str, Any]) -> Check:
        tuned = finish(context, "finetune", key, output)
        return judged(context, baselines=baselines, given={"finetune": tuned})[0]

    for absent in ({}, {"made_of": []}, {"made_of": None}):
        check = beaten("absent", absent)
        assert (check.name, check.bound, check.passed) == ("baselines", 0.8, False)
    check = beaten("portfolio", {"made_of": ["logistic_plain"]})
    assert (check.bound, check.passed) == (0.65, True)
    check = beaten("all", {"made_of": ["logistic_plain", "scratch"]})
    assert (check.passed, check.why) == (
        False,
        "figure missing: any baseline that is not part of the model",
    )


@pytest.mark.parametrize(
    ("low", "passes"), [(0.001, True), (0.0, False), (-0.02, False), (float("nan"), False)]
)
def test_a_model_at_chance_is_refused_though_it_beats_its_baselines(
    context: Context, low: float, passes: bool
) -> None:
    """Its accuracy of .8 beats baselines of .7: nine tenths of the test samples may be of one class."""
    benefit = {**EVALUATED["benefit"], "kappa": {"value": 0.01, "low": low, "high": 0.05}}
    checks = judged(context, benefit=benefit)
    assert failed(checks) == ([] if passes else ["chance"])
    check = next(check for check in checks if check.name == "chance")
    if math.isfinite(low):
        assert (check.figure, check.bound) == (low, 0.0)
        assert check.why == (
            f"right beyond chance, kappa, 0.0100, interval {low:.4f} to 0.0500: lower limit {low:.4f}, needed > 0.0000"
        )


def test_without_a_figure_of_chance_nothing_passes(context: Context) -> None:
    for benefit in (None, {**EVALUATED["benefit"], "kappa": None}):
        checks = judged(context, benefit=benefit)
        assert failed(checks) == ["chance"]
        assert checks[1].why == "figure missing: kappa, what is right beyond chance"
    one = {"bag": {"recall": 0.9, "support": 50}, "shirt": {"recall": 0.0, "support": 0}}
    checks = judged(context, per_class=one)
    assert failed(checks) == ["chance"]
    assert checks[1].why == (
        "figure missing: kappa; the test samples are all of one class, label some of another"
    )


def test_beside_a_champion_training_noise_is_reported_and_decides_nothing(context: Context) -> None:
    champion = {"selfsup.evaluate": evaluated(context, "theirs", 80)}
    check = next(c for c in judged(context, champion, right=80) if c.name == "champion")
    noisy = next(
        c for c in judged(context, champion, right=80, training_deviation=0.01) if c.name == "champion"
    )
    assert (noisy.figure, noisy.passed) == (check.figure, check.passed) == (0.0, True)
    assert "training noise" not in check.why
    assert "90% interval over test samples and training noise -0.0233 to +0.0233" in noisy.why


def test_an_evaluation_that_is_gone_is_told(context: Context) -> None:
    with pytest.raises(UserError, match="no finished run 'evaluate/gone'"):
        gate_checks.judge("evaluate/gone", REGISTERED, GateConfig(), None, context)


def test_the_tags_say_figure_bound_and_verdict(context: Context) -> None:
    registry = Memory()
    registry.kept["1"] = {"selfsup.gate.champion": "of another time", "mine": "stays"}
    checks = judged(context, latency=2.0)
    gate_checks.record(registry, "1", checks, GateConfig(margin=0.1))  # type: ignore[arg-type]
    tags = registry.tags("1")
    latency = json.loads(tags["selfsup.gate.latency"])
    assert (latency["figure"], latency["bound"], latency["passed"]) == (2.0, 0.5, False)
    assert {key for key in tags if key.startswith("selfsup.gate.")} == {f"selfsup.gate.{n}" for n in ALWAYS}
    assert tags["selfsup.gate"].startswith("refused: latency: seconds a sample 2.0000")
    assert tags["mine"] == "stays"
    assert gate_checks.recorded_bounds(tags) == GateConfig(margin=0.1)
    assert gate_checks.recorded_bounds({}) is None


def test_who_waits_is_told_so_only_if_he_has_passed(context: Context) -> None:
    registry = Memory()
    registry.kept["1"] = {}
    gate_checks.record(registry, "1", judged(context), GateConfig(), waits=True)  # type: ignore[arg-type]
    assert registry.tags("1")["selfsup.gate"] == "waits for approval"
    gate_checks.record(registry, "1", judged(context), GateConfig())  # type: ignore[arg-type]
    assert registry.tags("1")["selfsup.gate"] == "passed"
    gate_checks.record(registry, "1", judged(context, bytes=None), GateConfig(), waits=True)  # type: ignore[arg-type]
    assert registry.tags("1")["selfsup.gate"].startswith("refused: size")


def test_it_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'mlflow', 'pandas'} & set(sys.modules)"
    script = f"import sys, pipelines.registry.gate_checks, pipelines.registry.promotion; assert not {heavy}"
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=root, check=True)
