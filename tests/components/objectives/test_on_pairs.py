"""Objectives on views of pairs: those of pairs and those of any kind of data train, resume bit-equal and do not
collapse; gradient reaches the side that it must reach, and no other."""

import pytest
import torch

from components.encoders import build_encoder
from components.modalities.pair.views import PairViews
from components.objectives import OBJECTIVES as REGISTERED
from components.objectives import build_objective
from components.objectives.base import Batch
from components.objectives.clip import ClipConfig
from components.objectives.siglip import SiglipConfig
from tests.components.objectives.cases import ANYWHERE, CASES
from tests.components.objectives.pairs import PACKING, TOWERS, pairs
from tests.components.objectives.training import ROWS, B, Training, resumes_bit_equal

OF_PAIRS = {"clip": ClipConfig(), "siglip": SiglipConfig()}
ANY = {name: CASES[name].config for name in ANYWHERE}
VIEWS = PairViews(PACKING)


def training_of(name):
    torch.manual_seed(0)
    config, length = (OF_PAIRS | ANY)[name], VIEWS.length(VIEWS.roles("upright", None)["global"])
    return Training(config, TOWERS, PACKING, pairs(ROWS), VIEWS, "upright", length, steps=8, epoch=4)


def reached(module):
    return {name for name, p in module.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}


def test_every_objective_of_pairs_is_on_this_list():
    assert set(OF_PAIRS) == {name for name in REGISTERED if REGISTERED[name].needs == "pairs"}


@pytest.mark.parametrize("name", [*OF_PAIRS, *ANY])
def test_steps_are_resumed_bit_equal_and_features_stay_apart(name):
    resumes_bit_equal(lambda: training_of(name))


@pytest.mark.parametrize("name", OF_PAIRS)
def test_contrast_of_sides_reaches_all_of_both(name):
    training = training_of(name)
    training.objective(training.encoder, training.batch(0)).total.backward()
    assert reached(training.encoder) == {key for key, _ in training.encoder.named_parameters()}
    assert reached(training.objective) == {key for key, _ in training.objective.named_parameters()}


def test_what_takes_any_view_learns_from_the_image_alone():
    training = training_of("simclr")
    training.objective(training.encoder, training.batch(0)).total.backward()
    image = {key for key, _ in training.encoder.named_parameters() if key.startswith("image.")}
    assert reached(training.encoder) == image


@pytest.mark.parametrize("name", OF_PAIRS)
def test_training_brings_own_pairs_together(name):
    """True pairs cost less than shuffled ones after 40 steps on the same 16 pairs."""
    torch.manual_seed(0)
    encoder = build_encoder(TOWERS, PACKING)
    objective = build_objective(OF_PAIRS[name], encoder, B, 70)
    view, index = pairs(B), torch.arange(B)
    optimiser = torch.optim.Adam([*encoder.parameters(), *objective.parameters()], 1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        objective(encoder, Batch([view], index)).total.backward()
        optimiser.step()
    pixels = PACKING.pixels
    wrong = torch.cat([view[:, :pixels], view[:, pixels:].roll(1, 0)], dim=1)
    encoder.eval()
    right = objective(encoder, Batch([view], index)).total
    assert right + 1 < objective(encoder, Batch([wrong], index)).total
