"""Losses of masks: golden values, ignored pixels, what is learnt from unlabelled images."""

import math

import pytest
import torch
import torch.nn.functional as F

from components.data.masks import IGNORE
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.modalities.image.config import image_packing
from components.objectives.base import Batch
from components.semisupervised.segmentation import (
    MaskMethod,
    MaskMethodConfig,
    mask_loss,
    pseudo_masks,
    soft_dice_loss,
)


def scores_for(*probabilities: tuple[float, ...]) -> torch.Tensor:
    """[1, K, 1, n] of pixels side by side."""
    return torch.tensor(probabilities, dtype=torch.float64).log().T[None, :, None, :]


def test_cross_entropy_and_dice_by_hand() -> None:
    scores = scores_for((0.5, 0.5), (0.25, 0.75))
    masks = torch.tensor([[[0, 1]]])
    entropy, dice = mask_loss(scores, masks)
    assert float(entropy) == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    # class 0: p = .5 + .25, both = .5, of 1 true pixel; class 1: p = .5 + .75, both = .75
    assert float(dice) == pytest.approx(((1 - 2 * 0.5 / 1.75) + (1 - 2 * 0.75 / 2.25)) / 2)
    assert float(mask_loss(scores, masks, dice=0.5)[1]) == pytest.approx(float(dice) / 2)


def test_dice_of_one_pixel() -> None:
    assert float(soft_dice_loss(scores_for((0.5, 0.5)), torch.tensor([[[0]]]))) == pytest.approx(1 / 3)


def test_dice_counts_the_classes_that_are_there() -> None:
    """A class that no mask of the batch holds adds no term of its own."""
    three = soft_dice_loss(scores_for((0.5, 0.3, 0.2)), torch.tensor([[[0]]]))
    assert float(three) == pytest.approx(1 - 2 * 0.5 / 1.5)


def test_a_perfect_answer_costs_nothing() -> None:
    masks = torch.tensor([[[0, 1, 2, IGNORE]]])
    scores = 50.0 * F.one_hot(masks.masked_fill(masks == IGNORE, 0), 3).movedim(-1, 1).double()
    entropy, dice = mask_loss(scores, masks)
    assert float(entropy) == pytest.approx(0, abs=1e-9)
    assert float(dice) == pytest.approx(0, abs=1e-9)


def test_losses_by_a_slow_loop() -> None:
    torch.manual_seed(0)
    scores = torch.randn(2, 4, 5, 5, dtype=torch.float64)
    masks = torch.randint(0, 3, (2, 5, 5))
    masks[0, 1:3] = IGNORE
    entropy, dice = mask_loss(scores, masks)
    total, seen, sums = 0.0, 0, {k: [0.0, 0.0, 0.0] for k in range(4)}
    for image in range(2):
        for row in range(5):
            for column in range(5):
                if (truth := int(masks[image, row, column])) == IGNORE:
                    continue
                p = scores[image, :, row, column].softmax(dim=0).tolist()
                total, seen = total - math.log(p[truth]), seen + 1
                for k in range(4):
                    sums[k][0] += p[k] * (truth == k)
                    sums[k][1] += p[k]
                    sums[k][2] += truth == k
    terms = [1 - 2 * both / (size + true) for both, size, true in sums.values() if true]
    assert len(terms) == 3
    assert float(entropy) == pytest.approx(total / seen)
    assert float(dice) == pytest.approx(sum(terms) / 3)


def test_ignored_pixels_have_no_gradient() -> None:
    torch.manual_seed(0)
    scores = torch.randn(2, 3, 4, 4, requires_grad=True)
    masks = torch.randint(0, 3, (2, 4, 4))
    masks[:, :2] = IGNORE
    sum(mask_loss(scores, masks)).backward()  # type: ignore[union-attr]
    assert scores.grad is not None
    assert not scores.grad[:, :, :2].any()
    assert scores.grad[:, :, 2:].abs().sum(dim=1).gt(0).all()


def test_nothing_is_learnt_where_all_is_ignored() -> None:
    scores = torch.randn(1, 3, 2, 2, requires_grad=True)
    entropy, dice = mask_loss(scores, torch.full((1, 2, 2), IGNORE))
    assert (entropy.item(), dice.item()) == (0.0, 0.0)
    (entropy + dice).backward()
    assert not scores.grad.any()


def test_pseudo_masks_by_hand() -> None:
    found = pseudo_masks(scores_for((0.9, 0.1), (0.2, 0.8), (0.6, 0.4), (0.5, 0.5)), 0.8 - 1e-12)
    assert found.tolist() == [[[0, 1, IGNORE, IGNORE]]]


def method(**options: object) -> tuple[MaskMethod, torch.nn.Module]:
    torch.manual_seed(0)
    encoder = build_encoder(ResnetConfig(widths=(4, 8), blocks=(1, 1)), image_packing(1, [0.5], [0.2], 12))
    given = {"frozen": False, "consistent": False} | options
    config = MaskMethodConfig(threshold=0.34, begin=0.5)
    return MaskMethod(config, encoder, 3, 8, **given), encoder  # type: ignore[arg-type]


def batch() -> Batch:
    torch.manual_seed(1)
    views = [torch.rand(2, 1, 12, 12), torch.rand(3, 1, 12, 12), torch.rand(3, 1, 12, 12)]
    return Batch(views, torch.arange(5), torch.randint(0, 3, (2, 12, 12)), labelled=2)


def test_a_frozen_encoder_stays_as_it_is() -> None:
    own, encoder = method(frozen=True)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    own.train()
    encoder.train()
    own(encoder, batch()).total.backward()
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_unlabelled_images_are_learnt_from_after_a_while() -> None:
    own, encoder = method(consistent=True)
    assert set(own(encoder, batch()).parts) == {"cross_entropy", "dice"}
    own.progress.fill_(0.5)
    losses = own(encoder, batch())
    parts = losses.parts
    assert set(parts) == {"cross_entropy", "dice", "consistency", "sure"}
    assert 0 < float(parts["sure"]) <= 1
    whole = parts["cross_entropy"] + parts["dice"] + parts["consistency"]
    assert float(losses.total.detach()) == pytest.approx(float(whole), rel=1e-6)


def test_consistency_by_its_definition() -> None:
    """The plain view gives the classes, the strong one learns them; the mean is over all pixels, sure or not."""
    own, encoder = method(consistent=True)
    own.eval()
    encoder.eval()
    own.progress.fill_(1.0)
    given = batch()
    found = own(encoder, given).parts["consistency"]
    with torch.no_grad():
        p = own.scores(encoder, given.views[1]).softmax(dim=1)
        log = own.scores(encoder, given.views[2]).log_softmax(dim=1)
    confidence, classes = p.max(dim=1)
    each = -log.gather(1, classes.unsqueeze(1)).squeeze(1)
    assert float(found) == pytest.approx(float((each * (confidence >= 0.34)).mean()), rel=1e-5)


def test_guessing_leaves_batch_norm_alone() -> None:
    own, encoder = method(consistent=True)
    own.progress.fill_(1.0)
    own.train()
    encoder.train()
    own(encoder, batch())
    counts = {int(v) for k, v in encoder.state_dict().items() if k.endswith("num_batches_tracked")}
    assert counts == {1}
