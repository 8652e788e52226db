"""Sounds, bound to the interface of modalities.

What decodes sounds is imported where it is used: soundfile and soxr, which a process with other kinds of data need not
wait for. Letters: N sounds, C channels, n frames of a sound.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from components.arrays import Ints
from components.modalities.base import Modality, Written
from components.modalities.sound.config import SoundConfig, SoundLimits, SoundPacking
from components.modalities.sound.packed import Frames, PackedSounds

if TYPE_CHECKING:
    from components.modalities.sound.read import SoundReader
    from components.modalities.sound.suit import SoundLook


class Sounds(Modality[SoundConfig, SoundPacking]):
    """Packed as frames, int16 [C, n] a sound; a view is [B, C, T] float32 in [-1, 1], NaN is padding."""

    config: SoundConfig
    policies: ClassVar[Mapping[str, str]] = {
        "waveform": "parts of the sound, louder and softer, faster and slower, with noise, spans and bands left out"
    }
    Limits = SoundLimits
    requirements = ("soundfile", "soxr")
    columns = ("audio",)

    def look(self) -> "SoundLook":
        from components.modalities.sound.suit import SoundLook

        return SoundLook(self.config)

    def placeholder(self) -> SoundPacking:
        return SoundPacking(read_as=self.config)

    def reader(self, limits: SoundLimits) -> "SoundReader":
        from components.modalities.sound.read import SoundReader

        return SoundReader(limits)

    def pack(
        self,
        encoded: Callable[[], Iterable[Sequence[bytes | Frames]]],
        total: int,
        folder: Path,
        *,
        before: SoundPacking | None = None,
        progress: Callable[[float], None] = lambda done: None,
    ) -> Written:
        from components.modalities.sound.pack import pack_sounds

        return pack_sounds(encoded, total, folder, self.config, progress)

    def packing(self, written: Written, folder: Path, rows: Ints) -> SoundPacking:
        from components.modalities.sound.pack import packing_of

        files = {name: folder / file for name, file in written.files.items()}
        return packing_of(self.config, PackedSounds.open(files, self.config.length, rows))

    def near_duplicates(self, files: Mapping[str, Path]) -> Ints:
        from components.modalities.sound.near_duplicates import groups

        return groups(PackedSounds.open(files, self.config.length))

    def example(self, stored: Frames, packing: SoundPacking) -> bytes:
        from components.modalities.sound.decode import encode

        return encode(stored, packing.rate)

    def to_sample(self, value: Any) -> bytes:
        from components.modalities.sound.serve import to_sample

        return to_sample(value, self.config.rate, self.config.channels)

    def stored(self, data: bytes, packing: SoundPacking) -> Frames:
        from components.modalities.sound.decode import decode

        return decode(data, packing.config)

    def show(self, stored: np.ndarray[Any, Any], packing: SoundPacking, size: int = 64) -> str:
        from components.modalities.sound.show import figure

        return figure(stored, packing.rate, size)
