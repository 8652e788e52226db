"""Figures of pairs: by hand, against slow loops, and against scikit-learn's ridge regression."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from components.errors import UserError
from components.evaluation.classification.bootstrap import share_interval
from components.evaluation.representation.pairs import (
    both_ways,
    by_ridge,
    fit_between,
    ranks,
    recalls,
    zero_shot,
)


def circle(*degrees):
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_ranks_by_hand():
    """Images at 0, 90, 180 degrees and their captions at 10, 170, 160: the second image is nearer to 10 and to 160 than
    to 170 (80, 70, 80 degrees away): one tie and one nearer."""
    images, captions = circle(0, 90, 180), circle(10, 170, 160)
    assert ranks(images, captions).tolist() == [0, 2, 1]
    assert ranks(captions, 7 * images).tolist() == [0, 1, 0]


def test_recall_is_that_of_a_slow_loop_with_wilsons_interval():
    rng = np.random.default_rng(0)
    image, text = rng.standard_normal((40, 5)), rng.standard_normal((40, 5))
    text += image
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (image, text)]
    hits = 0
    for i in range(40):
        order = sorted(range(40), key=lambda j: -unit[0][i] @ unit[1][j])
        hits += order.index(i) < 5
    found = recalls(image, text)[5]
    assert found == share_interval(hits, 40)
    both = both_ways(image, text)
    assert both["image_to_text_5"] == hits / 40
    assert both["image_to_text_5_low"] == found.low < both["image_to_text_5_high"]
    assert both["text_to_image_5"] == recalls(text, image)[5].value
    assert len(both) == 2 * 3 * 3


def test_one_point_finds_nothing():
    ones = np.ones((20, 3))
    assert set(both_ways(ones, ones).values()) <= {0.0, share_interval(0, 20).high}


def test_what_is_no_two_sides_is_refused():
    for image, text in (((3, 4), (2, 4)), ((1, 4), (1, 4)), ((4,), (4,))):
        with pytest.raises(UserError, match="retrieval needs two sides"):
            recalls(np.ones(image), np.ones(text))


def test_zero_shot_takes_the_mean_direction_of_a_classs_prompts():
    """Class 0 has prompts at 0 and 60 degrees (mean 30, whatever their lengths), class 1 at 90 and 90."""
    prompts = np.stack([circle(0, 60) * [[1.0], [50.0]], circle(90, 90)])
    assert zero_shot(circle(20, 59, 61, 100), prompts).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("noise", [0.1, 3.0, 30.0])
def test_the_regression_is_scikit_learns_at_the_strength_that_leaving_one_out_chooses(noise):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((14, 6)) * [1, 2, 3, 1, 1, 1] + 5
    y = x[:, :4] @ rng.standard_normal((4, 3)) + noise * rng.standard_normal((14, 3)) - 2
    size = float((np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2).mean())
    strengths = (0.001, 0.03, 0.1, 1.0, 100.0)
    errors = [
        ((cross_val_predict(Ridge(alpha=s * size), x, y, cv=LeaveOneOut()) - y) ** 2).mean()
        for s in strengths
    ]
    found = fit_between(x, y, strengths)
    assert found.strength == strengths[int(np.argmin(errors))]
    peer, new = Ridge(alpha=found.strength * size).fit(x, y), rng.standard_normal((4, 6)) + 5
    np.testing.assert_allclose(found.predict(new) + y.mean(0), peer.predict(new), rtol=1e-9)
    np.testing.assert_allclose(found.mean, y.mean(0))


def test_a_regression_needs_three_pairs():
    with pytest.raises(ValueError, match="three pairs at least are needed, got 2 and 2"):
        fit_between(np.ones((2, 3)), np.ones((2, 4)))


def test_ridge_finds_pairs_that_are_a_linear_map_of_each_other_and_no_others():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((120, 4))
    y = x @ rng.standard_normal((4, 6)) + 3
    found = by_ridge((x[:80], y[:80]), (x[80:], y[80:]))
    assert found["image_to_text_1"] == found["text_to_image_1"] == 1.0
    apart = by_ridge((x[:80], y[:80]), (x[80:], np.roll(y[80:], 1, axis=0)))
    assert apart["image_to_text_1"] < 0.2
