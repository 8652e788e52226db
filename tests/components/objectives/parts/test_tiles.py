"""Tiles: cut as in a loop, levelled to what the encoder calls mean 0 and deviation 1."""

import torch

from components.encoders.base import Encoder
from components.objectives.parts.tiles import cut, enlarged, levelled, tile_features


def test_cut_equals_slices():
    x = torch.rand(3, 2, 7, 7)
    top, left = torch.tensor([[0, 4], [1, 2], [3, 0]]), torch.tensor([[4, 0], [2, 2], [1, 3]])
    tiles = cut(x, top, left, 3)
    assert tiles.shape == (3, 2, 2, 3, 3)
    for b in range(3):
        for t in range(2):
            i, j = int(top[b, t]), int(left[b, t])
            assert torch.equal(tiles[b, t], x[b, :, i : i + 3, j : j + 3])


def test_enlarging_interpolates_linearly_and_leaves_what_is_large_enough():
    x = torch.tensor([[0.0, 1.0], [0.0, 1.0]])[None, None]
    expected = torch.tensor([0.0, 0.25, 0.75, 1.0]).expand(1, 1, 4, 4)  # of pixels whose middles lie between
    torch.testing.assert_close(enlarged(x, 4), expected)
    assert enlarged(x, 2) is x
    assert enlarged(x, 1) is x


def test_a_levelled_tile_is_standard_for_the_encoder_however_bright_it_was():
    encoder = Encoder(2, [0.5, 0.2], [0.3, 0.1])
    tiles = torch.rand(4, 3, 2, 5, 5)
    seen = encoder.standardised(levelled(tiles, encoder).flatten(0, 1)).flatten(1)
    torch.testing.assert_close(seen.mean(dim=1), torch.zeros(12), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.std(dim=1, correction=0), torch.ones(12), atol=2e-3, rtol=0)
    other = levelled(0.5 * tiles + 0.3, encoder)
    torch.testing.assert_close(other, levelled(tiles, encoder), atol=3e-3, rtol=0)


def test_a_flat_tile_stays_flat_and_its_gradient_finite():
    flat = torch.full((1, 1, 1, 3, 3), 0.7, requires_grad=True)
    found = levelled(flat, Encoder(1, [0.5], [0.3]))
    torch.testing.assert_close(found, torch.full_like(flat, 0.5))
    found[..., 0, 0].sum().backward()
    assert torch.isfinite(flat.grad).all()


def test_features_of_a_samples_tiles_lie_side_by_side():
    class Mean(Encoder):
        def forward(self, x):
            return torch.stack([x[:, 0, 0, 0], x[:, 0, 1, 1]], dim=1)

    encoder = Mean(1, [0.5], [0.3])
    tiles = torch.rand(2, 3, 1, 2, 2)
    level = levelled(tiles, encoder)[:, :, 0]
    expected = torch.stack([level[:, :, 0, 0], level[:, :, 1, 1]], dim=2)  # [B, T, 2]
    torch.testing.assert_close(tile_features(encoder, tiles), expected.reshape(2, 6))
