"""Training noise: closed forms, coverage over simulated trainings, and the runs that the default rests on."""

import base64
import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

from components.evaluation.classification.bootstrap import Interval, paired_difference
from components.evaluation.classification.training_noise import (
    TYPICAL,
    chi_squared,
    deviation,
    variance_between,
    widened,
)

RUNS = Path(__file__).resolve().parents[4] / "benchmarks" / "few_labels.json"


def test_half_widths_are_added_in_quadrature():
    """Half-widths .03 and .04, noise 1.96 * .0204 = .04: .05 and .0566."""
    found = widened(Interval(0.1, 0.07, 0.14), 0.04 / 1.959964)
    assert (found.value, found.low) == (0.1, pytest.approx(0.05))
    assert found.high == pytest.approx(0.1 + math.sqrt(2) * 0.04)


def test_without_noise_the_interval_stays_and_the_level_is_that_of_the_interval():
    interval = Interval(0.1, 0.07, 0.14)
    same = widened(interval, 0.0)
    assert (same.low, same.high) == (pytest.approx(0.07), pytest.approx(0.14))
    assert widened(Interval(0.0, 0.0, 0.0), 0.01, level=0.9).high == pytest.approx(0.016449, abs=1e-6)


def test_the_default_falls_with_the_root_of_the_labels():
    assert deviation(100) == pytest.approx(0.01)
    assert deviation(400) == pytest.approx(0.005)
    assert deviation(0) == deviation(1) == pytest.approx(0.1)


def test_the_default_is_what_repeated_trainings_showed():
    """FixMatch from a pretrained encoder less the labels alone from scratch, on the same labels, over seeds."""
    runs = defaultdict(dict)
    for run in json.loads(RUNS.read_text()):
        if run["labels"] != "all":
            count, bits = run["right"].split(":")
            right = np.unpackbits(np.frombuffer(base64.b64decode(bits), np.uint8))[: int(count)]
            kind = (run["set"], int(run["labels"]), run["start"], run["method"])
            runs[kind].setdefault(run["steps"], {})[run["seed"]] = right.astype(float)
    scaled = []
    for (name, labels, start, method), by_steps in runs.items():
        if (start, method) != ("pretrained", "fixmatch"):
            continue
        ours = max(by_steps.values(), key=len)
        theirs = max(runs[name, labels, "scratch", "supervised"].values(), key=len)
        common = sorted(ours.keys() & theirs.keys())
        if len(common) >= 3:
            difference = np.array([ours[seed] - theirs[seed] for seed in common])
            samples = difference.var(axis=1).mean() / difference.shape[1]
            scaled.append(max(0, difference.mean(axis=1).var(ddof=1) - samples) * labels / 2)
    assert len(scaled) == 9
    assert np.sqrt(np.median(scaled)) == pytest.approx(0.115, abs=0.001)
    assert np.sqrt(np.quantile(scaled, 0.25)) < TYPICAL < np.sqrt(np.quantile(scaled, 0.75))


def test_the_variance_between_folds_by_hand():
    """Folds of 100 with 90, 50 and 40 right: a = .6, Q = 100 (.09 + .01 + .04) / .24 = 58.33, so
    (58.33 - 2) .24 / (300 - 100) = .0676."""
    right = np.concatenate([np.arange(100) < hits for hits in (90, 50, 40)])
    fold = np.repeat([0, 1, 2], 100)
    assert variance_between(right, fold) == pytest.approx((100 * 0.14 / 0.24 - 2) * 0.24 / 200)
    assert deviation(300, right, fold) == pytest.approx(math.sqrt(0.0676), abs=0.001)


@pytest.mark.parametrize("free", [1, 2, 4, 9])
def test_the_quantile_is_scipys_within_two_percent(free):
    assert chi_squared(0.95, free) == pytest.approx(chi2.ppf(0.95, free), rel=0.025)


def test_folds_that_chance_explains_leave_the_default():
    """Accuracy .7 of 33 labels a fold, no noise between trainings: 5 % at most of the draws count as different."""
    rng, fold = np.random.default_rng(0), np.repeat([0, 1, 2], 33)
    raised = np.mean([deviation(99, rng.random(99) < 0.7, fold) > deviation(99) for _ in range(1000)])
    assert raised < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)


@pytest.mark.parametrize("right", [[True] * 6, [False] * 6])
def test_folds_that_cannot_differ_have_no_variance(right):
    assert variance_between(np.array(right), np.array([0, 0, 1, 1, 2, 2])) == 0.0
    assert variance_between(np.array([True, False]), np.array([1, 1])) == 0.0
    assert variance_between(np.array([], dtype=bool), np.array([], dtype=np.int64)) == 0.0


def test_the_interval_covers_the_mean_difference_of_two_ways_of_training():
    """Two ways with true accuracy .7, each training .02 off by chance, 1,000 test samples. Over test samples alone the
    95 % interval misses 0 in a fifth of the cases."""
    rng, noise = np.random.default_rng(0), 0.02
    missed = np.zeros(2)
    for trial in range(400):
        first, second = (rng.random(1000) < 0.7 + noise * rng.standard_normal() for _ in range(2))
        narrow = paired_difference(first, second, resamples=300, seed=trial)
        for i, found in enumerate((narrow, widened(narrow, math.sqrt(2) * noise))):
            missed[i] += not found.low <= 0 <= found.high
    assert missed[0] / 400 > 0.15
    assert missed[1] / 400 < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
