"""Dense prediction: scenes whose truth is known by hand, the figures beside scikit-learn's, heads that learn."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import jaccard_score

from components.evaluation.classification.average_precision import Boxes, area, average_precision, overlaps
from components.evaluation.dense.canvas import around, compose
from components.evaluation.dense.detection import decode, detect, fit_detector, focal, targets
from components.evaluation.dense.segmentation import fit_segmenter, intersection_over_union, mean_iou


def scenes(count: int, seed: int, kinds: int = 2):
    found = load_digits(n_class=kinds)
    pictures = torch.tensor(found.images / 16, dtype=torch.float32)[:, None]
    return compose(pictures, torch.tensor(found.target), count, side=24, seed=seed)


def test_a_scene_is_what_was_pasted():
    made = scenes(20, 0)
    assert made.images.shape == (20, 1, 24, 24)
    for image, mask, boxes, classes in zip(made.images, made.masks, made.boxes, made.classes, strict=True):
        assert 1 <= len(boxes) == len(classes) <= 3
        np.testing.assert_array_equal(mask > 0, image[0] > 0.2)
        for (left, top, right, bottom), kind in zip(boxes.tolist(), classes.tolist(), strict=True):
            inside = mask[top:bottom, left:right]
            assert set(inside.unique().tolist()) <= {0, 1 + kind}
            assert (inside[0] > 0).any() and (inside[-1] > 0).any() and (inside[:, 0] > 0).any()  # noqa: PT018
        shared = overlaps(boxes.float(), boxes.float())
        assert float((shared - torch.eye(len(boxes))).abs().max()) == 0
    again = scenes(20, 0)
    assert torch.equal(made.images, again.images)


def test_a_box_is_the_smallest_around():
    inked = torch.zeros(5, 5, dtype=torch.bool)
    inked[1, 2] = inked[3, 3] = True
    assert around(inked).tolist() == [2, 1, 4, 4]


def test_intersection_over_union_is_scikit_learns():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 4, (3, 6, 6)), rng.integers(0, 4, (3, 6, 6))
    found = intersection_over_union(torch.tensor(truth), torch.tensor(predicted), 5)
    np.testing.assert_allclose(found[:4], jaccard_score(truth.ravel(), predicted.ravel(), average=None))
    assert bool(found[4].isnan())


def patches(images: torch.Tensor) -> torch.Tensor:
    """In place of an encoder's maps: each cell of 2 x 2 pixels with its neighbours, [B, 36, 12, 12]."""
    return torch.nn.functional.unfold(images, 6, stride=2, padding=2).reshape(len(images), 36, 12, 12)


def test_a_linear_head_finds_the_ink_and_no_head_does_not():
    made, asked = scenes(60, 0), scenes(30, 1)
    train, test = (patches(s.images) for s in (made, asked))
    ink, known = (made.masks > 0).long(), (asked.masks > 0).long()
    model = fit_segmenter(train, ink, 2, steps=80)
    found = mean_iou(model, test, known)
    nothing = float(intersection_over_union(known, torch.zeros_like(known), 2).nanmean())
    assert found > 0.7 > 0.55 > nothing
    with pytest.raises(ValueError, match="as many masks as maps"):
        fit_segmenter(train, made.masks, 2)


def test_average_precision_by_hand():
    assert area([True, False, True], 2) == pytest.approx((1 + 2 / 3) / 2)
    assert area([False, True], 1) == 0.5
    assert area([True], 4) == 0.25
    square = torch.tensor([[0.0, 0, 2, 2]])
    assert float(overlaps(square, square + 1)) == pytest.approx(1 / 7)
    truth = [torch.tensor([[0, 0, 4, 4], [10, 10, 14, 14]]), torch.tensor([[0, 0, 4, 4]])]
    classes = [torch.tensor([0, 0]), torch.tensor([1])]
    found = [
        Boxes(
            torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 3], [10, 10, 14, 15]]),
            torch.tensor([0, 0, 0]),
            torch.tensor([0.9, 0.8, 0.7]),  # a hit, the same object again, a hit
        ),
        Boxes(torch.tensor([[2.0, 2, 6, 6]]), torch.tensor([1]), torch.tensor([0.9])),  # overlap 1 / 7
    ]
    assert average_precision(found, truth, classes, kinds=3) == pytest.approx({0: (1 + 2 / 3) / 2, 1: 0.0})


def test_the_targets_decoded_are_the_boxes():
    boxes, classes = torch.tensor([[2, 4, 9, 10], [14, 13, 20, 22]]), torch.tensor([1, 0])
    heat, reach, held = targets(boxes, classes, 12, 2, 2)
    assert int(held.sum()) == 2
    assert heat[1, 3, 2] == heat[0, 8, 8] == 1  # centres (5.5, 7) and (17, 17.5), of cells of 2
    found = decode(heat, reach, 2, found=2)
    order = found.classes.argsort(descending=True)
    torch.testing.assert_close(found.boxes[order], boxes.float())
    assert found.classes[order].tolist() == [1, 0]


def test_the_focal_loss_by_hand():
    """Two cells, one a centre, p = .5 in both, .5 the heat beside it: -(.25 ln .5 + .0625 * .25 ln .5)."""
    found = focal(torch.zeros(1, 1, 1, 2), torch.tensor([[[[1.0, 0.5]]]]))
    assert float(found) == pytest.approx(-(0.25 + 0.0625 * 0.25) * np.log(0.5))


@pytest.mark.slow
def test_a_centre_head_finds_digits():
    made, asked = scenes(100, 0), scenes(40, 1)
    model = fit_detector(patches(made.images), made.boxes, made.classes, kinds=2, cell=2, steps=120)
    found = average_precision(detect(model, patches(asked.images), 2), asked.boxes, asked.classes, kinds=2)
    assert min(found.values()) > 0.7, found
