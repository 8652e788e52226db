"""The views of each role: what a recipe says, and what follows where it says nothing."""

import pytest
import torch

from components.encoders.resnet import ResnetConfig
from components.encoders.vit import VitConfig
from components.modalities.image.augment import ViewConfig, augment
from components.modalities.image.config import image_packing
from components.modalities.image.policies import POLICIES, views
from components.modalities.image.views import ImageViews

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
