"""Objectives that know nothing of sounds, on views of sounds: they see tensors."""

import pytest
import torch

from components.encoders import build_encoder
from components.modalities.sound.augment import SoundView
from components.modalities.sound.views import SoundViews
from components.objectives import build_objective
from components.objectives.base import Batch
from components.training.learner import Learner
from tests.components.encoders.test_sound_cnn import SMALL
from tests.components.objectives.cases import ANYWHERE, CASES
from tests.components.objectives.sounds import PACKING, sounds

ROWS, STEPS = 48, 8
ROLES = SoundViews(PACKING).roles(SoundView(crop=(0.5, 1.0), gain=6, noise=(10, 20)), None)


@pytest.mark.parametrize("name", ANYWHERE)
def test_it_trains_on_sounds_of_unequal_length(name):
    torch.manual_seed(0)
    views, encoder, everything = SoundViews(PACKING), build_encoder(SMALL, PACKING), sounds(ROWS)
    objective = build_objective(CASES[name].config, encoder, ROWS, PACKING.length)
    learner, generator = Learner(encoder, objective), torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(learner.parameters(), 3e-3)

    @torch.no_grad()
    def features():
        return encoder(everything)

    for step in range(STEPS):
        if step % 4 == 0:
            objective.before_epoch(step // 4, features)
        index = torch.randperm(ROWS, generator=generator)[:24]
        seen = [
            views.augment(everything[index], ROLES[role], generator)
            for role, count in objective.views
            for _ in range(count)
        ]
        targets = torch.where(index % 3 == 0, index % 2, -1) if objective.uses_labels else None
        loss = learner(Batch(seen, index, targets)).total
        assert torch.isfinite(loss)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        objective.after_step(encoder, (step + 1) / STEPS)
    assert all(torch.isfinite(p).all() for p in learner.parameters())
    assert features().std(dim=0).max() > 1e-3
