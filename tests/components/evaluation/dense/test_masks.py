"""Dice and IoU against a slow loop, by hand, and their intervals."""

import numpy as np
import pytest

from components.data.masks import IGNORE
from components.evaluation.dense.masks import (
    by_class,
    by_image,
    dice_and_iou,
    figures,
    sampled_pixels,
    tables,
)

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 4, (7, 6, 5)).astype(np.uint8)
TRUTH[0, :3] = IGNORE
TRUTH[1] = 0
TRUTH[2][TRUTH[2] == 3] = 1
SAID = np.where(
    RNG.random(TRUTH.shape) < 0.6, np.where(TRUTH == IGNORE, 2, TRUTH), RNG.integers(0, 4, TRUTH.shape)
)
SAID = SAID.astype(np.uint8)
SAID[1] = 0


def slow(truth: np.ndarray, said: np.ndarray) -> tuple[float, float]:
    known = [(int(t), int(s)) for t, s in zip(truth.ravel(), said.ravel(), strict=True) if t != IGNORE]
    dice, iou = [], []
    for k in range(1, 4):
        a, b = (
            {i for i, (t, _) in enumerate(known) if t == k},
            {i for i, (_, s) in enumerate(known) if s == k},
        )
        if a or b:
            dice.append(2 * len(a & b) / (len(a) + len(b)))
            iou.append(len(a & b) / len(a | b))
    return (float(np.mean(dice)), float(np.mean(iou))) if dice else (1.0, 1.0)


def test_images_by_a_slow_loop() -> None:
    dice, iou = by_image(tables(TRUTH, SAID, 4))
    wanted = np.array([slow(truth, said) for truth, said in zip(TRUTH, SAID, strict=True)])
    np.testing.assert_allclose(dice, wanted[:, 0])
    np.testing.assert_allclose(iou, wanted[:, 1])
    assert dice[1] == iou[1] == 1.0  # background in mask and prediction


def test_by_hand() -> None:
    truth = np.array([[[0, 1, 1, IGNORE]]], np.uint8)
    said = np.array([[[0, 1, 2, 1]]], np.uint8)
    counts = tables(truth, said, 3)
    assert counts[0].tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]
    dice, iou = dice_and_iou(counts)
    np.testing.assert_allclose(dice[0], [1, 2 / 3, 0])
    np.testing.assert_allclose(iou[0], [1, 1 / 2, 0])
    assert [float(values[0]) for values in by_image(counts)] == pytest.approx([1 / 3, 1 / 4])


def test_a_class_in_neither_mask_has_no_figure() -> None:
    dice, iou = dice_and_iou(tables(np.zeros((1, 2, 2), np.uint8), np.zeros((1, 2, 2), np.uint8), 2))
    assert np.isnan(dice[0, 1])
    assert np.isnan(iou[0, 1])
    rows = by_class(tables(TRUTH[1:2], SAID[1:2], 4), list("abcd"), resamples=50, seed=0)
    assert rows[0].dice is not None
    assert [row.dice for row in rows[1:]] == [None] * 3


def test_objects_where_none_are_count_as_nothing_right() -> None:
    said = np.zeros((1, 2, 2), np.uint8)
    said[0, 0, 0] = 1
    assert by_image(tables(np.zeros((1, 2, 2), np.uint8), said, 2))[0].tolist() == [0.0]


@pytest.mark.parametrize(
    ("truth", "said"),
    [(TRUTH, SAID[:3]), (np.full((1, 1, 1), 4, np.uint8), np.zeros((1, 1, 1), np.uint8)),
     (np.zeros((1, 1, 1), np.uint8), np.full((1, 1, 1), 4, np.uint8))],
)  # fmt: skip
def test_other_masks_are_refused(truth: np.ndarray, said: np.ndarray) -> None:
    with pytest.raises(ValueError, match="masks of equal shape with classes below 4 are required"):
        tables(truth, said, 4)


def test_classes_over_all_pixels() -> None:
    counts = tables(TRUTH, SAID, 4)
    rows = by_class(counts, ["ground", "a", "b", "c"], resamples=400, seed=0)
    whole = counts.sum(axis=0)
    for k, row in enumerate(rows):
        assert row.images == sum((truth == k).any() for truth in TRUTH)
        assert row.share == pytest.approx((k == TRUTH).sum() / (TRUTH != IGNORE).sum())
        assert row.dice is not None
        assert row.iou is not None
        both = whole[k, k]
        assert row.dice.value == pytest.approx(2 * both / (whole[k].sum() + whole[:, k].sum()))
        assert row.iou.value == pytest.approx(both / (whole[k].sum() + whole[:, k].sum() - both))
        assert row.dice.low < row.dice.value < row.dice.high


def test_intervals_are_over_images_and_paired() -> None:
    first = RNG.random(200)
    of, over = figures({"model": first + 0.1, "other": first}, resamples=300, seed=0)
    assert of["model"].value == pytest.approx(first.mean() + 0.1)
    width = 1.96 * first.std() / 200**0.5
    assert of["model"].high - of["model"].low == pytest.approx(2 * width, rel=0.15)
    assert (over["other"].low, over["other"].value, over["other"].high) == pytest.approx((0.1, 0.1, 0.1))


def test_pixels_of_the_calibration() -> None:
    p = RNG.dirichlet(np.ones(4), TRUTH.shape).transpose(0, 3, 1, 2).astype(np.float32)
    confidence, right = sampled_pixels(TRUTH, p, 10**6, seed=0)
    known = TRUTH != IGNORE
    np.testing.assert_allclose(confidence, p.max(axis=1)[known], rtol=1e-6)
    np.testing.assert_array_equal(right, (p.argmax(axis=1) == TRUTH)[known])
    assert len(sampled_pixels(TRUTH, p, 20, seed=0)[0]) == 20
