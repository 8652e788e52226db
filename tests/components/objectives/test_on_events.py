"""Objectives on views of histories: those of histories and those of any kind of data train 20 steps, resume bit-equal
and do not collapse."""

import pytest
import torch

from components.modalities.events.views import EventsViews
from components.objectives import OBJECTIVES
from components.objectives.base import Batch
from components.objectives.bert4rec import Bert4recConfig
from components.objectives.cl4srec import Cl4srecConfig
from components.objectives.sasrec import SasrecConfig
from tests.components.objectives.cases import ANYWHERE, CASES
from tests.components.objectives.histories import BOTH, CAUSAL, PACKING, events
from tests.components.objectives.training import ROWS, B, Training, resumes_bit_equal

OF_EVENTS = {
    "sasrec": (SasrecConfig(), CAUSAL),
    "sasrec, drawn": (SasrecConfig(negatives=4), CAUSAL),
    "bert4rec": (Bert4recConfig(), BOTH),
    "cl4srec": (Cl4srecConfig(), CAUSAL),
}
ANY = {name: (CASES[name].config, CAUSAL) for name in ANYWHERE}


def training_of(name):
    torch.manual_seed(0)
    config, encoder = (OF_EVENTS | ANY)[name]
    return Training(config, encoder, PACKING, events(ROWS), EventsViews(PACKING), "history", PACKING.length)


def test_every_objective_of_histories_is_on_this_list():
    here = {config.name for config, _ in OF_EVENTS.values()}
    assert here == {name for name in OBJECTIVES if OBJECTIVES[name].needs == "events"}


@pytest.mark.parametrize("name", [*OF_EVENTS, *ANY])
def test_twenty_steps(name):
    found = resumes_bit_equal(lambda: training_of(name))
    assert torch.linalg.matrix_rank(found - found.mean(0)) >= 4


@pytest.mark.parametrize("name", OF_EVENTS)
class TestObjectivesOfHistories:
    def test_gradient_reaches_every_parameter(self, name):
        training = training_of(name)
        training.objective(training.encoder, training.batch(0)).total.backward()
        for key, parameter in training.encoder.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key
            assert parameter.grad.abs().sum() > 0, key

    def test_empty_equal_and_short_histories_stay_finite(self, name):
        training = training_of(name)
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
        training = training_of(name)
        batch = training.batch(0)
        exact = training.objective(training.encoder, batch).total
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = training.objective(training.encoder, batch).total
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, exact, rtol=0.1, atol=0.1)
