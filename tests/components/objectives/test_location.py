"""Location: where the two patches lie, for every place and every draw of chance, and what it is called."""

import itertools
import math

import pytest
import torch

from components.encoders.base import Encoder
from components.objectives import location
from components.objectives.base import Batch
from components.objectives.location import PLACES, Location, LocationConfig, corners
from components.objectives.parts.tiles import cut, enlarged

SMALL = LocationConfig(patch=4, gap=2, jitter=1)  # 12 + 4 + 2: room 2 in a view of 20


def test_the_places_are_the_eight_around_the_middle():
    assert set(PLACES) == set(itertools.product((-1, 0, 1), repeat=2)) - {(0, 0)}
    assert len(PLACES) == 8


def test_without_chance_the_neighbour_is_one_patch_and_one_gap_away():
    place = torch.arange(8)
    middle = torch.full((8, 3, 2), 0.5)  # jitter 0, the whole in the middle of its room
    top, left = corners(place, middle, SMALL, 20)
    assert (top[:, 0] == 1 + 1 + 6).all()  # room / 2 + jitter + a patch and a gap
    assert (left[:, 0] == 8).all()
    moved = torch.stack([top[:, 1] - top[:, 0], left[:, 1] - left[:, 0]], dim=1)
    assert moved.tolist() == [[6 * down, 6 * right] for down, right in PLACES]


def test_jitter_and_the_whole_stay_in_bounds_and_reach_them():
    place = torch.arange(8).repeat(400)
    chance = torch.rand(3200, 3, 2, generator=torch.Generator().manual_seed(0))
    top, left = corners(place, chance, SMALL, 20)
    for start in (top, left):
        assert start.min() == 0
        assert start.max() == 20 - 4
        assert set(start[:, 0].tolist()) == {6, 7, 8, 9, 10}  # the same whatever the place
    apart = (top[:, 1] - top[:, 0])[torch.tensor([d for d, _ in PLACES])[place] == 1]
    assert set(apart.tolist()) == {4, 5, 6, 7, 8}  # the gap is 2, give or take both patches' jitter


class Ramp(Encoder):
    """Feature: the value at the patch's corner."""

    feature_dim = 2

    def __init__(self):
        super().__init__(2, [0.0, 0.0], [1.0, 1.0])

    def forward(self, x):
        return x[:, :, 0, 0]


def test_the_class_is_the_place_of_the_second_patch_and_all_are_drawn(monkeypatch):
    """Images whose two channels say the row and the column: a difference of features is the place."""
    monkeypatch.setattr("components.objectives.parts.tiles.levelled", lambda tiles, encoder: tiles)
    torch.manual_seed(0)
    objective = Location(SMALL, Ramp())
    place = torch.arange(18.0)
    x = torch.stack([place.unsqueeze(1).expand(18, 18), place.expand(18, 18)]).expand(50, -1, -1, -1)

    class Difference(torch.nn.Module):
        def forward(self, features):
            moved = ((features[:, 2:] - features[:, :2]) / 6).round().clamp(-1, 1)
            return 20 * (moved.unsqueeze(1) == torch.tensor(PLACES)).all(dim=2).float()

    objective.head = Difference()
    assert objective(Ramp(), Batch([x], torch.arange(50))).total < 1e-6
    assert set((objective.chance.uniform(torch.arange(50), stream=1) * 8).long().tolist()) == set(range(8))


def test_published_proportions_and_what_does_not_fit():
    config = LocationConfig()
    assert (config.patch, config.gap, config.jitter) == (8, 4, 1)  # 96, 48 and 7, divided by 12 (and .6 by 1)
    assert config.patch / config.gap == 96 / 48
    assert Location(config, Ramp()).collapse_loss == pytest.approx(math.log(8))


@pytest.mark.parametrize(
    ("config", "smallest", "room"),
    [
        (LocationConfig(), 36, 2),  # gaps around the patches, too
        (LocationConfig(jitter=3), 38, 0),  # two gaps, and jitter at both ends
        (SMALL, 18, 0),
    ],
)
def test_a_smaller_view_is_enlarged_and_a_larger_one_stays(config, smallest, room, monkeypatch):
    assert (config.smallest, config.room(smallest)) == (smallest, room)
    seen = []
    monkeypatch.setattr(location, "cut", lambda x, *rest: seen.append(x) or cut(x, *rest))
    for size in (smallest - 5, smallest, smallest + 5):
        x = torch.rand(2, 2, size, size)
        Location(config, Ramp())(Ramp(), Batch([x], torch.arange(2)))
        side = max(size, smallest)
        assert seen[-1].shape == (2, 2, side, side)
        assert torch.equal(seen[-1], enlarged(x, side))
