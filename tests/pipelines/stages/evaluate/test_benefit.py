import numpy as np
import pytest

from components.evaluation.classification.figures import Figure
from components.evaluation.labels.confirmation_bias import Confirmation
from pipelines.registry.candidates import Portfolio, Row
from pipelines.stages.evaluate.benefit import measure_benefit, verdict

GOOD = np.array([[45, 5], [10, 40]])
ASTRAY = Confirmation(
    sure=60, right_before=0.9, right_alone=0.85, right_after=0.7, fall=Figure(value=0.2, low=0.1, high=0.3),
    loss=Figure(value=0.15, low=0.05, high=0.25),
    confidence_before=0.6, confidence_after=0.95, found=True,
)  # fmt: skip


def between(low, high):
    return Figure(value=(low + high) / 2, low=low, high=high)


def of(low, high, counts=GOOD, confirmation=None, method="fixmatch", portfolio=None):
    others = {"probe": between(0.2, 0.4), "scratch": between(-0.9, -0.8)}
    differences = others if low is None else {"alone": between(low, high), **others}
    return measure_benefit(
        method, differences, counts, confirmation, resamples=500, seed=0, portfolio=portfolio
    )


def portfolio(served, **weights):
    rows = [Row(name=name, accuracy=0.5, loss=1.0, weight=weight) for name, weight in weights.items()]
    return Portfolio(served=served, reason="", rows=rows, accuracy=0.5, loss=1.0)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.01, 0.03, "better"), (0.0, 0.03, "undecided"), (-0.01, 0.03, "undecided"), (-0.03, 0.0, "undecided"),
        (-0.01, 0.01, "equal"), (-0.004, 0.0, "equal"), (-0.03, -0.01, "worse"),
    ],
)  # fmt: skip
def test_the_word_is_what_the_interval_says(low, high, word):
    assert verdict(between(low, high)) == word
    assert of(low, high).word == word


def test_the_line_says_the_difference_and_what_to_do_where_the_method_hurts():
    assert of(0.01, 0.03).line == (
        "fixmatch: better than the labels alone with the same encoder (all layers trained), +2.0 points (95 % interval "
        "over test samples and training noise +1.0 to +3.0)"
    )
    assert of(-0.03, -0.01).line.endswith("; do without it: finetune.method: { name: supervised }")
    assert "do without" not in of(-0.01, 0.01).line
    assert of(-0.05, 0.15).line.endswith(
        "-5.0 to +15.0); test samples with a label, or the same with other seeds, would narrow that"
    )
    assert of(None, None, method="supervised").line.startswith("supervised: learnt from the labels alone")
    assert of(None, None).word is None


def test_the_rival_is_the_better_of_all_layers_and_a_head_on_frozen_features():
    both = {"alone": between(0.1, 0.2), "probe": between(-0.06, -0.02), "knn": between(-0.5, -0.4)}
    found = measure_benefit("fixmatch", both, GOOD, None, resamples=50, seed=0)
    assert (found.word, found.rival, found.difference) == ("worse", "probe", both["probe"])
    assert "(a head on its frozen features), -4.0 points" in found.line
    assert "finetune.encoder_rate" in found.line
    assert "do without" not in found.line
    assert of(0.1, 0.2).rival == "alone"
    assert of(None, None).rival is None


def test_a_distilled_model_is_done_without_by_leaving_that_out_too():
    assert of(-0.03, -0.01, method="fixmatch, distilled").line.endswith(
        "{ name: supervised }, and leave finetune.distill out"
    )


PART = (
    "the method's network has 42% of the mean that is served: a smaller finetune.portfolio.favour gives it less, more "
    "labels weigh the parts better"
)


@pytest.mark.parametrize(
    ("served", "said"),
    [
        (portfolio("committee", alone=0.58, method=0.42), PART),
        (portfolio("committee", method=0.0, alone=0.6, plain=0.4), "the method has no part in the mean that"),
        (portfolio("plain", method=0.0, plain=1.0), "the method has no part in it: logistic regression on plain"),
        (portfolio("method", method=1.0, plain=0.0), "do without it: finetune.method: { name: supervised }"),
        (None, "do without it: finetune.method: { name: supervised }"),
    ],
)  # fmt: skip
def test_the_advice_fits_what_is_served(served, said):
    """Where several are served as one, another method alone would not do away with what harmed."""
    worse = of(-0.03, -0.01, confirmation=ASTRAY, portfolio=served)
    assert f"; {said}" in worse.line
    assert f"finetune.method.threshold; {said}" in worse.warnings[0]
    assert ("supervised" in worse.line) == (served is None or served.served == "method")
    both = {"alone": between(0.1, 0.2), "probe": between(-0.06, -0.02)}
    gentler = measure_benefit("fixmatch", both, GOOD, None, resamples=50, seed=0, portfolio=served).line
    assert (said in gentler) == ("supervised" not in said)


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


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([[1, 0], [0, 0]], "there is 1 test sample, so"),
        ([[30, 20], [0, 0]], "all 50 test samples are of one class, so"),
    ],
)
def test_test_samples_that_show_nothing_are_said_to(counts, said):
    (warning,) = of(-0.01, 0.03, counts=np.array(counts)).warnings
    assert warning.startswith(f"[one-class-tested]: {said}")
    assert warning.endswith("label test samples of at least two classes")


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
