"""The verdict: each symptom at its bound, and none without cause."""

import math

import pytest
import torch

from components.evaluation.representation.collapse import ABSENT, Level, levels, own_levels, symptoms
from components.evaluation.representation.diagnostics import FIGURES, diagnose

ALIVE = {"spread": 0.5, "centred_rank": 5.0, "scale": 1.0}


def verdict(objective=None, **changed):
    return symptoms({**ALIVE, **changed}, loss=1.0, collapse_loss=None, objective=objective)


def test_a_live_one_has_none():
    assert verdict() == []
    assert verdict({"prototype_perplexity": 3.0}) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"spread": 0.019}, "nearly equal"),
        ({"centred_rank": 1.4}, "along one line"),
        ({"embedding_spread": 0.01}, "embeddings are nearly equal"),
        ({"scale": 9e-5}, "decayed away"),
        ({"scale": 2e5}, "without bound"),
        ({"lidar": math.nan}, "not finite"),
        ({"spread": math.inf}, "not finite"),
    ],
)
def test_each_symptom_alone(changed, words):
    (found,) = verdict(**changed)
    assert words in found


@pytest.mark.parametrize(("used", "dead"), [(1.0, True), (1.09, True), (1.2, False)])
def test_one_prototype_for_all(used, dead):
    assert bool(verdict({"prototype_perplexity": used})) is dead


@pytest.mark.parametrize(
    ("entropy", "apart", "dead"),
    [(0.0, 0.0, True), (1.5, 0.0, False), (0.0, 0.1, False)],
)
def test_a_teacher_and_a_student_who_agree_about_everything(entropy, apart, dead):
    assert bool(verdict({"teacher_entropy": entropy, "divergence": apart})) is dead


@pytest.mark.parametrize(("told", "dead"), [(0.0, True), (0.0067, True), (0.011, False), (0.77, False)])
def test_a_teacher_whose_answers_are_uniform_whatever_the_student_says(told, dead):
    own = {"teacher_entropy": math.log(1024) - told, "teacher_information": told, "divergence": 0.15}
    assert verdict(own) == (
        [f"the teacher's answers are uniform: they tell {told:.2g} nats, alive above 0.01"] * dead
    )


def test_features_that_are_not_finite_are_said_to_be_that():
    x = torch.ones(8, 4)
    x[3, 1] = torch.inf
    figures = diagnose(x, (x, x))
    assert figures.keys() == set(FIGURES)
    assert symptoms(figures, loss=1.0, collapse_loss=None) == [ABSENT]


def test_an_objective_s_own_figures_are_called_dead_at_their_dead_values():
    known = own_levels(8)
    assert known["prototype_perplexity"] == Level(8.0, 1.0)
    assert verdict({"prototype_perplexity": known["prototype_perplexity"].collapsed})
    assert verdict({name: known[name].collapsed for name in ("teacher_entropy", "divergence")})
    assert known["teacher_entropy"].also == pytest.approx(math.log(8))
    assert verdict({"teacher_information": known["teacher_information"].collapsed})
    assert own_levels(None)["prototype_perplexity"] == Level(None, 1.0)


def test_the_figures_are_those_of_the_levels_and_come_near_them():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2000, 16, generator=g)
    alive, dead = diagnose(x, (x, x)), diagnose(*(d := torch.ones(64, 16),), (d, d))
    known = levels(16)
    assert alive.keys() | {"churn", "embedding_spread"} == known.keys()
    for name in ("spread", "rank", "centred_rank", "lidar", "scale", "alignment"):
        assert alive[name] == pytest.approx(known[name].healthy, rel=0.03, abs=1e-6), name
    assert alive["correlation"] == pytest.approx(0, abs=0.03)
    for name in ("spread", "lidar", "correlation", "uniformity"):
        assert dead[name] == pytest.approx(known[name].collapsed, abs=1e-3), name
    assert dead["rank"] == pytest.approx(1, abs=1e-3)
