"""A look at somebody's images."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.modalities.image import file as image_file
from pipelines.onboarding.kinds import named
from pipelines.onboarding.survey import survey


def test_each_image_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for number in range(5):
        Image.fromarray(rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    Image.fromarray(rng.integers(0, 4096, (8, 9)).astype(np.uint16)).save(tmp_path / "deep.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    opened = []
    real = Image.open

    def counting(file: io.BytesIO, **given: object) -> Image.Image:
        opened.append(file)
        return real(file, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(image_file.Image, "open", counting)
    found = survey(tmp_path, named("image"))
    assert len(opened) == 7
    assert (found.looked, len(found.look.sizes), found.look.grey) == (7, 6, 1)
    assert set(found.look.sizes) == {(9, 8)}
    assert found.bad == {"not an image": 1}
    ((low, high),) = found.look.deep
    assert 0 <= low < high < 4096
