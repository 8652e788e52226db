"""Masked feature modelling: nothing of a hidden cell reaches the encoder, and only hidden cells count."""

import pytest
import torch

from components.encoders.ft_transformer import FtTransformer, FtTransformerConfig
from components.encoders.table_mlp import TableMlp, TableMlpConfig
from components.objectives.base import Batch
from components.objectives.masked_features import MaskedFeatures, MaskedFeaturesConfig
from tests.components.modalities.table.toys import mixed, pack

ENCODERS = {
    "table_mlp": lambda packing: TableMlp(TableMlpConfig(width=16), packing),
    "ft_transformer": lambda packing: FtTransformer(FtTransformerConfig(width=16, depth=1), packing),
}


@pytest.fixture(scope="module")
def data():
    rows, packing, _ = pack(mixed(200))
    return torch.from_numpy(rows), packing


def make(packing, encoder="table_mlp", **options):
    torch.manual_seed(0)
    built = ENCODERS[encoder](packing)
    return MaskedFeatures(MaskedFeaturesConfig(**options), built).eval(), built.eval()


@pytest.mark.parametrize("encoder", ENCODERS)
def test_hidden_cells_leak_nothing_into_the_prediction(data, encoder):
    x, packing = data
    objective, built = make(packing, encoder)
    index, predicted = torch.arange(len(x)), []
    objective.decoder.register_forward_hook(lambda module, given, found: predicted.append(found))
    objective(built, Batch([x], index))
    hide = objective.hidden(x, index, 0.3)
    other = torch.where(hide, x.roll(1, dims=0), x)
    assert not torch.equal(other.nan_to_num(-9), x.nan_to_num(-9))
    objective(built, Batch([other], index))
    for one, two in zip(*predicted, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_only_hidden_cells_count(data):
    """Another prediction of a cell that was not hidden does not change the loss."""
    x, packing = data
    objective, built = make(packing)
    index = torch.arange(len(x))
    hide = objective.in_order(objective.hidden(x, index, 0.3))
    numbers = len(packing.numeric)

    class Wrong(torch.nn.Module):
        def __init__(self, inner, where):
            super().__init__()
            self.inner, self.where = inner, where

        def forward(self, features):
            guessed, codes = self.inner(features)
            return torch.where(self.where, guessed + 100, guessed), codes

    base = objective(built, Batch([x], index)).total
    inner = objective.decoder
    objective.decoder = Wrong(inner, ~hide[:, :numbers])
    assert objective(built, Batch([x], index)).total == base
    objective.decoder = Wrong(inner, hide[:, :numbers])
    assert objective(built, Batch([x], index)).total > base + 100


def test_the_share_that_is_hidden(data):
    x, packing = data
    objective, _ = make(packing, masked=0.5)
    found = objective.hidden(x.expand(-1, -1), torch.arange(len(x)), 0.5).float().mean()
    assert abs(found - 0.5) < 0.03


def test_what_depends_on_other_columns_is_learnt():
    rows, packing, _ = pack([{"a": str(k % 7), "b": str(k % 7), "c": "xyz"[k % 7 // 3]} for k in range(210)])
    x = torch.from_numpy(rows)
    torch.manual_seed(0)
    encoder = TableMlp(TableMlpConfig(width=32), packing)
    objective = MaskedFeatures(MaskedFeaturesConfig(hidden=32), encoder)
    optimiser = torch.optim.Adam([*encoder.parameters(), *objective.parameters()], lr=5e-3)
    losses = []
    for _ in range(150):
        loss = objective(encoder, Batch([x], torch.arange(len(x)))).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        objective.after_step(encoder, 0.5)
        losses.append(loss.item())
    assert sum(losses[-20:]) < 0.5 * sum(losses[:20])
