"""Which anchor a sample belongs to, and how many changed theirs."""

import pytest
import torch

from components.evaluation.classification.churn import ANCHORS, churn, nearest_anchor


def gaussian(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_by_hand():
    x = torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1], [-1, 0], [0, -1]])
    assert nearest_anchor(x).tolist() == [0, 1, 2, 3, 4]
    assert churn(torch.tensor([0, 1, 2, 3]), torch.tensor([0, 1, 3, 3])) == 0.25


def test_each_anchor_is_nearest_to_itself_and_there_are_no_more_than_asked():
    x = gaussian(500, 16)
    found = nearest_anchor(x)
    places = torch.linspace(0, 499, ANCHORS).long()
    assert found[places].tolist() == list(range(ANCHORS))
    assert found.max() == ANCHORS - 1


def test_turning_scaling_and_moving_the_features_changes_nothing():
    x = gaussian(300, 12)
    turn, _ = torch.linalg.qr(gaussian(12, 12, seed=1))
    assert churn(nearest_anchor(x), nearest_anchor(3 * x @ turn + 40)) == 0.0


def test_features_that_have_nothing_to_do_with_each_other_keep_nothing():
    found = churn(nearest_anchor(gaussian(2000, 16)), nearest_anchor(gaussian(2000, 16, seed=5)))
    assert found == pytest.approx(1 - 1 / ANCHORS, abs=0.03)
