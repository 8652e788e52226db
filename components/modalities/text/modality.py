"""Texts, bound to the interface of modalities.

Letters: N texts, n tokens of a text.
"""

import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from components.arrays import Ints
from components.modalities.base import Modality, Written
from components.modalities.text import serve
from components.modalities.text.config import TextConfig, TextLimits, TextPacking
from components.modalities.text.decode import decode
from components.modalities.text.near_duplicates import groups
from components.modalities.text.pack import pack_texts, packing_of
from components.modalities.text.packed import PackedTexts, Tokens
from components.modalities.text.read import TextReader
from components.modalities.text.show import sentence, snippet
from components.modalities.text.suit import TextLook
from components.modalities.text.tokenizer import BEGINS, SPECIAL, read_vocabulary, tokenizer_of, words

LINE = 420  # pixels of a text in a sheet


class Texts(Modality[TextConfig, TextPacking]):
    """Packed as tokens, int32 [n] a text, the first of them CLS; a view is [B, T] int64, 0 is padding."""

    config: TextConfig
    founded = True
    policies: ClassVar[Mapping[str, str]] = {
        "noise": "words left out, hidden and moved, and spans of the text"
    }
    Limits = TextLimits
    requirements = ("tokenizers",)
    columns = (serve.COLUMN,)

    def look(self) -> TextLook:
        return TextLook(self.config)

    def placeholder(self) -> TextPacking:
        """Raises UserError where the vocabulary file that the recipe names is none."""
        file, letters = self.config.vocabulary_file, (*SPECIAL, BEGINS, *string.ascii_lowercase)
        return TextPacking(
            read_as=self.config, vocabulary=letters if file is None else read_vocabulary(Path(file))
        )

    def reader(self, limits: TextLimits) -> TextReader:
        return TextReader(self.config, limits)

    def pack(
        self,
        encoded: Callable[[], Iterable[Sequence[bytes | Tokens]]],
        total: int,
        folder: Path,
        *,
        before: TextPacking | None = None,
        progress: Callable[[float], None] = lambda done: None,
    ) -> Written:
        return pack_texts(encoded, total, folder, self.config, before, progress)

    def packing(self, written: Written, folder: Path, rows: Ints) -> TextPacking:
        files = {name: folder / file for name, file in written.files.items()}
        return packing_of(self.config, written.found, PackedTexts.open(files, rows))

    def near_duplicates(self, files: Mapping[str, Path]) -> Ints:
        return groups(PackedTexts.open(files))

    def example(self, stored: Tokens, packing: TextPacking) -> str:
        return sentence(words(stored.tolist(), packing.vocabulary))

    def to_sample(self, value: Any) -> bytes:
        return serve.to_sample(value)

    def stored(self, data: bytes, packing: TextPacking) -> Tokens:
        return tokenizer_of(packing).encode([decode(data).text])[0]

    def sheet(self, rows: Sequence[Tokens], packing: TextPacking, columns: int) -> str:
        """One below the other: a line is easier to read than a column of a few words."""
        shown = "".join(f"<div>{snippet(row, packing, LINE)}</div>" for row in rows)
        return f'<div style="display:flex;flex-direction:column;gap:3px">{shown}</div>'

    def show(self, stored: np.ndarray[Any, Any], packing: TextPacking, size: int = 64) -> str:
        return snippet(stored, packing, size)
