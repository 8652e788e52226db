"""Objectives on views of histories: those of histories and those of any kind of data train 20 steps, resume bit-equal
and do not collapse."""

import copy

import pytest
import torch

from components.encoders import build_encoder
from components.modalities.events.views import EventsViews
from components.objectives import OBJECTIVES, build_objective
from components.objectives.base import Batch
from components.objectives.bert4rec import Bert4recConfig
from components.objectives.cl4srec import Cl4srecConfig
from components.objectives.sasrec import SasrecConfig
from tests.components.objectives.cases import ANYWHERE, CASES
from tests.components.objectives.histories import BOTH, CAUSAL, PACKING, events

OF_EVENTS = {
    "sasrec": (SasrecConfig(), CAUSAL),
    "sasrec, drawn": (SasrecConfig(negatives=4), CAUSAL),
    "bert4rec": (Bert4recConfig(), BOTH),
    "cl4srec": (Cl4srecConfig(), CAUSAL),
}
ANY = {name: (CASES[name].config, CAUSAL) for name in ANYWHERE}
STEPS, B, ROWS = 20, 16, 48


class Training:
    def __init__(self, name):
        torch.manual_seed(0)
        config, encoder = (OF_EVENTS | ANY)[name]
        self.rows = events(ROWS)
        self.encoder = build_encoder(encoder, PACKING)
        self.objective = build_objective(config, self.encoder, ROWS, PACKING.length)
        self.views = EventsViews(PACKING)
        self.roles = self.views.roles("history", None)
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
            if step % 5 == 0:
                self.objective.before_epoch(step // 5, self.features)
            torch.manual_seed(step)
            loss = self.objective(self.encoder, self.batch(step)).total
            assert loss.isfinite()
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.objective.after_step(self.encoder, (step + 1) / STEPS)
            self.losses.append(loss.item())


def test_every_objective_of_histories_is_on_this_list():
    here = {config.name for config, _ in OF_EVENTS.values()}
    assert here == {name for name in OBJECTIVES if OBJECTIVES[name].needs == "events"}


@pytest.mark.parametrize("name", [*OF_EVENTS, *ANY])
def test_twenty_steps(name):
    training = Training(name)
    training.run(0, 10)
    parts = (training.encoder, training.objective, training.optimiser)
    state = copy.deepcopy([part.state_dict() for part in parts])
    training.run(10, STEPS)
    again = Training(name)
    for part, own in zip((again.encoder, again.objective, again.optimiser), state, strict=True):
        part.load_state_dict(own)
    again.run(10, STEPS)
    assert again.losses == training.losses[10:]
    found = training.objective.exported(training.encoder).eval()(training.rows)
    assert found.std(dim=0).mean() > 1e-3
    assert torch.linalg.matrix_rank(found - found.mean(0)) >= 4


@pytest.mark.parametrize("name", OF_EVENTS)
class TestObjectivesOfHistories:
    def test_gradient_reaches_every_parameter(self, name):
        training = Training(name)
        training.objective(training.encoder, training.batch(0)).total.backward()
        for key, parameter in training.encoder.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key
            assert parameter.grad.abs().sum() > 0, key

    def test_empty_equal_and_short_histories_stay_finite(self, name):
        training = Training(name)
        for rows in (
            torch.zeros(B, 9, dtype=torch.int64),
            training.rows[:1].expand(B, -1),
            torch.full((B, 1), 3),
            torch.full((B, 4), 1),
        ):
            views = [rows for _, count in training.objective.views for _ in range(count)]
            loss = training.objective(training.encoder, Batch(views, torch.arange(B))).total
            loss.backward()
            assert loss.isfinite()
            assert all(p.grad.isfinite().all() for p in training.encoder.parameters() if p.grad is not None)

    def test_bfloat16_autocast_is_finite_and_near_float32(self, name):
        training = Training(name)
        batch = training.batch(0)
        exact = training.objective(training.encoder, batch).total
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = training.objective(training.encoder, batch).total
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, exact, rtol=0.1, atol=0.1)
