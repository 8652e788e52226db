"""Objectives on views of series: those of series and those of any kind of data train 20 steps, resume bit-equal and do
not collapse."""

import pytest
import torch

from components.encoders import build_encoder
from components.encoders.random_kernels import RandomKernelsConfig
from components.modalities.series.views import SeriesViews
from components.objectives import OBJECTIVES as REGISTERED
from components.objectives import build_objective
from components.objectives.base import Batch
from components.objectives.cpc import CpcConfig
from components.objectives.forecast import ForecastConfig
from components.objectives.masked_series import MaskedSeriesConfig
from components.objectives.temporal_order import TemporalOrderConfig
from components.objectives.ts2vec import Ts2vecConfig
from tests.components.objectives.cases import ANYWHERE, CASES
from tests.components.objectives.series import CAUSAL, CONV, PACKING, series
from tests.components.objectives.training import ROWS, B, Training, resumes_bit_equal

OF_SERIES = {
    "ts2vec": (Ts2vecConfig(), CONV),
    "cpc": (CpcConfig(latent=8), CAUSAL),
    "masked_series": (MaskedSeriesConfig(), CONV),
    "forecast": (ForecastConfig(), CAUSAL),
    "temporal_order": (TemporalOrderConfig(hidden=8), CONV),
}
ANY = {name: (CASES[name].config, CONV) for name in ANYWHERE}


def training_of(name):
    torch.manual_seed(0)
    config, encoder = (OF_SERIES | ANY)[name]
    return Training(config, encoder, PACKING, series(ROWS), SeriesViews(PACKING), "sensor", PACKING.length)


def test_every_objective_of_series_is_on_this_list():
    assert set(OF_SERIES) == {name for name in REGISTERED if REGISTERED[name].needs == "series"}


@pytest.mark.parametrize("name", [*OF_SERIES, *ANY])
def test_twenty_steps(name):
    found = resumes_bit_equal(lambda: training_of(name))
    assert torch.linalg.matrix_rank(found - found.mean(0)) >= 4


@pytest.mark.parametrize("name", OF_SERIES)
class TestObjectivesOfSeries:
    def test_gradient_reaches_every_parameter(self, name):
        training = training_of(name)
        training.objective(training.encoder, training.batch(0)).total.backward()
        for module in (training.encoder, training.objective):
            for key, parameter in module.named_parameters():
                assert parameter.grad is not None, key
                assert parameter.grad.isfinite().all(), key
                assert parameter.grad.abs().sum() > 0, key

    def test_the_order_of_the_batch_does_not_matter(self, name):
        training = training_of(name)
        order = torch.randperm(B, generator=torch.Generator().manual_seed(0))
        index = torch.arange(B)
        one = training.objective(training.encoder, Batch([training.rows[:B]], index)).total
        two = training.objective(training.encoder, Batch([training.rows[:B][order]], index[order])).total
        torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5)

    def test_empty_equal_and_short_series_stay_finite(self, name):
        training = training_of(name)
        for rows in (
            torch.full((B, 2, 9), torch.nan),
            training.rows[:1].expand(B, -1, -1),
            torch.ones(B, 2, 3),
            torch.randn(B, 2, 2),
        ):
            loss = training.objective(training.encoder, Batch([rows], torch.arange(B))).total
            loss.backward()
            assert loss.isfinite()
            assert all(p.grad.isfinite().all() for p in training.encoder.parameters() if p.grad is not None)

    def test_bfloat16_autocast_is_finite_and_near_float32(self, name):
        training = training_of(name)
        batch = Batch([training.rows[:B]], torch.arange(B))
        exact = training.objective(training.encoder, batch).total
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = training.objective(training.encoder, batch).total
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, exact, rtol=0.1, atol=0.1)

    def test_a_warm_start_carries_the_state_over(self, name):
        parent, child = training_of(name), training_of(name)
        parent.run(0, 3)
        child.objective.carry_over(parent.objective.state_dict())
        for key, value in child.objective.state_dict().items():
            assert key == "progress" or torch.equal(value, parent.objective.state_dict()[key]), key


def test_kernels_in_which_nothing_is_trained_take_any_objective():
    encoder = build_encoder(RandomKernelsConfig(groups=4, kernels=3), PACKING)
    config, _ = ANY["simclr"]
    objective = build_objective(config, encoder, ROWS, PACKING.length)
    rows = series(B)
    objective(encoder, Batch([rows, rows], torch.arange(B))).total.backward()
    assert all(p.grad is not None for p in objective.parameters())
