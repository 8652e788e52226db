"""Which files and rows of tables are sounds."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from components.data.reader import Reader, TableSample
from components.modalities.sound.check import check_sounds
from components.modalities.sound.config import SoundLimits
from components.modalities.sound.decode import is_sound

ROLE = "audio"  # of a column of encoded sounds


class SoundReader(Reader):
    """Sound files, and Parquet files with a column of them."""

    noun = "sounds"
    wanted = (
        "sound files (wav, flac, ogg, opus, mp3, aiff, au), folders of them, or Parquet files with a column `audio`"
        " (bytes)"
    )
    suffixes = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au"})

    def __init__(self, limits: SoundLimits) -> None:
        self.limits, self.max_bytes = limits, limits.max_bytes

    def begins_like(self, head: bytes) -> bool:
        return is_sound(head)

    def is_table(self, path: str, columns: set[str]) -> bool:
        return path.lower().endswith(".parquet") and ROLE in columns

    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        from components.data.tables import (
            parquet_samples,  # pyarrow, 0.2 s that sound files need not wait for
        )

        return (TableSample(*row) for row in parquet_samples(file, delivery, source, self.group, ROLE))

    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        return check_sounds(batch, self.limits)
