"""The mean of the nearest labels as an encoder: that of a plain loop, and the same after it was saved and loaded."""

import numpy as np
import torch

from components.encoders import JoinedConfig, NearestMeanConfig, build_encoder
from components.encoders.nearest_mean import NearestMean
from components.encoders.rows import RowsConfig
from components.evaluation.regression.nearest import nearest_mean
from tests.components.modalities.table.toys import mixed, pack

ROWS, PACKING, _ = pack(mixed(60))


def made(k: int = 3) -> tuple[NearestMean, np.ndarray]:
    config = NearestMeanConfig.model_validate({"plain": {"name": "rows"}, "samples": 40, "k": k})
    encoder = build_encoder(config, PACKING)
    assert isinstance(encoder, NearestMean)
    targets = np.random.default_rng(0).normal(0, 1, 40)
    encoder.remember(encoder.plain(torch.from_numpy(ROWS[:40])), torch.from_numpy(targets))
    return encoder.eval(), targets


def test_the_feature_is_the_mean_of_the_k_nearest_labels() -> None:
    for k in (1, 3, 40):
        encoder, targets = made(k)
        seen = encoder.plain(torch.from_numpy(ROWS)).numpy()
        expected = nearest_mean(seen[:40], targets, seen[40:], k)
        found = encoder(torch.from_numpy(ROWS[40:]))
        assert found.shape == (20, 1)
        np.testing.assert_allclose(found[:, 0].numpy(), expected, rtol=1e-5)
    assert not encoder.learnt


def test_it_is_rebuilt_from_its_configuration_and_tensors_alone_or_in_company() -> None:
    encoder, _ = made()
    config = NearestMeanConfig(plain=RowsConfig(), samples=40, k=3)
    again = build_encoder(config, PACKING)
    again.load_state_dict(encoder.state_dict())
    x = torch.from_numpy(ROWS)
    assert torch.equal(again.eval()(x), encoder(x))
    members = {"members": [{"name": "rows"}, config.model_dump()]}
    both = build_encoder(JoinedConfig.model_validate(members), PACKING)
    assert both.feature_dim == build_encoder(RowsConfig(), PACKING).feature_dim + 1
