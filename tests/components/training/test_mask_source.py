"""Views of images and masks: moved alike, whatever the move; tone in the image alone; resumable."""

import numpy as np
import pytest
import torch

from components.data.masks import IGNORE
from components.data.packed import PackedArray
from components.modalities.image.config import image_packing
from components.modalities.views import build_views
from components.training.mask_source import MaskSource, Moves, draw_moves, moved, moved_masks
from pipelines.stages.finetune.segmentation.data import tone_view

SIDE = 8


def moves(mirrored: bool, down: int, right: int) -> Moves:
    return Moves(torch.tensor([mirrored]), torch.tensor([down]), torch.tensor([right]))


def slow(mask: np.ndarray, mirrored: bool, down: int, right: int) -> np.ndarray:
    side = len(mask)
    found = np.full_like(mask, IGNORE)
    for row in range(side):
        for column in range(side):
            source = side - 1 - column if mirrored else column
            to = (row + down, column + right)
            if 0 <= to[0] < side and 0 <= to[1] < side:
                found[to] = mask[row, source]
    return found


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (0, -3), (-1, 2)])
def test_masks_by_a_slow_loop(mirrored: bool, down: int, right: int) -> None:
    mask = np.random.default_rng(0).integers(0, 5, (SIDE, SIDE))
    found = moved_masks(torch.from_numpy(mask)[None], moves(mirrored, down, right))[0]
    np.testing.assert_array_equal(found.numpy(), slow(mask, mirrored, down, right))


def test_every_pixel_keeps_its_class() -> None:
    """An image whose values are its mask: wherever the mask is not ignored they are the same after any move."""
    generator = torch.Generator().manual_seed(0)
    masks = torch.randint(0, 200, (32, SIDE, SIDE))
    drawn = draw_moves(32, SIDE, True, 0.4, generator)
    assert drawn.mirrored.any()
    assert not drawn.mirrored.all()
    images, found = moved(masks[:, None].float(), drawn)[:, 0], moved_masks(masks, drawn)
    known = found != IGNORE
    assert torch.equal(images[known], found[known].float())
    assert known.float().mean() > 0.4
    assert not known.all()


def test_the_edge_of_an_image_is_repeated() -> None:
    image = torch.arange(SIDE * SIDE).reshape(1, 1, SIDE, SIDE).float()
    found = moved(image, moves(False, 2, 0))[0, 0]
    assert torch.equal(found[:3], image[0, 0, :1].expand(3, -1))
    assert torch.equal(found[2:], image[0, 0, :-2])


def test_no_move_where_none_is_wanted() -> None:
    drawn = draw_moves(50, SIDE, False, 0.0, torch.Generator().manual_seed(0))
    assert not drawn.mirrored.any()
    assert not drawn.down.any()
    assert not drawn.right.any()


def test_shifts_reach_as_far_as_they_may() -> None:
    drawn = draw_moves(2000, SIDE, True, 0.25, torch.Generator().manual_seed(0))
    assert sorted(drawn.down.unique().tolist()) == [-2, -1, 0, 1, 2]  # type: ignore[no-untyped-call]
    assert sorted(drawn.right.unique().tolist()) == [-2, -1, 0, 1, 2]  # type: ignore[no-untyped-call]
    assert abs(float(drawn.mirrored.float().mean()) - 0.5) < 0.05


def source(unlabelled: int = 6, shift: float = 0.25) -> tuple[MaskSource, np.ndarray]:
    """Ten images, whose grey is ten times the class of the pixel; the first four have a mask."""
    masks = np.random.default_rng(0).integers(0, 5, (10, SIDE, SIDE)).astype(np.uint8)
    images = 10 * masks[:, None] + 50
    packing = image_packing(1, [0.5], [0.2], SIDE)
    made = MaskSource(
        PackedArray(images, np.arange(10)),
        build_views(packing),
        torch.arange(4),
        torch.from_numpy(masks[:4]),
        torch.arange(4, 4 + unlabelled),
        tone=tone_view(0.0, SIDE),
        strong=tone_view(0.5, SIDE, strong=True),
        mirror=True,
        shift=shift,
        sizes=(4, 6),
        steps=5,
        seed=0,
        device=torch.device("cpu"),
    )
    return made, masks


def test_a_batch_has_each_mask_on_its_image() -> None:
    made, _ = source()
    assert made.begin(0, 0, None) == 5
    batch = made.batch(0, torch.Generator().manual_seed(0))
    assert batch.labelled == 4
    assert [len(view) for view in batch.views] == [4, 6, 6]
    assert sorted(batch.index[:4].tolist()) == [0, 1, 2, 3]
    assert sorted(batch.index[4:].tolist()) == [4, 5, 6, 7, 8, 9]
    classes = (batch.views[0][:, 0] * 255 - 50).round() / 10
    known = batch.targets != IGNORE
    assert torch.equal(classes[known], batch.targets[known].float())


def test_images_with_a_mask_may_lie_anywhere() -> None:
    made, masks = source()
    made.labelled, made.masks = torch.tensor([9, 7, 5, 3]), torch.from_numpy(masks[[9, 7, 5, 3]])
    made.begin(0, 0, None)
    batch = made.batch(0, torch.Generator().manual_seed(0))
    assert sorted(batch.index[:4].tolist()) == [3, 5, 7, 9]
    classes = (batch.views[0][:, 0] * 255 - 50).round() / 10
    known = batch.targets != IGNORE
    assert torch.equal(classes[known], batch.targets[known].float())


def test_both_unlabelled_views_are_moved_alike() -> None:
    """Brightness and contrast keep the order of an image's values; pixels that lay elsewhere would not."""
    made, _ = source()
    made.strong = tone_view(0.5, SIDE)
    made.begin(0, 0, None)
    _, plain, strong = made.batch(0, torch.Generator().manual_seed(3)).views
    values = {round(float(value)) for value in (255 * plain).unique()}  # type: ignore[no-untyped-call]
    assert values <= {50, 60, 70, 80, 90}
    assert not torch.equal(plain, strong)
    for one, other in zip(plain.flatten(1), strong.flatten(1), strict=True):
        assert float(torch.corrcoef(torch.stack([one, other]))[0, 1]) > 0.95


def test_a_strong_tone_moves_nothing() -> None:
    """One bright pixel is blurred where it is."""
    made, _ = source()
    image = torch.zeros(64, 1, SIDE, SIDE)
    image[:, :, 5, 2] = 1
    found = made.maker.augment(image, made.strong, torch.Generator().manual_seed(0))
    assert (found.flatten(1).argmax(dim=1) == 5 * SIDE + 2).all()
    assert not torch.equal(found, image)


def test_without_unlabelled_images_there_is_one_view() -> None:
    made, _ = source(unlabelled=0)
    made.begin(0, 0, None)
    batch = made.batch(0, torch.Generator().manual_seed(0))
    assert [len(view) for view in batch.views] == [4]


def test_a_step_is_a_function_of_its_place() -> None:
    one, two = source()[0], source()[0]
    one.begin(0, 0, None)
    for step in range(3):
        one.batch(step, torch.Generator().manual_seed(step))
    one.begin(1, 0, None)
    two.begin(1, 2, None)
    one.batch(0, torch.Generator().manual_seed(7))
    a, b = (made.batch(2, torch.Generator().manual_seed(9)) for made in (one, two))
    assert torch.equal(a.targets, b.targets)
    assert torch.equal(a.views[0], b.views[0])
