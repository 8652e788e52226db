"""Objectives on views of pairs: those of pairs and those of any kind of data train, resume bit-equal and do not
collapse; gradient reaches the side that it must reach, and no other."""

import copy

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

OF_PAIRS = {"clip": ClipConfig(), "siglip": SiglipConfig()}
ANY = {name: CASES[name].config for name in ANYWHERE}
STEPS, B, ROWS = 8, 16, 48
VIEWS = PairViews(PACKING)


class Training:
    def __init__(self, name):
        torch.manual_seed(0)
        config = (OF_PAIRS | ANY)[name]
        self.rows = pairs(ROWS)
        self.encoder = build_encoder(TOWERS, PACKING)
        self.roles = VIEWS.roles("upright", None)
        length = VIEWS.length(self.roles["global"])
        self.objective = build_objective(config, self.encoder, ROWS, length)
        parameters = [*self.encoder.parameters(), *self.objective.parameters()]
        self.optimiser = torch.optim.Adam([p for p in parameters if p.requires_grad], lr=1e-3)
        self.losses = []

    def features(self):
        with torch.no_grad():
            return self.encoder(self.rows)

    def batch(self, step):
        index = (torch.arange(B) + B * (step % 3)) % ROWS
        generator = torch.Generator().manual_seed(step)
        views = [
            VIEWS.augment(self.rows[index], self.roles[role], generator)
            for role, count in self.objective.views
            for _ in range(count)
        ]
        return Batch(
            views, index, torch.where(index % 3 == 0, index % 2, -1) if self.objective.uses_labels else None
        )

    def run(self, start, stop):
        for step in range(start, stop):
            if step % 4 == 0:
                self.objective.before_epoch(step // 4, self.features)
            torch.manual_seed(step)
            loss = self.objective(self.encoder, self.batch(step)).total
            assert loss.isfinite()
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.objective.after_step(self.encoder, (step + 1) / STEPS)
            self.losses.append(loss.item())


def reached(module):
    return {name for name, p in module.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}


def test_every_objective_of_pairs_is_on_this_list():
    assert set(OF_PAIRS) == {name for name in REGISTERED if REGISTERED[name].needs == "pairs"}


@pytest.mark.parametrize("name", [*OF_PAIRS, *ANY])
def test_steps_are_resumed_bit_equal_and_features_stay_apart(name):
    training = Training(name)
    training.run(0, STEPS // 2)
    parts = (training.encoder, training.objective, training.optimiser)
    state = copy.deepcopy([part.state_dict() for part in parts])
    training.run(STEPS // 2, STEPS)
    again = Training(name)
    for part, own in zip((again.encoder, again.objective, again.optimiser), state, strict=True):
        part.load_state_dict(own)
    again.run(STEPS // 2, STEPS)
    assert again.losses == training.losses[STEPS // 2 :]
    found = training.objective.exported(training.encoder).eval()(training.rows)
    assert found.std(dim=0).mean() > 1e-3


@pytest.mark.parametrize("name", OF_PAIRS)
def test_contrast_of_sides_reaches_all_of_both(name):
    training = Training(name)
    training.objective(training.encoder, training.batch(0)).total.backward()
    assert reached(training.encoder) == {key for key, _ in training.encoder.named_parameters()}
    assert reached(training.objective) == {key for key, _ in training.objective.named_parameters()}


def test_what_takes_any_view_learns_from_the_image_alone():
    training = Training("simclr")
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
