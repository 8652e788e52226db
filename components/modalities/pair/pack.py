"""Pairs to packed images and packed texts, row by row the same pairs: both are packed by their own kind.

Letters: N samples.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.modalities.base import Written
from components.modalities.image.config import ARRAY
from components.modalities.image.modality import Images
from components.modalities.pair.config import PairConfig, PairPacking
from components.modalities.pair.container import NotPair, sides
from components.modalities.text.decode import NotText, decode
from components.modalities.text.modality import Texts

Batches = Callable[[], Iterable[Sequence[Any]]]


def pack_pairs(
    encoded: Batches,
    total: int,
    folder: Path,
    config: PairConfig,
    before: PairPacking | None,
    progress: Callable[[float], None],
) -> Written:
    """See Modality.pack. Images first; a pair of which one side cannot be read has no row on either side.

    found: of the images (their range) and of the texts (their vocabulary).
    """
    captions = _Captions()
    image = config.image if before is None else before.image.config
    images = Images(image).pack(
        lambda: _images(encoded(), config, captions), total, folder, progress=lambda done: progress(done / 2)
    )
    unreadable = images.unreadable | captions.wrong
    texts = Texts(config.text).pack(
        lambda: _texts(encoded(), config, unreadable),
        total - len(unreadable),
        folder,
        before=None if before is None else before.text,
        progress=lambda done: progress(0.5 + done / 2),
    )
    assert images.samples == texts.samples, f"{images.samples} images and {texts.samples} captions"
    return Written(
        files=images.files | texts.files,
        samples=images.samples,
        unreadable=dict(sorted(unreadable.items())),
        found=(images.found, texts.found),
        notes=images.notes + texts.notes,
    )


class _Captions:
    """wrong: position among the samples given -> why its caption cannot be read."""

    def __init__(self) -> None:
        self.wrong: dict[int, str] = {}


def _images(batches: Iterable[Sequence[Any]], config: PairConfig, captions: _Captions) -> Iterator[list[Any]]:
    """The image of each pair; nothing where the caption cannot be read, so that it gets no row either."""
    shape, seen = (config.image.channels, config.image.size, config.image.size), 0
    pixels = int(np.prod(shape))
    for batch in batches:
        out: list[Any] = []
        for number, sample in enumerate(batch, start=seen):
            if isinstance(sample, np.ndarray):
                out.append(sample[:pixels].astype(np.uint8).reshape(shape))
                continue
            try:
                found = sides(sample)
                decode(found.caption)
            except (NotPair, NotText) as error:
                captions.wrong[number] = str(error)
                out.append(b"")
                continue
            out.append(found.image)
        seen += len(batch)
        yield out


def _texts(
    batches: Iterable[Sequence[Any]], config: PairConfig, unreadable: dict[int, str]
) -> Iterator[list[Any]]:
    pixels, seen = config.image.channels * config.image.size**2, 0
    for batch in batches:
        yield [
            sample[pixels:] if isinstance(sample, np.ndarray) else sides(sample).caption
            for number, sample in enumerate(batch, start=seen)
            if number not in unreadable
        ]
        seen += len(batch)


def one_side(written: Written, *, images: bool) -> Written:
    """What was written of one side, as its own kind wrote it."""
    files = {name: file for name, file in written.files.items() if (name == ARRAY) == images}
    return Written(files=files, samples=written.samples, found=written.found[0 if images else 1])
