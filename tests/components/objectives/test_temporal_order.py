"""Temporal order: parts, permutations, loss."""

import math

import pytest
import torch

from components.objectives.base import Batch
from components.objectives.temporal_order import TemporalOrder, TemporalOrderConfig, parts_of
from tests.components.objectives.series import make, series

NAN = float("nan")


def listed(part):
    return [["-" if v != v else v for v in row] for row in part[:, 0].tolist()]


def test_parts_of_series_of_any_length():
    view = torch.tensor([[1.0, 2, 3, 4, 5, 6], [1, 2, 3, 4, NAN, NAN]])[:, None]
    first, second, third = parts_of(view, 3, 0.0)
    assert (listed(first), listed(second), listed(third)) == (
        [[1, 2], [1, "-"]], [[3, 4], [2, "-"]], [[5, 6], [3, 4]],
    )  # fmt: skip
    assert [listed(part)[0] for part in parts_of(view, 2, 0.4)] == [[1, 2, "-"], [4, 5, "-"]]


def test_a_series_of_one_step_has_parts_too():
    assert parts_of(torch.ones(1, 1, 1), 3, 0.1).shape == (3, 1, 1, 1)


def test_the_loss_is_the_cross_entropy_of_the_order_in_which_the_features_stand():
    encoder, objective = make(TemporalOrder, TemporalOrderConfig(parts=3, hidden=6))
    view, index = series(), torch.arange(8)
    target = objective.drawn(index)
    assert len(set(target.tolist())) > 2
    features = torch.stack([encoder(part) for part in parts_of(view, 3, 0.1)], dim=1)
    rows = []
    for b, kind in enumerate(target.tolist()):
        order = objective.orders[kind].tolist()
        logits = objective.head.train()(
            torch.stack(
                [features[b, order].flatten() for b, order in enumerate(objective.orders[target].tolist())]
            )
        )[b]
        rows.append(-torch.log_softmax(logits, 0)[kind])
        assert sorted(order) == [0, 1, 2]
    torch.testing.assert_close(objective(encoder, Batch([view], index)).total, torch.stack(rows).mean())


def test_orders_are_all_there_and_equally_often():
    _, objective = make(TemporalOrder, TemporalOrderConfig(parts=3))
    assert objective.collapse_loss == pytest.approx(math.log(6))
    counts = torch.bincount(objective.drawn(torch.arange(6000)), minlength=6)
    assert counts.min() > 900
    assert len({tuple(order) for order in objective.orders.tolist()}) == 6
