"""What the named policies promise: who is mirrored, who is turned, who changes colour; and that strong is stronger."""

import pytest
import torch

from components.modalities.image.augment import ViewConfig, augment
from components.modalities.image.policies import POLICIES, views


def changed(x: torch.Tensor, config: ViewConfig) -> float:
    """Mean absolute change of a pixel."""
    return float((augment(x, config, torch.Generator().manual_seed(0)) - x).abs().mean())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("policy", POLICIES)
def test_views_are_of_the_size_and_strong_is_stronger(policy, channels):
    made = views(policy, 28, channels)
    x = torch.rand(64, channels, 7, 7, generator=torch.Generator().manual_seed(1))
    x = torch.nn.functional.interpolate(x, 28, mode="bilinear").clamp(0, 1)
    for view in (made.weak, made.strong, made.pretrain):
        assert augment(x, view, torch.Generator().manual_seed(0)).shape == x.shape
    assert changed(x, made.strong) > changed(x, made.weak)


@pytest.mark.parametrize("policy", ["upright", "signal"])
def test_what_has_an_up_and_a_left_is_never_mirrored_or_turned_over(policy):
    made = views(policy, 28, 1)
    for view in (made.weak, made.strong, made.pretrain):
        assert (view.flip, view.upside_down, view.quarter_turns) == (0, 0, 0)
        assert view.rotate <= 20


def test_any_way_up_shows_all_eight_symmetries_alike():
    view = views("any_way_up", 6, 1).weak.model_copy(update={"scale": (1.0, 1.0), "ratio": (1.0, 1.0)})
    x = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(2)).expand(800, -1, -1, -1)
    got = augment(x, view, torch.Generator().manual_seed(0))
    eight = torch.stack([torch.rot90(y, k, dims=(1, 2)) for y in (x[0], x[0].flip(2)) for k in range(4)])
    counts = (got[:, None] - eight[None]).abs().amax(dim=(2, 3, 4)).argmin(dim=1).bincount(minlength=8)
    assert counts.min() > 60  # of 100 expected


def test_weak_views_keep_the_tone_and_colour():
    grey = torch.full((16, 3, 28, 28), 0.3)
    for policy in POLICIES:
        torch.testing.assert_close(augment(grey, views(policy, 28, 3).weak, torch.Generator()), grey)
