"""Jigsaw: the list of permutations against every possible one, tiles against slices, labels against tiles."""

import itertools
import math

import pytest
import torch
from torch import nn

from components.encoders.base import Encoder
from components.objectives import jigsaw
from components.objectives.base import Batch
from components.objectives.jigsaw import Jigsaw, JigsawConfig, far_apart, scattered
from components.objectives.parts.tiles import enlarged


def distances(permutations):
    pairs = itertools.combinations(permutations.tolist(), 2)
    return [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairs]


@pytest.mark.parametrize(("tiles", "count"), [(3, 2), (3, 3), (3, 4), (4, 3), (4, 4), (4, 5)])
def test_no_list_of_permutations_is_further_apart(tiles, count):
    """Against all lists with the identity (renaming tiles brings any list to such a one)."""
    found = distances(far_apart(tiles, count))
    others = list(itertools.permutations(range(tiles)))[1:]
    table = {(a, b): sum(x != y for x, y in zip(a, b, strict=True)) for a in others for b in others}
    start = {a: sum(x != y for x, y in enumerate(a)) for a in others}
    best = 0, 0
    for chosen in itertools.combinations(others, count - 1):
        apart = [start[a] for a in chosen] + [table[pair] for pair in itertools.combinations(chosen, 2)]
        best = max(best, (min(apart), sum(apart)))
    assert (min(found), sum(found)) == best


def test_each_next_one_is_the_farthest_by_the_least_and_then_by_the_sum_of_distances():
    every = list(itertools.permutations(range(4)))
    chosen = [every[0]]
    while len(chosen) < 8:
        apart = [[sum(a != b for a, b in zip(new, old, strict=True)) for old in chosen] for new in every]
        chosen.append(every[max(range(24), key=lambda k: (min(apart[k]), sum(apart[k]), -k))])
    assert far_apart(4, 8).tolist() == [list(p) for p in chosen]


@pytest.mark.parametrize(("tiles", "count"), [(4, 4), (4, 24), (9, 9)])
def test_they_are_permutations_all_different_the_identity_first(tiles, count):
    found = far_apart(tiles, count)
    assert found.shape == (count, tiles)
    assert found[0].tolist() == list(range(tiles))
    assert (found.sort(dim=1).values == torch.arange(tiles)).all()
    assert len({tuple(row) for row in found.tolist()}) == count
    assert count > tiles or set(distances(found)) == {tiles}  # a Latin square
    assert tiles > 4 or torch.equal(found, far_apart.__wrapped__(tiles, count))  # no chance in it


def test_tiles_lie_where_chance_says_inside_their_cells():
    x = torch.rand(2, 1, 11, 11)
    chance = torch.rand(2, 9, 2)
    chance[0, 0], chance[0, 8] = 0, 0.999999
    tiles = scattered(x, chance, grid=3, side=2)
    for b in range(2):
        for t in range(9):
            down, right = (int(float(c) * 2) for c in chance[b, t])  # 2 places: a cell of 3, a tile of 2
            i, j = t // 3 * 3 + down, t % 3 * 3 + right
            assert torch.equal(tiles[b, t, 0], x[b, 0, i : i + 2, j : j + 2])
    assert torch.equal(tiles[0, 8, 0], x[0, 0, 7:9, 7:9])


class Which(Encoder):
    """Feature: 1 at the number that a tile's pattern stands for."""

    feature_dim = 4

    def __init__(self):
        super().__init__(1, [0.0], [1.0])

    def forward(self, x):
        return nn.functional.one_hot(x.flatten(1).argmax(dim=1), 4).float()


def test_a_head_that_knows_the_places_finds_the_permutation_and_every_one_is_drawn():
    """Tile t of every image is bright at its pixel t, so that the features say the order."""
    x = torch.zeros(60, 1, 4, 4)
    for t, (i, j) in enumerate([(0, 0), (0, 3), (3, 0), (3, 3)]):
        x[:, 0, i, j] = 1
        assert divmod(t, 2) == (i % 2, j % 2)
    torch.manual_seed(0)
    objective = Jigsaw(JigsawConfig(grid=2, cell=2, tile=2, permutations=6), Which())
    head = nn.Linear(16, 6)
    with torch.no_grad():  # the score of permutation k: how many of its tiles lie where it puts them
        head.weight.copy_(20 * nn.functional.one_hot(objective.permutations, 4).flatten(1).float())
        head.bias.zero_()
    objective.head = head
    batch = Batch([x], torch.arange(60))
    assert objective(Which(), batch).total < 1e-6
    drawn = (objective.chance.uniform(batch.index, stream=1) * 6).long()
    assert set(drawn.tolist()) == set(range(6))
    first = objective.chance.uniform(batch.index, 2)
    objective.after_step(Which(), 0.1)
    assert not torch.equal(first, objective.chance.uniform(batch.index, 2))


def test_published_proportions_and_what_does_not_fit():
    config = JigsawConfig()
    assert (config.grid, config.sides(225)) == (3, (75, 64))
    assert (config.sides(36), config.permutations) == ((12, 10), 100)
    assert Jigsaw(JigsawConfig(grid=2, permutations=5), Which()).collapse_loss == pytest.approx(math.log(5))
    with pytest.raises(ValueError, match="a cell of 4 pixels"):
        JigsawConfig(cell=4, tile=5)
    with pytest.raises(ValueError, match="4 tiles have 24 permutations, got permutations = 25"):
        JigsawConfig(grid=2, permutations=25)


class Brightness(Which):
    def forward(self, x):
        return x.mean(dim=(1, 2, 3)).unsqueeze(1).expand(-1, 4)


@pytest.mark.parametrize(
    ("size", "cell", "tile", "side"),
    [(1, 12, 10, 36), (28, 12, 10, 36), (36, 12, 10, 36), (37, 13, 11, 39), (64, 22, 19, 66)],
)
def test_a_view_of_any_size_is_enlarged_to_whole_cells(size, cell, tile, side, monkeypatch):
    """Cells of the view's third, rounded up, and of 12 pixels at least."""
    seen = []
    monkeypatch.setattr(
        jigsaw,
        "scattered",
        lambda x, chance, grid, side: seen.append((x, side)) or scattered(x, chance, grid, side),
    )
    assert JigsawConfig().sides(size) == (cell, tile)
    torch.manual_seed(0)
    x = torch.rand(2, 1, size, size)
    Jigsaw(JigsawConfig(permutations=2), Brightness())(Brightness(), Batch([x], torch.arange(2)))
    (cells, told), *_ = seen
    assert (cells.shape, told) == ((2, 1, side, side), tile)
    assert torch.equal(cells, enlarged(x, side))
    assert (cells is x) == (size == 36)
