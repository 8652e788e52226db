"""Views of packed images: the clean one by hand, augmented ones as the policies have them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from components.augmentations.image import augment
from components.augmentations.policies import POLICIES, views
from components.modalities.image.config import ARRAY, image_packing
from components.modalities.image.views import ImageViews
from components.modalities.views import build_views

PACKING = image_packing(3, size=16)
MAKER = ImageViews(PACKING)


def rows(count: int = 5) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, 16, 16), dtype=np.uint8)


def test_a_clean_view_is_the_share_of_white() -> None:
    stored = torch.tensor([0, 51, 102, 255], dtype=torch.uint8).reshape(1, 1, 2, 2)
    found = MAKER.clean(stored)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.tensor([0.0, 0.2, 0.4, 1.0]).reshape(1, 1, 2, 2))
    assert stored.flatten().tolist() == [0, 51, 102, 255]


def test_rows_that_are_collated_are_what_gather_gives(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", rows())
    packed = MAKER.open({ARRAY: tmp_path / "x.npy"}, np.array([4, 0, 2]))
    gathered = packed.gather(torch.tensor([1, 2]))
    assert torch.equal(gathered, torch.from_numpy(rows()[[0, 2]]))
    assert torch.equal(MAKER.collate([packed.row(0), packed.row(2)]), gathered)
    assert len(MAKER.open({ARRAY: tmp_path / "x.npy"})) == 5


@pytest.mark.parametrize("policy", POLICIES)
def test_policies_are_those_of_images_of_this_size_and_these_channels(policy: str) -> None:
    assert MAKER.policy(policy) == views(policy, 16, 3)  # type: ignore[arg-type]
    grey = ImageViews(image_packing(1, size=64)).policy(policy)
    assert (grey.weak.size, grey.strong.size, grey.pretrain.size) == (64, 64, 64)
    assert grey.pretrain.saturation == 0 or grey.pretrain.jitter == 0
    assert type(grey.weak) is ImageViews.View
    assert MAKER.policies == POLICIES
    assert MAKER.usual in POLICIES


def test_chance_comes_from_the_generator_and_no_view_from_another_sample() -> None:
    clean, how = MAKER.clean(torch.from_numpy(rows())), MAKER.policy("photo").strong

    def drawn(view: torch.Tensor, seed: int) -> torch.Tensor:
        torch.rand(7)
        return MAKER.augment(view, how, torch.Generator().manual_seed(seed))

    assert torch.equal(drawn(clean, 3), augment(clean, how, torch.Generator().manual_seed(3)))
    assert not torch.equal(drawn(clean, 3), drawn(clean, 4))
    others = clean.clone()
    others[[0, 1, 3, 4]] = 1 - others[[0, 1, 3, 4]]
    torch.testing.assert_close(drawn(others, 3)[2], drawn(clean, 3)[2])
    assert not torch.allclose(drawn(others, 3)[1], drawn(clean, 3)[1])


@pytest.mark.parametrize(("size", "side"), [(16, 16), (32, 32), (64, 32)])
def test_the_baseline_is_fitted_on_pixels_of_32_a_side_at_most(size: int, side: int) -> None:
    assert ImageViews(image_packing(3, size=size)).baseline() == {"name": "pixels", "side": side}


def test_they_are_built_from_the_packing_alone() -> None:
    made = build_views(PACKING)
    assert type(made) is ImageViews
    assert made.packing == PACKING
