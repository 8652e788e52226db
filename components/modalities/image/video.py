"""Frames of a video through PyAV, decoded in another process: a decoder that crashes costs the file, not the run.

Letters: H, W height and width in pixels.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from components.forks import Worker, answering
from components.modalities.image.file import NEEDS, has_decoder, line_of

SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"})


def frames(file: Path, every: int, max_pixels: int) -> Iterator[tuple[int, bytes]]:
    """Number, from 0, of each `every`-th frame, and its RGB values as a PNG, upright.

    Raises:
        ValueError: PyAV is not installed, or the file cannot be read to its end; one line.
    """
    if not has_decoder("Video"):
        raise ValueError(NEEDS["Video"])
    source = _frames(file, every, max_pixels)
    worker = Worker(answering(lambda _: next(source, None)))
    try:
        while True:
            worker.connection.send(None)
            end = worker.ended()
            if end.died:
                raise ValueError(f"unreadable: its decoder {worker.fate}")
            if end.error is not None:
                raise ValueError(line_of(end.error))
            if end.result is None:
                return
            yield end.result
    finally:
        worker.end()


def _frames(file: Path, every: int, max_pixels: int) -> Iterator[tuple[int, bytes]]:
    import av  # optional, and .2 s that only videos need

    try:
        with av.open(str(file)) as container:
            if not container.streams.video:
                raise ValueError("not a video: it has no pictures")
            stream = container.streams.video[0]
            width, height = stream.codec_context.width, stream.codec_context.height
            if width * height > max_pixels:
                raise ValueError(f"too many pixels: {width} x {height}, allowed {max_pixels}")
            for number, frame in enumerate(container.decode(stream)):
                if number % every == 0:
                    yield number, _png(frame)
    except av.error.FFmpegError as error:
        raise ValueError(f"unreadable: {line_of(error)[:200]}") from None


def _png(frame: Any) -> bytes:
    """A decoded frame, turned as the file says."""
    values = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values)).save(out, "PNG")
    return out.getvalue()
