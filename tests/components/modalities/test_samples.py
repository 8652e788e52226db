"""Packed samples where they lie: handed to another process as JSON, they give the same views there."""

from pathlib import Path

import numpy as np
import torch

from components.modalities.image.config import ARRAY, image_packing
from components.modalities.image.views import ImageViews
from components.modalities.samples import Samples


def test_what_json_holds_opens_the_same_samples(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (6, 3, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "x.npy", rows)
    samples = Samples(packing=image_packing(3, size=8), files={ARRAY: tmp_path / "x.npy"})
    again = Samples.model_validate_json(samples.model_dump_json())
    assert again == samples
    assert type(again.views) is ImageViews
    assert again.views.packing == samples.packing
    assert len(again.open()) == 6
    packed = again.open(np.array([5, 1]))
    assert torch.equal(packed.gather(torch.tensor([1])), torch.from_numpy(rows[[1]]))
    found = again.clean(np.array([5, 1, 1]))
    torch.testing.assert_close(found, torch.from_numpy(rows[[5, 1, 1]]).float() / 255)
