"""What every encoder of rows promises: features of the promised size, whatever is missing or unknown; the same for a
row alone and in a batch; a state that loads without pickle."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from components.encoders.ft_transformer import FtTransformer, FtTransformerConfig
from components.encoders.rows import Rows, RowsConfig
from components.encoders.table_mlp import TableMlp, TableMlpConfig
from components.registry import onnx
from tests.components.modalities.table.toys import mixed, pack

BUILD = {
    "piecewise": lambda packing: TableMlp(TableMlpConfig(width=16, bins=4, numbers="piecewise"), packing),
    "periodic": lambda packing: TableMlp(TableMlpConfig(width=16, bins=4, numbers="periodic"), packing),
    "scores": lambda packing: TableMlp(
        TableMlpConfig(width=16, numbers="scores", norm=False, dropout=0.1), packing
    ),
    "ft_transformer": lambda packing: FtTransformer(
        FtTransformerConfig(width=16, depth=2, dropout=0.1), packing
    ),
    "rows": lambda packing: Rows(RowsConfig(), packing),
}


@pytest.fixture(scope="module")
def rows():
    packed, packing, _ = pack(mixed(200))
    return torch.from_numpy(packed), packing


@pytest.fixture(params=BUILD)
def encoder(request, rows):
    torch.manual_seed(0)
    return BUILD[request.param](rows[1]).eval()


def test_size_and_finite(encoder, rows):
    found = encoder(rows[0])
    assert found.shape == (200, encoder.feature_dim)
    assert found.isfinite().all()
    assert found.std(dim=0).max() > 0


def test_a_row_of_missing_values_and_one_of_unknown_ones(encoder, rows):
    strange = torch.stack([torch.full_like(rows[0][0], value) for value in (np.nan, 1e30, -1e30, 1e5)])
    assert encoder(strange).isfinite().all()


def test_a_row_alone_and_in_a_batch(encoder, rows):
    found = encoder(rows[0])
    torch.testing.assert_close(encoder(rows[0][7:8]), found[7:8], atol=1e-5, rtol=0)
    torch.testing.assert_close(encoder(rows[0].flip(0)), found.flip(0), atol=1e-5, rtol=0)


def test_the_state_carries_the_quantiles(encoder, rows):
    other = pack(mixed(200, seed=1), before=rows[1])[1]
    fresh = type(encoder)(encoder.config, other).eval()
    assert not torch.equal(fresh.grid, encoder.grid)
    fresh.load_state_dict(load(save(encoder.state_dict())))
    torch.testing.assert_close(fresh(rows[0]), encoder(rows[0]), rtol=0, atol=0)


def test_each_feature_matters(encoder, rows):
    """A change of a cell changes the feature; so does taking it away."""
    x, packing = rows
    base = encoder(x[:50])
    for place, feature in enumerate(packing.features):
        if feature.part != "value":
            continue
        for value in (np.nan, x[:, place].nan_to_num(0).max().item() if feature.categories else -0.77):
            other = x[:50].clone()
            other[:, place] = value
            differ = (encoder(other) - base).abs().amax(dim=1) > 1e-6
            changed = (other[:, place] != x[:50, place]) & ~(other[:, place].isnan() & x[:50, place].isnan())
            assert differ[changed].float().mean() > 0.9, (feature.name, value)


def test_gradients_reach_every_parameter(encoder, rows):
    if not list(encoder.parameters()):
        return
    encoder.train()
    (encoder(rows[0]) ** 2).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_onnxruntime_gives_the_same_features(encoder, rows, tmp_path):
    x = rows[0][:40].clone()
    x[::7] = torch.nan
    x[1::7] = 1e5
    assert onnx.export_encoder(encoder, x, tmp_path / "e.onnx") <= 1e-5


def test_units_do_not_matter(rows):
    given = mixed(200)
    in_grams = [{**row, "size": f"{1000 * float(row['size']):.0f}"} for row in given]
    packed, packing, _ = pack(in_grams)
    torch.manual_seed(0)
    one = TableMlp(TableMlpConfig(width=16), rows[1]).eval()
    torch.manual_seed(0)
    two = TableMlp(TableMlpConfig(width=16), packing).eval()
    torch.testing.assert_close(one(rows[0]), two(torch.from_numpy(packed)), atol=1e-3, rtol=0)


@pytest.mark.parametrize("only", ["size", "colour"])
def test_numbers_alone_and_categories_alone(only):
    packed, packing, _ = pack([{only: row[only]} for row in mixed()])
    for build in BUILD.values():
        assert build(packing).eval()(torch.from_numpy(packed)).isfinite().all()
