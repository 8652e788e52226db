"""Whether mirrored and turned images can be told from the others: known cases, and the policy that follows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from components.modalities.image.config import image_packing
from components.modalities.image.views import ImageViews
from components.modalities.samples import Samples
from components.training.orientation import (
    FEWEST,
    LIKE,
    Orientation,
    _share_told_apart,
    orientation,
    suggested,
    transformed,
)


def made(n: int, seed: int = 0, mirror: bool = False, turns: bool = False) -> np.ndarray:
    """[n, 1, 16, 16] noise with an L of light; with mirror, half of them mirrored; with turns, in all eight ways."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 80, (n, 1, 16, 16), dtype=np.uint8)
    images[:, 0, 3:13, 4:6] = 220
    images[:, 0, 11:13, 4:12] = 220
    for i in range(n):
        if (mirror or turns) and rng.random() < 0.5:
            images[i, 0] = images[i, 0, :, ::-1]
        if turns:
            images[i, 0] = np.rot90(images[i, 0], rng.integers(4))
    return images


def test_the_eight_symmetries_are_eight_and_named_as_promised() -> None:
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert len({tuple(transformed(x, g).flatten().tolist()) for g in range(8)}) == 8
    assert torch.equal(transformed(x, 0), x)
    assert torch.equal(transformed(x, 4), x.flip(3))
    assert torch.equal(transformed(x, 6), x.flip(2))
    assert torch.equal(transformed(x, 1), torch.rot90(x, 1, dims=(2, 3)))


def test_pairs_are_counted_by_hand() -> None:
    """Two samples; the first is told from its mirror image both ways, the second one way and equal the other."""
    logits = torch.zeros(8, 2, 8)
    logits[0, 0, 0], logits[4, 0, 4] = 1.0, 1.0
    logits[0, 1, 4] = 1.0  # the sample as it is looks mirrored: wrong
    assert _share_told_apart(logits, 4) == pytest.approx((1 + 1 + 0 + 0.5) / 4)


@pytest.mark.parametrize(
    ("how", "policy"), [({}, "upright"), ({"mirror": True}, "photo"), ({"turns": True}, "any_way_up")]
)
def test_the_symmetries_that_the_data_have_are_found(how: dict[str, bool], policy: str) -> None:
    found = orientation(made(300, **how))
    assert found is not None
    assert found.policy == policy
    assert found.error == pytest.approx(0.5 / 150**0.5)
    for share in (found.mirror, found.upside_down, found.quarter_turn):
        assert share < LIKE or share > 0.9  # no close call


def test_the_boldest_policy_whose_symmetries_hold() -> None:
    def policy(mirror: float, upside_down: float, quarter: float) -> str:
        return Orientation(mirror=mirror, upside_down=upside_down, quarter_turn=quarter, error=0.01).policy

    assert policy(0.5, 0.5, 0.5) == "any_way_up"
    assert policy(0.5, 0.9, 0.5) == "photo"
    assert policy(0.5, 0.5, 0.9) == "photo"
    assert policy(0.9, 0.5, 0.5) == "upright"


def samples(images: np.ndarray, folder: Path) -> Samples:
    np.save(folder / "images.npy", images)
    packing = image_packing(images.shape[1], [0.5], [0.5], images.shape[-1])
    return Samples(packing=packing, files={"images": folder / "images.npy"})


def test_too_few_samples_get_the_most_careful_policy(tmp_path: Path) -> None:
    images = made(FEWEST - 1)
    assert orientation(images) is None
    assert suggested(samples(images, tmp_path), np.arange(len(images))) == ("upright", None)


def test_where_samples_have_no_such_symmetries_nothing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageViews, "symmetries", False)
    given = samples(made(120), tmp_path)
    assert suggested(given, np.arange(120)) == ("upright", None)


def test_the_same_figures_again_whatever_was_drawn_before() -> None:
    first = orientation(made(120))
    torch.rand(3)
    assert orientation(made(120)) == first


def test_only_the_rows_that_are_given_are_looked_at(tmp_path: Path) -> None:
    images = np.concatenate([made(200), made(200, turns=True)])
    assert suggested(samples(images, tmp_path), np.arange(200, 400))[0] == "any_way_up"
