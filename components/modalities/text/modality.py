"""Texts, as stages, objectives and methods reach them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from components.arrays import Ints
from components.config import Config
from components.modalities.base import Modality, Packed, Views, Written
from components.modalities.text.baseline import TfidfConfig
from components.modalities.text.config import TextConfig, TextLimits, TextPacking
from components.modalities.text.decode import decode
from components.modalities.text.pack import open_texts, pack_texts, packing_of, padded
from components.modalities.text.read import TextReader
from components.modalities.text.serve import to_sample
from components.modalities.text.show import snippet
from components.modalities.text.tokenizer import tokenizer_of
from components.modalities.text.views import POLICIES, TextView, augment


class TextModality(Modality[TextConfig, TextPacking, TextView]):
    """A stored row is the text's tokens, int32 [n], the first of them CLS; a view is [B, T] int64, 0 is padding."""

    Packing = TextPacking
    View = TextView
    Limits = TextLimits
    policies: ClassVar[tuple[str, ...]] = tuple(POLICIES)
    requirements: ClassVar[tuple[str, ...]] = ("tokenizers",)
    columns: ClassVar[tuple[str, ...]] = ("text",)

    def reader(self, limits: TextLimits) -> TextReader:
        return TextReader(self.config, limits)

    def pack(
        self,
        encoded: Callable[[], Iterable[Sequence[Any]]],
        total: int,
        folder: Path,
        *,
        before: TextPacking | None = None,
        progress: Callable[[float], None] = lambda done: None,
    ) -> Written:
        return pack_texts(encoded, total, folder, self.config, before, progress)

    def packing(self, written: Written, folder: Path, rows: Ints) -> TextPacking:
        files = {name: folder / file for name, file in written.files.items()}
        return packing_of(self.config, tuple(written.found), open_texts(files, rows))

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> Packed:
        return open_texts(files, rows)

    def clean(self, stored: Tensor) -> Tensor:
        return stored

    def augment(self, view: Tensor, how: TextView, packing: TextPacking, generator: torch.Generator) -> Tensor:
        return augment(view, how, packing, generator)

    def views(self, policy: str, packing: TextPacking) -> Views[TextView]:
        return POLICIES[policy]

    def baseline(self, packing: TextPacking) -> Config:
        return TfidfConfig()

    def to_sample(self, value: Any) -> bytes:
        return to_sample(value, self.columns[0])

    def stored(self, data: bytes, packing: TextPacking) -> np.ndarray[Any, Any]:
        return tokenizer_of(packing).encode([decode(data).text])[0]

    def collate(self, rows: Sequence[np.ndarray[Any, Any]]) -> Tensor:
        return padded(rows)

    def show(self, stored: np.ndarray[Any, Any], packing: TextPacking, size: int = 64) -> str:
        return snippet(stored, packing, size)
