"""VIME: both terms by hand, the mask is of what differs, the target is the clean row."""

import math

import pytest
import torch

from components.encoders.table_mlp import TableMlp, TableMlpConfig
from components.objectives.base import Batch
from components.objectives.parts.cells import cell_losses
from components.objectives.vime import Vime, VimeConfig, mask_loss
from tests.components.modalities.table.toys import mixed, pack


@pytest.fixture(scope="module")
def data():
    rows, packing, _ = pack(mixed(200))
    return torch.from_numpy(rows), packing


def make(packing, **options):
    torch.manual_seed(0)
    encoder = TableMlp(TableMlpConfig(width=16), packing)
    return Vime(VimeConfig(**options), encoder).eval(), encoder.eval()


def test_golden_values_of_the_mask():
    logits = torch.tensor([[0.0, 2.0], [-1.0, 3.0]])
    mask = torch.tensor([[True, True], [False, False]])
    wanted = [math.log(2), math.log(1 + math.exp(-2)), math.log(1 + math.exp(-1)), math.log(1 + math.exp(3))]
    assert mask_loss(logits, mask).item() == pytest.approx(sum(wanted) / 4, abs=1e-6)  # 1.0454811
    assert mask_loss(torch.zeros(3, 4), torch.ones(3, 4, dtype=torch.bool)).item() == pytest.approx(
        math.log(2)
    )


def test_golden_value_of_the_reconstruction():
    """Two samples: errors 1 and ln 3 of two cells, error 4 of one; mean of 1.0493 and 4."""
    losses = cell_losses(
        (torch.tensor([[0.0], [2.0]]), torch.zeros(2, 3)),
        torch.tensor([[1.0], [4.0]]),
        torch.tensor([[1], [0]]),
        [3],
    )
    assert losses.tolist() == [[1.0, pytest.approx(math.log(3))], [4.0, 0.0]]


def test_the_loss_is_mask_plus_alpha_times_reconstruction(data):
    x, packing = data
    objective, encoder = make(packing, alpha=3.0)
    losses = objective(encoder, Batch([x], torch.arange(len(x))))
    corrupted, changed = objective.swapped(x, torch.arange(len(x)), 0.3)
    features = encoder(corrupted)
    mask = torch.nn.functional.binary_cross_entropy(objective.mask(features).sigmoid(), changed.float())
    each = cell_losses(objective.decoder(features), encoder.scores(x), encoder.codes(x), encoder.sizes)
    there = torch.cat([~encoder.scores(x).isnan(), encoder.codes(x) > 0], dim=1)
    reconstruction = ((each * there).sum(1) / there.sum(1)).mean()
    assert losses.parts["mask"].item() == pytest.approx(mask.item(), rel=1e-4)
    assert losses.parts["reconstruction"].item() == pytest.approx(reconstruction.item(), rel=1e-5)
    assert losses.total.item() == pytest.approx(mask.item() + 3 * reconstruction.item(), rel=1e-4)


def test_the_encoder_sees_the_corrupted_row_alone(data):
    """The values that were replaced do not reach the encoder: with others in their place it sees the same."""
    x, packing = data
    objective, encoder = make(packing)
    index, seen = torch.arange(len(x)), []
    encoder.register_forward_pre_hook(lambda module, given: seen.append(given[0].clone()))
    objective(encoder, Batch([x], index))
    swap = objective.pick(x, index, 0.3, 0)
    other = torch.where(swap, x.roll(1, dims=0), x)
    objective(encoder, Batch([other], index))
    torch.testing.assert_close(seen[0], seen[1], rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(other.nan_to_num(-9), x.nan_to_num(-9))


def test_published_options():
    assert (VimeConfig().corrupt, VimeConfig().alpha, VimeConfig().hidden) == (0.3, 2.0, 0)
    assert Vime.views == (("plain", 1),)
