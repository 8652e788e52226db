import math

import pytest
import torch

from components.semisupervised.flexmatch import FlexmatchConfig, class_threshold_loss, take, thresholds
from tests.components.semisupervised.by_hand import Pixels, batch, logits, made

GOLDEN = torch.tensor([[0.96, 0.03, 0.01], [0.6, 0.3, 0.1], [0.94, 0.05, 0.01], [0.2, 0.79, 0.01]])


def test_published_defaults():
    assert (FlexmatchConfig().threshold, FlexmatchConfig().weight) == (0.95, 1)


def test_thresholds_of_known_counts():
    taken = torch.tensor([0] * 10 + [1] * 5 + [2])
    torch.testing.assert_close(thresholds(taken, 0.95, 3), torch.tensor([0.95, 0.95 / 3, 0.05]))


def test_while_most_are_not_taken_they_are_what_counts_are_compared_with():
    taken = torch.tensor([0, 0, 1] + [-1] * 8)
    b = torch.tensor([2 / 8, 1 / 8, 0])
    torch.testing.assert_close(thresholds(taken, 0.9, 3), 0.9 * b / (2 - b))
    assert thresholds(torch.full((5,), -1), 0.9, 3).tolist() == [0, 0, 0]


def test_the_mask_is_of_the_class_that_is_guessed_and_the_mean_over_all():
    limits = torch.tensor([0.95, 0.31667, 0.05])
    loss, mask = class_threshold_loss(GOLDEN.log(), torch.zeros(4, 3), limits)
    assert mask.tolist() == [True, False, False, True]
    assert loss.item() == pytest.approx(math.log(3) / 2)


def test_gradient_goes_to_the_strong_side_of_kept_samples_alone():
    weak, strong = GOLDEN.log().requires_grad_(), torch.zeros(4, 3, requires_grad=True)
    class_threshold_loss(weak, strong, torch.tensor([0.95, 0.31667, 0.05]))[0].backward()
    assert weak.grad is None
    torch.testing.assert_close(strong.grad[3], torch.tensor([1 / 3, -2 / 3, 1 / 3]) / 4)
    assert strong.grad[1:3].abs().sum() == 0


def test_a_sample_keeps_its_class_until_it_is_taken_for_another():
    taken = torch.tensor([-1, 2, 0, -1])
    take(taken, torch.tensor([0, 1, 2, 2]), torch.tensor([1, -1, 2, 1]))
    assert taken.tolist() == [1, 2, 2, -1]


def test_counting_uses_the_fixed_threshold_and_happens_after_the_step():
    method = made(FlexmatchConfig(threshold=0.95))
    given = batch([torch.cat([logits(2)[0], GOLDEN.log()]), torch.zeros(4, 3)], 2, [0, 1, -1, -1, -1, -1])
    losses = method(Pixels(), given)
    assert losses.parts["mask"] == 1  # at the start every threshold is 0
    assert (method.taken == -1).all()
    method.after_step(Pixels(), 0.1)
    assert method.taken[:7].tolist() == [-1, -1, 0, -1, -1, -1, -1]  # .96 alone is above .95
    method.eval()(Pixels(), given)
    method.after_step(Pixels(), 0.2)
    assert (method.taken >= 0).sum() == 1


def test_it_needs_the_number_of_samples():
    with pytest.raises(ValueError, match="number of samples"):
        made(FlexmatchConfig(), rows=0)
