"""The denoising autoencoder of rows: the target is the clean row, all of it that is there."""

import pytest
import torch

from components.encoders.table_mlp import TableMlp, TableMlpConfig
from components.objectives.base import Batch
from components.objectives.table_denoising import TableDenoising, TableDenoisingConfig
from tests.components.modalities.table.toys import mixed, pack


@pytest.fixture(scope="module")
def data():
    rows, packing, _ = pack(mixed(200))
    return torch.from_numpy(rows), packing


def make(packing):
    torch.manual_seed(0)
    encoder = TableMlp(TableMlpConfig(width=16), packing)
    return TableDenoising(TableDenoisingConfig(), encoder).eval(), encoder.eval()


def test_a_perfect_guess_of_the_clean_row_costs_nothing(data):
    x, packing = data
    objective, encoder = make(packing)
    codes = encoder.codes(x)
    logits = [50.0 * torch.nn.functional.one_hot(codes[:, c], size) for c, size in enumerate(encoder.sizes)]

    class Clean(torch.nn.Module):
        def forward(self, features):
            return encoder.scores(x).nan_to_num(7.0) + 0 * features.sum(), torch.cat(logits, dim=1)

    objective.decoder = Clean()
    assert objective(encoder, Batch([x], torch.arange(len(x)))).total.item() < 1e-6


def test_what_was_replaced_does_not_reach_the_encoder(data):
    x, packing = data
    objective, encoder = make(packing)
    index, seen = torch.arange(len(x)), []
    encoder.register_forward_pre_hook(lambda module, given: seen.append(given[0].clone()))
    objective(encoder, Batch([x], index))
    other = torch.where(objective.pick(x, index, 0.3, 0), x.roll(1, dims=0), x)
    objective(encoder, Batch([other], index))
    torch.testing.assert_close(seen[0], seen[1], rtol=0, atol=0, equal_nan=True)
    assert ((seen[0] != x) & ~x.isnan()).float().mean() > 0.1


def test_every_step_corrupts_anew(data):
    x, packing = data
    objective, encoder = make(packing)
    batch = Batch([x], torch.arange(len(x)))
    first = objective(encoder, batch).total
    assert objective(encoder, batch).total == first
    objective.after_step(encoder, 0.1)
    assert objective(encoder, batch).total != first
