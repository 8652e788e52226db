"""A few steps of an objective on views of one kind of data, as the training loop takes them."""

import copy

import torch

from components.encoders import build_encoder
from components.objectives import build_objective
from components.objectives.base import Batch

B, ROWS = 16, 48


class Training:
    """views: the ViewMaker of the packing; policy: of its views. length: of a view; epoch: in steps."""

    def __init__(self, config, encoder, packing, rows, views, policy, length, *, steps=20, epoch=5):
        self.rows, self.views, self.steps, self.epoch = rows, views, steps, epoch
        self.encoder = build_encoder(encoder, packing)
        self.objective = build_objective(config, self.encoder, ROWS, length)
        self.roles = views.roles(policy, None)
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
            self.views.augment(self.rows[index], self.roles[role], generator)
            for role, count in self.objective.views
            for _ in range(count)
        ]
        return Batch(
            views, index, torch.where(index % 3 == 0, index % 2, -1) if self.objective.uses_labels else None
        )

    def run(self, start, stop):
        for step in range(start, stop):
            if step % self.epoch == 0:
                self.objective.before_epoch(step // self.epoch, self.features)
            torch.manual_seed(step)
            loss = self.objective(self.encoder, self.batch(step)).total
            assert loss.isfinite()
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.objective.after_step(self.encoder, (step + 1) / self.steps)
            self.losses.append(loss.item())


def resumes_bit_equal(make):
    """Train, keep the state in the middle, and train its second half again; the features [ROWS, D] at the end."""
    training = make()
    half = training.steps // 2
    training.run(0, half)
    parts = (training.encoder, training.objective, training.optimiser)
    state = copy.deepcopy([part.state_dict() for part in parts])
    training.run(half, training.steps)
    again = make()
    for part, own in zip((again.encoder, again.objective, again.optimiser), state, strict=True):
        part.load_state_dict(own)
    again.run(half, training.steps)
    assert again.losses == training.losses[half:]
    found = training.objective.exported(training.encoder).eval()(training.rows)
    assert found.std(dim=0).mean() > 1e-3
    return found
