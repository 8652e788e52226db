"""Losses of cells: by hand and by a slow loop; which cells are changed, how many and by what."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from components.encoders.resnet import Resnet, ResnetConfig
from components.encoders.table_mlp import TableMlp, TableMlpConfig
from components.errors import UserError
from components.modalities.image.config import ImagePacking
from components.objectives.parts.cells import (
    CellDecoder,
    OfCells,
    cell_losses,
    largest_share,
    mean_of,
    table_encoder,
)
from tests.components.modalities.table.toys import column, mixed, pack


@pytest.fixture(scope="module")
def made():
    rows, packing, _ = pack(mixed(300))
    torch.manual_seed(0)
    return torch.from_numpy(rows), packing, TableMlp(TableMlpConfig(width=8), packing)


def test_losses_by_hand():
    numbers, logits = torch.tensor([[0.0, 5.0]]), torch.zeros(1, 4 + 3)
    found = cell_losses((numbers, logits), torch.tensor([[1.0, np.nan]]), torch.tensor([[2, 0]]), [4, 3])
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0, math.log(4), 0.0]]))


def test_losses_by_a_slow_loop():
    generator = torch.Generator().manual_seed(0)
    numbers, logits = torch.randn(5, 2, generator=generator), torch.randn(5, 7, generator=generator)
    scores, codes = torch.randn(5, 2, generator=generator), torch.randint(0, 3, (5, 2), generator=generator)
    found = cell_losses((numbers, logits), scores, codes, [4, 3])
    for b in range(5):
        for n in range(2):
            assert found[b, n].item() == pytest.approx((numbers[b, n] - scores[b, n]).item() ** 2, rel=1e-5)
        for c, part in enumerate((logits[b, :4], logits[b, 4:])):
            wanted = 0.0 if codes[b, c] == 0 else -part.log_softmax(0)[codes[b, c]].item()
            assert found[b, 2 + c].item() == pytest.approx(wanted, rel=1e-5)


def test_the_mean_is_of_samples():
    losses = torch.tensor([[1.0, 3.0], [8.0, 5.0], [7.0, 7.0]])
    mask = torch.tensor([[True, True], [True, False], [False, False]])
    assert mean_of(losses, mask).item() == pytest.approx((2 + 8 + 0) / 3)


def test_missing_cells_take_no_gradient():
    numbers, logits = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, 3, requires_grad=True)
    cell_losses((numbers, logits), torch.tensor([[np.nan]]), torch.tensor([[0]]), [3]).sum().backward()
    assert numbers.grad.abs().sum() == 0
    assert logits.grad.abs().sum() == 0


def test_the_decoder_has_an_output_for_each_number_and_each_code(made):
    _, packing, encoder = made
    numbers, codes = CellDecoder(encoder, 0)(torch.zeros(3, 8))
    assert numbers.shape == (3, len(packing.numeric))
    assert codes.shape == (3, sum(packing.sizes))
    assert len(CellDecoder(encoder, 16).head) == 4
    assert len(CellDecoder(encoder, 0).head) == 1


def test_so_many_cells_of_each_row():
    u = torch.rand(500, 5, generator=torch.Generator().manual_seed(0))
    extra = torch.rand(500, 1, generator=torch.Generator().manual_seed(1))
    found = largest_share(u, 0.3, extra).sum(1)
    assert set(found.tolist()) == {1, 2}
    assert abs(found.float().mean() - 1.5) < 0.07
    assert (largest_share(u, 0.01, extra).sum(1) == 1).all()
    assert (largest_share(u, 0.99, extra).sum(1) == 4).all()
    assert abs(largest_share(u, 0.4, extra).float().mean(0) - 0.4).max() < 0.08  # every column alike
    with pytest.raises(UserError, match="rows of 2 features or more, got 1"):
        largest_share(u[:, :1], 0.3, extra)


def test_swapped_cells_are_drawn_from_their_column(made):
    x, packing, encoder = made
    torch.manual_seed(0)
    swapped, changed = OfCells(encoder).swapped(x, torch.arange(len(x)), 0.5)
    differ = (swapped != x) & ~(swapped.isnan() & x.isnan())
    assert torch.equal(changed, differ)
    size, colour = column(packing, "size"), column(packing, "colour")
    assert 0.4 < changed[:, size].float().mean() < 0.6
    assert set(swapped[:, colour].tolist()) == set(x[:, colour].tolist())
    assert x[:, size].min() <= swapped[:, size].min()
    assert swapped[:, size].max() <= x[:, size].max()


def test_chance_belongs_to_sample_and_step(made):
    x, _, encoder = made
    torch.manual_seed(0)
    objective, index = OfCells(encoder), torch.arange(len(x))
    whole = objective.hidden(x, index, 0.3)
    order = torch.randperm(len(x))
    assert torch.equal(objective.hidden(x[order], index[order], 0.3), whole[order])
    half = [objective.pick(x, index, 0.5, stream) for stream in (0, 1)]  # three cells of each row
    assert 0.3 < (half[0] == half[1]).float().mean() < 0.7
    objective.after_step(encoder, 0.1)
    assert not torch.equal(objective.hidden(x, index, 0.3), whole)


def test_masks_come_in_the_order_of_the_losses(made):
    x, packing, encoder = made
    mask = torch.zeros(1, len(packing.features), dtype=torch.bool)
    mask[0, packing.categorical[0]] = True
    found = OfCells(encoder).in_order(mask)[0]
    assert found.nonzero().flatten().tolist() == [len(packing.numeric)]
    assert F.one_hot(found.nonzero().flatten(), len(found)).bool().equal(found[None])
    del x


def test_another_encoder_is_refused():
    packing = ImagePacking(size=8, channels=1, mean=(0.5,), std=(0.5,))
    image = Resnet(ResnetConfig(widths=(4,), blocks=(1,)), packing)
    with pytest.raises(UserError, match="vime needs an encoder of rows of tables, got Resnet"):
        table_encoder(image, "vime")
