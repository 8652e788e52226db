"""Frames of a video that the test encodes itself. Skipped without PyAV."""

import io
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.modalities.image import file as image_file
from components.modalities.image import video
from components.modalities.image.config import ImageConfig, ImageLimits
from components.modalities.image.read import ImageReader
from components.modalities.image.video import frames

LEVELS = (20, 60, 100, 140, 180, 220)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six frames of 48 x 32, each of one grey level, but for a white left half."""
    av = pytest.importorskip("av")
    file = tmp_path / "clip.mp4"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for level in LEVELS:
            pixels = np.full((32, 48, 3), level, np.uint8)
            pixels[:, :24] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return file


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).astype(int)


def test_every_second_frame_in_order(clip: Path) -> None:
    found = dict(frames(clip, 2, 10_000))
    assert list(found) == [0, 2, 4]
    for number, data in found.items():
        pixels = pixels_of(data)
        assert pixels.shape == (32, 48, 3)
        assert np.abs(pixels[:, 30:] - LEVELS[number]).max() < 12
        assert pixels[:, :18].min() > 240


def test_frames_of_a_video_are_a_group_and_good_samples(clip: Path) -> None:
    reader = ImageReader(ImageLimits(), ImageConfig(frames=3))
    assert ".mp4" in reader.containers
    assert ".mp4" not in ImageReader(ImageLimits()).containers
    rows = list(reader.rows(clip, "day/clip.mp4", None))
    assert [row.name for row in rows] == ["day/clip.mp4@0", "day/clip.mp4@3"]
    assert {row.group for row in rows} == {"day/clip.mp4"}
    assert reader.check([row.data for row in rows]) == [None, None]
    assert reader.count(clip) == 2


def test_what_is_no_video(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.mp4"
    for data in (b"", b"hello" * 99, clip.read_bytes()[:200]):
        bad.write_bytes(data)
        with pytest.raises(ValueError, match=r"^unreadable: [^\n]+$"):
            list(frames(bad, 1, 10_000))
    with pytest.raises(ValueError, match="too many pixels: 48 x 32, allowed 1000"):
        list(frames(clip, 1, 1000))
    monkeypatch.setitem(image_file.MODULES, "Video", "no_such_module")
    with pytest.raises(ValueError, match=r"Video needs PyAV \(pip install 'selfsup\[video\]'\)"):
        list(frames(clip, 1, 1000))


def test_a_decoder_that_crashes_costs_the_file(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "_png", lambda frame: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(ValueError, match="unreadable: its decoder was killed by signal 9"):
        list(frames(clip, 1, 10_000))
