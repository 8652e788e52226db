"""What a recipe may say of texts, and what is known of packed ones.

Letters: N texts, V pieces of the vocabulary.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt, field_validator

from components.arrays import Ints
from components.config import Config
from components.modalities.base import Packing
from components.modalities.text.packed import PackedTexts


class TextConfig(Config):
    """Samples are texts."""

    name: Literal["text"] = "text"
    """Selects texts."""

    column: str = Field(default="text", min_length=1)
    """Column of a table (CSV, TSV, JSON lines, Parquet) that holds the text of a sample; capital letters do not
    count."""

    length: int = Field(default=128, ge=4, le=4096)
    """Most tokens of a sample that are used; what follows is cut off. The token before the first word counts."""

    vocabulary: int = Field(default=8192, ge=128, le=65536)
    """Most pieces of words in the vocabulary, which is found in the recipe's own texts."""

    vocabulary_file: str | None = None
    """Absolute path of the vocabulary of a published model (BERT's vocab.txt, a piece a line), which is taken in place
    of one that is found in the texts; for an encoder that begins from that model's weights. It is read by the recipe's
    first snapshot."""

    lower: bool = True
    """Capital letters are read as small ones."""

    accents: bool = True
    """Accents are kept; false: é is read as e, as the uncased models of BERT's kind do."""

    @field_validator("vocabulary_file")
    @classmethod
    def _absolute(cls, given: str | None) -> str | None:
        if given is not None and not Path(given).is_absolute():
            raise ValueError(f"vocabulary_file must be an absolute path, got {given!r}")
        return given


class TextLimits(Config):
    """Limits on a text; one that exceeds them is quarantined."""

    max_bytes: PositiveInt = 1_000_000
    """Largest size of a sample in bytes."""

    min_chars: PositiveInt = 1
    """Fewest characters, blanks at the ends not counted and each run of blanks counted once."""


class TextPacking(Packing):
    """Packed texts: one flat int32 array of tokens, and int64 [N + 1] where each text begins in it."""

    name: Literal["text"] = "text"
    """Selects texts."""

    read_as: TextConfig
    """How the texts were read."""

    vocabulary: tuple[str, ...]
    """[V] the pieces in order of their numbers, the special ones first."""

    @property
    def config(self) -> TextConfig:
        return self.read_as

    @property
    def length(self) -> int:
        """Most tokens of a sample."""
        return self.read_as.length

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> PackedTexts:
        return PackedTexts.open(files, rows)

    def reads(self, other: Packing) -> bool:
        """The same numbers mean the same words; how many of a text are used does not matter."""
        return (
            isinstance(other, TextPacking)
            and self.vocabulary == other.vocabulary
            and self.read_as.lower == other.read_as.lower
            and self.read_as.accents == other.read_as.accents
        )
