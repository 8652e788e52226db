import numpy as np
import pytest

from components.evaluation.classification.figures import Figure
from pipelines.stages.evaluate.benefit import measure_benefit
from pipelines.stages.evaluate.domain_mismatch import unlike, with_domain_mismatch

COUNTS = np.array([[45, 5], [10, 40]])


def features(count, seed, turned=0.0):
    """Around the axes 0 to 3 of 8 dimensions; turned: the share of them around 4 to 7 instead."""
    rng = np.random.default_rng(seed)
    axis = rng.integers(0, 4, count) + 4 * (np.arange(count) < turned * count)
    return (np.eye(8)[axis] + 0.2 * rng.standard_normal((count, 8))).astype(np.float32)


@pytest.mark.parametrize(("turned", "share"), [(0.0, 0.05), (0.4, 0.43), (1.0, 1.0)])
def test_the_share_of_another_kind(turned, share):
    found = unlike(features(100, 0), features(1000, 1), features(2000, 2, turned))
    assert found == pytest.approx(share, abs=0.025)


def test_by_hand():
    """Angles, the only label at 0: the test samples at 1 to 19 degrees are each 1 degree from another with a label."""

    def at(*degrees):
        return np.stack([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))], axis=1).astype(np.float32)

    assert unlike(at(0), at(*range(1, 20)), at(-0.5, 5.5, 20.5, 90)) == 0.5
    assert unlike(at(0), at(*range(1, 19)), at(5)) is None  # too few to say what is usual
    assert unlike(at(0), at(*range(1, 20)), at()) is None


def test_one_label_a_class_is_enough_to_know_another_kind():
    others = features(2000, 2)[:, [4, 5, 6, 7, 0, 1, 2, 3]]
    four = np.eye(8, dtype=np.float32)[[0, 1, 2, 0]]  # no label of the fourth
    assert unlike(four, features(1000, 1), others) > 0.9
    assert unlike(four, features(1000, 1), features(2000, 2)) < 0.08


def test_one_odd_test_sample_does_not_vouch_for_all_that_fall_beside_it():
    test = np.concatenate([features(999, 1), [[0, 0, 0, 0, 0, 0, 0, 9]]]).astype(np.float32)
    foreign = np.full((500, 8), [0, 0, 0, 0, 0, 0, 0.01, 1], dtype=np.float32)
    assert unlike(features(100, 0), test, foreign) == 1


def judged(low, high):
    difference = Figure(value=(low + high) / 2, low=low, high=high)
    return measure_benefit("fixmatch", {"alone": difference}, COUNTS, None, resamples=200, seed=0)


def test_a_gain_is_not_said_to_be_that_of_samples_of_another_kind():
    better, equal = judged(0.01, 0.03), judged(-0.01, 0.03)
    assert (
        with_domain_mismatch(better, 0.98).line
        == f"{better.line}; the unlabelled samples are of another kind and have no part in that"
    )
    assert with_domain_mismatch(equal, 0.98).line == equal.line
    for found in (with_domain_mismatch(better, 0.98), with_domain_mismatch(equal, 0.98)):
        assert found.warnings[0].startswith(
            "[domain-mismatch]: 98% of the unlabelled samples are unlike all labelled ones"
        )
        assert "so they do not help" in found.warnings[0]
    assert with_domain_mismatch(better, 0.06) == with_domain_mismatch(better, None) == better
