import pytest
import torch

from components.errors import UserError
from components.objectives.parts.rectangles import block_size, context, places


@pytest.mark.parametrize(
    ("grid", "share", "aspect", "expected"),
    [
        ((14, 14), 0.175, 1.0, (6, 6)),  # int(.175 * 196) = 34 patches, root 5.83
        ((14, 14), 0.2, 1.5, (8, 5)),  # 39 patches: 7.65 and 5.10
        ((14, 14), 0.15, 0.75, (5, 6)),  # 29 patches: 4.66 and 6.22
        ((4, 4), 0.2, 1.0, (1, 2)),  # four of 2 x 2 would leave nothing
        ((5, 1), 0.2, 1.0, (1, 1)),
        ((3, 2), 0.01, 1.0, (1, 1)),
    ],
)
def test_sizes_by_hand(grid, share, aspect, expected):
    assert block_size(grid, share, aspect, 4) == expected


def test_as_many_patches_as_targets_are_refused():
    with pytest.raises(UserError, match="ijepa needs more than 4 patches"):
        block_size((2, 2), 0.2, 1.0, 4)


def test_rectangles_by_hand():
    numbers = torch.tensor([[[0.0, 0.0], [0.999, 0.999], [0.5, 0.4]]])
    # rooms of a 2 x 3 rectangle in 4 x 5: 3 rows, 3 columns; corners (0, 0), (2, 2), (1, 1)
    assert places(numbers, (2, 3), (4, 5)).tolist() == [
        [[0, 1, 2, 5, 6, 7], [12, 13, 14, 17, 18, 19], [6, 7, 8, 11, 12, 13]]
    ]


def test_every_place_is_equally_likely():
    numbers = torch.rand(6000, 1, 2, generator=torch.Generator().manual_seed(0))
    corners = places(numbers, (2, 2), (3, 4))[:, 0, 0]
    shares = torch.bincount(corners, minlength=12) / 6000
    assert shares.nonzero().flatten().tolist() == [0, 1, 2, 4, 5, 6]
    torch.testing.assert_close(shares[shares > 0], torch.full((6,), 1 / 6), atol=0.02, rtol=0)


def test_the_context_is_outside_of_all_rectangles_and_as_large_in_each_sample():
    generator = torch.Generator().manual_seed(1)
    targets = places(torch.rand(50, 3, 2, generator=generator), (2, 2), (4, 5))
    kept = context(targets, torch.rand(50, 20, generator=generator))
    assert kept.shape == (50, 20 - 12)
    for own, taken in zip(kept.tolist(), targets.flatten(1).tolist(), strict=True):
        assert own == sorted(set(own))
        assert not set(own) & set(taken)


def test_which_patches_are_left_out_where_more_are_free_is_chance():
    targets = torch.zeros(2000, 2, 1, dtype=torch.int64)  # both on patch 0: three are free, two are taken
    kept = context(targets, torch.rand(2000, 4, generator=torch.Generator().manual_seed(2)))
    shares = torch.bincount(kept.flatten(), minlength=4) / 2000
    assert shares[0] == 0
    torch.testing.assert_close(shares[1:], torch.full((3,), 2 / 3), atol=0.04, rtol=0)
