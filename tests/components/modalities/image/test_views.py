"""Views of packed images: the clean one by hand, augmented ones as the policies have them; of each role what a recipe
says, and what follows where it says nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from components.encoders.resnet import ResnetConfig
from components.encoders.vit import VitConfig
from components.modalities.image.augment import ViewConfig, augment
from components.modalities.image.config import ARRAY, image_packing
from components.modalities.image.policies import POLICIES, views
from components.modalities.image.views import ImageViews
from components.modalities.views import build_views

RESNET, VIT = ResnetConfig(), VitConfig(patch=4)
LOUD = ViewConfig(
    size=16, scale=(0.3, 1.0), flip=0.2, rotate=10.0, jitter=1.0, gamma=0.5, grayscale=0.5, blur=0.5, solarise=0.5,
    erase=0.5, randaugment=2, cutout=0.5,
)  # fmt: skip


def of(given, local=None, size=28, channels=3, encoder=RESNET):
    return ImageViews(image_packing(channels, size=size)).roles(given, local, getattr(encoder, "patch", 1))


def test_global_views_are_the_recipes_at_the_side_of_the_data_unless_it_names_one():
    assert of(None)["global"] == ViewConfig(size=28)
    assert of(ViewConfig(scale=(0.5, 1.0)))["global"] == ViewConfig(size=28, scale=(0.5, 1.0))
    assert of(LOUD)["global"] is LOUD
    assert of(ViewConfig(size=32))["global"].size == 32  # the default of the field, but named


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("channels", [1, 3])
def test_global_views_of_a_policy(policy, channels):
    assert of(policy, size=64, channels=channels)["global"] == views(policy, 64, channels).pretrain


@pytest.mark.parametrize("given", [LOUD, *POLICIES, None])
def test_plain_views_move_pixels_and_change_no_value(given):
    """Every value of such a view of two colours lies between these, in every channel alike."""
    made = of(given, size=64)
    flat = torch.tensor([0.2, 0.6, 0.7]).reshape(1, 3, 1, 1).expand(50, 3, 64, 64)
    plain = augment(flat, made["plain"], torch.Generator().manual_seed(0))
    torch.testing.assert_close(plain, flat[..., : plain.shape[2], : plain.shape[3]])
    loud = augment(flat, made["global"], torch.Generator().manual_seed(0))
    assert not torch.allclose(loud, flat[..., : loud.shape[2], : loud.shape[3]])
    kept = {"size", "scale", "ratio", "flip", "upside_down", "quarter_turns", "rotate", "translate"}
    assert made["plain"].model_dump(include=kept) == made["global"].model_dump(include=kept)


def test_where_nothing_moves_a_plain_view_is_the_image():
    still = LOUD.model_copy(update={"scale": (1.0, 1.0), "ratio": (1.0, 1.0), "flip": 0.0, "rotate": 0.0})
    x = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert torch.equal(augment(x, of(still)["plain"], torch.Generator().manual_seed(0)), x)


@pytest.mark.parametrize(
    ("begins", "area"),
    [
        (0.14, (0.05, 0.14)),
        (0.25, (0.05, 0.25)),
        (0.4, (0.05, 0.4)),
        (1.0, (0.05, 0.4)),
        (0.03, (0.03, 0.03)),
    ],
)
def test_local_views_cover_what_is_below_the_global_ones(begins, area):
    """.14 is SwAV's, .25 DINO's and .4 that of its published code."""
    local = of(ViewConfig(size=32, scale=(begins, 1.0), gamma=0.3))["local"]
    assert local == ViewConfig(size=16, scale=area, gamma=0.3)


@pytest.mark.parametrize(
    ("size", "encoder", "side"),
    [(28, RESNET, 14), (29, RESNET, 14), (1, RESNET, 1), (28, VIT, 12), (32, VIT, 16), (6, VIT, 4)],
)
def test_local_views_have_half_the_side_in_whole_patches(size, encoder, side):
    assert of(None, size=size, encoder=encoder)["local"].size == side
    assert of(None, ViewConfig(scale=(0.1, 0.2)), size=size, encoder=encoder)["local"] == ViewConfig(
        size=side, scale=(0.1, 0.2)
    )
    assert of(None, ViewConfig(size=9), size=size, encoder=encoder)["local"].size == 9
    assert (
        of(ViewConfig(size=20), size=size, encoder=RESNET)["local"].size == 10
    )  # half of the view, not of the data


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
    packed = PACKING.open({ARRAY: tmp_path / "x.npy"}, np.array([4, 0, 2]))
    gathered = packed.gather(torch.tensor([1, 2]))
    assert torch.equal(gathered, torch.from_numpy(rows()[[0, 2]]))
    assert torch.equal(MAKER.collate([packed.row(0), packed.row(2)]), gathered)
    assert len(PACKING.open({ARRAY: tmp_path / "x.npy"})) == 5


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


def test_the_length_of_a_view_is_its_side_and_a_blank_one_is_black() -> None:
    assert MAKER.length(ViewConfig(size=20)) == 20
    blank = MAKER.blank(4)
    assert blank.shape == (4, 3, 16, 16)
    assert not blank.any()
