import numpy as np
import pytest

from components.evaluation.confirming import Confirmation
from components.evaluation.figures import Figure
from pipelines.evaluation.worth import verdict, worth

GOOD = np.array([[45, 5], [10, 40]])
ASTRAY = Confirmation(
    sure=60, right_before=0.9, right_alone=0.85, right_after=0.7, fall=Figure(value=0.2, low=0.1, high=0.3),
    loss=Figure(value=0.15, low=0.05, high=0.25),
    confidence_before=0.6, confidence_after=0.95, found=True,
)  # fmt: skip


def of(low, high, counts=GOOD, confirmation=None, method="fixmatch"):
    difference = None if low is None else Figure(value=(low + high) / 2, low=low, high=high)
    return worth(method, difference, counts, confirmation, resamples=500, seed=0)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.01, 0.03, "better"), (0.0, 0.03, "equal"), (-0.01, 0.03, "equal"), (-0.03, 0.0, "equal"),
        (-0.03, -0.01, "worse"),
    ],
)  # fmt: skip
def test_the_word_is_what_the_interval_says(low, high, word):
    assert verdict(Figure(value=(low + high) / 2, low=low, high=high)) == word
    assert of(low, high).word == word


def test_the_line_says_the_difference_and_what_to_do_where_the_method_hurts():
    assert of(0.01, 0.03).line == (
        "fixmatch: better than the labels alone with the same encoder, +2.0 points (95 % interval +1.0 to +3.0)"
    )
    assert of(-0.03, -0.01).line.endswith("; do without it: finetune.method: { name: supervised }")
    assert "do without" not in of(-0.01, 0.01).line
    assert of(None, None, method="supervised").line.startswith("supervised: learnt from the labels alone")
    assert of(None, None).word is None


def test_a_distilled_model_is_done_without_by_leaving_that_out_too():
    assert of(-0.03, -0.01, method="fixmatch, distilled").line.endswith(
        "{ name: supervised }, and leave finetune.distill out"
    )


def test_a_healthy_model_has_no_warning():
    found = of(0.01, 0.03, confirmation=ASTRAY.model_copy(update={"found": False}))
    assert found.warnings == []
    assert found.kappa.value == pytest.approx(0.7)
    assert found.kappa.low < 0.7 < found.kappa.high


def test_one_at_chance_has_one():
    found = of(-0.01, 0.03, counts=np.array([[30, 20], [28, 22]]))
    assert len(found.warnings) == 1
    assert "at chance" in found.warnings[0]
    assert of(-0.01, 0.03, counts=np.array([[990, 0], [10, 0]])).warnings, "one class always"


def test_errors_that_are_confirmed_are_told():
    (warning,) = of(0.01, 0.03, confirmation=ASTRAY).warnings
    for part in (
        "confirm their own errors",
        "0.60 to 0.95",
        "0.90 to 0.70",
        "the 60 surest",
        "0.10 to 0.30",
        "0.85 with",
    ):
        assert part in warning
