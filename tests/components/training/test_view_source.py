"""Views of a batch: as many of each role as the objective wants, each as its role is made; the look takes the first."""

import numpy as np
import pytest
import torch
from torch import nn

from components.data.packed import Packed
from components.modalities.image.augment import ViewConfig, augment
from components.training import collapse_check
from components.training.collapse_check import Look
from components.training.device import place
from components.training.view_source import ViewSource

CPU = place("cpu", "float32")
VIEWS = {
    "global": ViewConfig(size=8),
    "plain": ViewConfig(size=8, jitter=0, grayscale=0),
    "local": ViewConfig(size=4, scale=(0.05, 0.2)),
}


def source(spec, views=VIEWS):
    images = np.random.default_rng(0).integers(0, 256, (12, 3, 8, 8), dtype=np.uint8)
    return ViewSource(Packed(images, np.arange(12)), spec, views, batch_size=4, seed=0, device=CPU.device)


@pytest.mark.parametrize(
    "spec", [(("global", 2),), (("plain", 1),), (("global", 2), ("local", 3)), (("global", 1), ("local", 0))]
)
def test_a_batch_has_the_views_that_are_wanted_in_their_order(spec):
    made = source(spec)
    assert made.begin(0, 0, None) == 3
    batch = made.batch(0, torch.Generator().manual_seed(5))
    pixels, chance = made.clean(batch.index), torch.Generator().manual_seed(5)
    expected = [augment(pixels, VIEWS[role], chance) for role, count in spec for _ in range(count)]
    made.close()
    assert len(batch.views) == len(expected)
    for view, other in zip(batch.views, expected, strict=True):
        assert torch.equal(view, other)


@pytest.mark.parametrize("first", ["global", "plain"])
def test_the_look_is_at_two_views_of_the_first_role(first, monkeypatch):
    class Learnt(nn.Module):
        encoder, objective = nn.Flatten(), None

    made, told = source(((first, 1), ("local", 2))), []
    monkeypatch.setattr(collapse_check, "diagnose", lambda clean, others: told.append(others) or 1 / 0)
    with pytest.raises(ZeroDivisionError):  # all that follows has tests of its own
        Look(Learnt(), made, CPU, 0)(1.0)
    pixels = made.clean(torch.arange(0, 12, 2))
    look = Look(Learnt(), made, CPU, 0)
    chance = torch.Generator().manual_seed(look.seed)
    for view in told[0]:
        assert torch.equal(view, augment(pixels, VIEWS[first], chance).flatten(1))
