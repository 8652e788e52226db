"""Sounds to frames, once: one flat array and where each sound begins in it.

Letters: N sounds, C channels, n frames of a sound.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from components.arrays import write_header
from components.cores import available
from components.errors import UserError
from components.files import enough_room
from components.modalities.base import Written
from components.modalities.sound.config import SoundConfig, SoundPacking
from components.modalities.sound.decode import SCALE, SoundError, decode
from components.modalities.sound.packed import FRAMES, OFFSETS, Frames, PackedSounds
from components.wording import are, counted

FILES = {FRAMES: "frames.npy", OFFSETS: "offsets.npy"}
PART = {"begin": "the beginning", "middle": "the middle", "loudest": "the loudest part"}


def pack_sounds(
    encoded: Callable[[], Iterable[Sequence[Any]]],
    total: int,
    folder: Path,
    config: SoundConfig,
    progress: Callable[[float], None],
) -> Written:
    """See Modality.pack."""
    made, seen, end, longest, loud = Written(files=dict(FILES)), 0, 0, 0, 0
    size = config.channels * np.dtype(np.int16).itemsize
    enough_room(folder, total * size)
    with (
        (folder / FILES[FRAMES]).open("wb") as frames,
        (folder / FILES[OFFSETS]).open("wb") as offsets,
        ThreadPoolExecutor(available()) as pool,
    ):
        write_header(frames, np.int16, (total * config.length, config.channels))
        write_header(offsets, np.int64, (total + 1,))
        offsets.write(np.zeros(1, np.int64).tobytes())
        for batch in encoded():
            results = list(pool.map(partial(_attempt, config=config), batch))
            rows = [one for one in results if not isinstance(one, str)]
            made.unreadable |= {seen + k: one for k, one in enumerate(results) if isinstance(one, str)}
            ends = end + np.cumsum([row.shape[1] for row in rows], dtype=np.int64)
            frames.write(b"".join(np.ascontiguousarray(row.T).tobytes() for row in rows))
            offsets.write(ends.tobytes())
            longest += sum(row.shape[1] == config.length for row in rows)
            loud += sum(int((row == SCALE - 1).any()) for row in rows)
            end = int(ends[-1]) if len(ends) else end
            made.samples, seen = made.samples + len(rows), seen + len(batch)
            progress(seen / max(1, total))
        assert seen == total, f"{total} samples announced, {seen} came"
        write_header(frames, np.int16, (end, config.channels))
        write_header(offsets, np.int64, (made.samples + 1,))
    made.notes = _notes(config, made.samples, longest, loud)
    return made


def packing_of(config: SoundConfig, packed: PackedSounds) -> SoundPacking:
    """What training must know, from the sounds that are trained on.

    Raises:
        UserError: all of them are the same.
    """
    found = (packed.row(int(place)) for place in packed.rows)
    first = next(found, None)
    if first is not None and len(packed) > 1 and all(np.array_equal(first, other) for other in found):
        raise UserError(
            "samples-all-alike",
            f"all {len(packed)} training samples are the same sound: samples that differ are required; listen to the"
            " files in the inbox",
        )
    return SoundPacking(read_as=config)


def _attempt(sample: bytes | Frames, config: SoundConfig) -> Frames | str:
    """The sample as a row, or the reason why there is none."""
    if isinstance(sample, np.ndarray):
        return sample
    try:
        return decode(sample, config)
    except SoundError as error:
        return str(error)


def _notes(config: SoundConfig, samples: int, longest: int, loud: int) -> list[str]:
    notes, samples = list[str](), max(1, samples)
    if longest:
        notes.append(
            f"{100 * longest / samples:.0f} % of the sounds fill the {config.seconds:g} s of modality.seconds; of"
            f" longer ones {PART[config.cut]} is used (modality.cut)"
        )
    if loud:
        notes.append(
            f"{counted(loud, 'sound')} {are(loud, 'reaches', 'reach')} full scale and may be clipped"
        )
    return notes
