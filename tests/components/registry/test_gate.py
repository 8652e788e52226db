import math

import pytest
import torch

from components.evaluation.representation.diagnostics import health
from components.registry import gate
from components.registry.gate import Check, GateConfig

# The least healthy of the quickstart's champions and challengers and of the digits, and the most alive of the models
# that were damaged on purpose: docs/log.md, "What healthy challengers show".
MEASURED = {
    "class_floor": (0.188, 0.0),  # one class is never answered any more
    "calibration": (0.104, 0.182),  # the logits times four
    "rank_fraction": (0.11, 0.040),  # features drawn to a tenth of their distances
    "uniformity": (-0.24, -0.081),  # features drawn to a fifth of their distances
    "prototype_use": (0.917, 1 / 60),  # all samples in one of 60
    "churn": (0.477, 0.758),  # against the clusters of an untrained encoder
}


@pytest.mark.parametrize(
    ("figure", "bound", "least", "most"),
    [(0.5, 0.5, True, True), (0.6, 0.5, True, False), (0.4, 0.5, False, True)],
)
def test_bounds_are_inclusive(figure: float, bound: float, least: bool, most: bool) -> None:
    assert gate.at_least("x", figure, bound, "f").passed is least
    assert gate.at_most("x", figure, bound, "f").passed is most


@pytest.mark.parametrize("figure", [None, math.nan, math.inf, -math.inf])
def test_a_missing_figure_fails_and_says_which(figure: float | None) -> None:
    for check in (
        gate.at_least("rank", figure, -9.0, "effective rank"),
        gate.at_most("rank", figure, 9.0, "effective rank"),
        gate.judge("rank", figure, 9.0, "effective rank", "<", lambda f: True),
    ):
        assert (check.passed, check.figure) == (False, None)
        assert check.why.startswith("figure missing: effective rank")


def test_figures_are_shown_so_that_a_person_can_read_them() -> None:
    assert gate.at_most("size", 12345678, 1e6, "bytes").why == "bytes 12,345,678, needed <= 1,000,000"
    assert gate.at_most("latency", 0.00123, 0.5, "seconds").why == "seconds 0.0012, needed <= 0.5000"


def test_verdict_names_every_failed_check_and_needs_one() -> None:
    good, bad = (
        Check(name="a", figure=1, bound=0, passed=True, why="fine"),
        gate.at_least("b", 0.1, 0.2, "it"),
    )
    assert gate.verdict([good]) == (True, "all 1 checks passed")
    assert gate.verdict([good, bad]) == (False, "b: it 0.1000, needed >= 0.2000")
    assert gate.verdict([])[0] is False


@pytest.mark.parametrize("name", MEASURED)
def test_the_bounds_part_live_models_from_damaged_ones(name: str) -> None:
    """Both are more than a seventh of the bound away from it."""
    healthy, damaged = MEASURED[name]
    bound = getattr(GateConfig(), name)
    least = healthy > damaged
    check = gate.at_least if least and name != "uniformity" else gate.at_most
    assert check(name, healthy, bound, name).passed
    assert not check(name, damaged, bound, name).passed
    assert min(abs(healthy - bound), abs(damaged - bound)) > abs(bound) / 7


def drawn_together(share: float) -> torch.Tensor:
    """[600, 64]: a cloud round (1, ..., 1), drawn to a share of its distances."""
    return 1 + share * torch.randn(600, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("features", "refused"),
    [
        (drawn_together(1.0), set()),
        (drawn_together(0.05), {"uniformity"}),
        (drawn_together(0.005), {"rank", "uniformity"}),
        (drawn_together(1.0)[:, :3] @ torch.eye(3, 64), {"rank"}),
        (torch.ones(600, 64), {"rank", "uniformity"}),
    ],
)
def test_collapsed_features_are_refused(features: torch.Tensor, refused: set[str]) -> None:
    bounds, found = GateConfig(), health(features)
    checks = [
        gate.at_least("rank", found["effective_rank_fraction"], bounds.rank_fraction, "rank"),
        gate.at_most("uniformity", found["uniformity"], bounds.uniformity, "uniformity"),
    ]
    assert {check.name for check in checks if not check.passed} == refused
