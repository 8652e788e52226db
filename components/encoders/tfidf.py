"""Words and character n-grams, weighted by how rare they are: the features of the baseline for texts.

Source: tf-idf as scikit-learn's TfidfVectorizer computes it (smooth idf, l2), once for runs of words and once for the
character n-grams of each word (`char_wb`); each half of the feature has length 1 / sqrt 2. Nothing is trained: `fit`
counts in how many texts an n-gram occurs.
Differs: of all n-grams those in the most texts are kept (scikit-learn: the most frequent ones), by a hash of 64 bits
instead of their names, so that tensors are all there is to save.
Letters: N texts, B texts of a batch, T tokens of the longest, D features, K features of one half.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import torch
from pydantic import NonNegativeInt, model_validator
from torch import Tensor, nn

from components.arrays import Floats, Ints
from components.config import Config
from components.encoders.base import Encoder
from components.modalities.text.config import TextPacking
from components.modalities.text.tokenizer import SPECIAL, UNK, words

NONE = np.iinfo(np.int64).max  # key of a feature that no text has
MANY = 2_000_000  # n-grams that are counted at a time; beyond it those of one text are forgotten
REMEMBERED = 100_000  # words whose n-grams are kept


class TfidfConfig(Config):
    """Words and character n-grams weighted by their inverse document frequency."""

    name: Literal["tfidf"] = "tfidf"
    """Selects tf-idf."""

    words: NonNegativeInt = 4096
    """Runs of words that are features; 0: none."""

    characters: NonNegativeInt = 4096
    """Character n-grams that are features; 0: none."""

    longest_run: int = 2
    """Words of the longest run."""

    longest_ngram: int = 5
    """Characters of the longest n-gram; the shortest have 2."""

    sublinear: bool = True
    """The count c of an n-gram in a text enters as 1 + log c."""

    @model_validator(mode="after")
    def _something(self) -> "TfidfConfig":
        if not self.words + self.characters:
            raise ValueError("words or characters must be above 0, got 0 of both")
        return self


class Tfidf(Encoder):
    """[B, T] -> [B, D] of length 1 (0 for a text without a known n-gram); D = words + characters."""

    modality = "text"
    learnt = False

    def __init__(self, config: TfidfConfig, packing: TextPacking) -> None:
        super().__init__(packing)
        self.vocabulary, self.feature_dim = packing.vocabulary, config.words + config.characters
        self.halves = nn.ModuleList(
            half
            for half in (
                Half(config.words, config.longest_run, config.sublinear, characters=False),
                Half(config.characters, config.longest_ngram, config.sublinear, characters=True),
            )
            if half.size
        )

    def fit(self, views: Iterable[Tensor]) -> None:
        counts = [Counter[int]() for _ in self.halves]
        texts = 0
        for view in views:
            for text in self._words(view):
                texts += 1
                for half, count in zip(self._halves(), counts, strict=True):
                    count.update(set(half.keys_of(text)))
            for number, count in enumerate(counts):
                if len(count) > MANY:
                    counts[number] = Counter({key: n for key, n in count.items() if n > 1})
        for half, count in zip(self._halves(), counts, strict=True):
            half.keep(count, texts)

    def forward(self, view: Tensor) -> Tensor:
        texts = list(self._words(view))
        parts = [np.stack([half.weights_of(text) for text in texts]) for half in self._halves()]
        found = torch.from_numpy(np.concatenate(parts, axis=1) / np.float32(math.sqrt(len(parts))))
        return found.to(view.device)

    def _halves(self) -> Iterator["Half"]:
        for half in self.halves:
            assert isinstance(half, Half)
            yield half

    def _words(self, view: Tensor) -> Iterator[list[str]]:
        for row in view.tolist():
            yield [word for word in words(row, self.vocabulary) if word != SPECIAL[UNK]]


class Half(nn.Module):
    """n-grams of one kind. keys: [K] int64, sorted, what stands for each. idf: [K]."""

    keys: Tensor
    idf: Tensor

    def __init__(self, size: int, longest: int, sublinear: bool, characters: bool) -> None:
        super().__init__()
        self.size, self.longest, self.sublinear, self.characters = size, longest, sublinear, characters
        self.register_buffer("keys", torch.full((size,), NONE))
        self.register_buffer("idf", torch.zeros(size))
        self._known: dict[str, list[int]] = {}

    def keep(self, texts_with: Counter[int], texts: int) -> None:
        """The `size` keys that the most texts have. idf = ln((1 + N) / (1 + texts with it)) + 1."""
        best = sorted(texts_with, key=lambda key: (-texts_with[key], key))[: self.size]
        kept = np.array(sorted(best), dtype=np.int64)
        idf = np.log((1 + texts) / (1 + np.array([texts_with[key] for key in kept.tolist()]))) + 1
        self.keys.fill_(NONE)
        self.idf.zero_()
        self.keys[: len(kept)] = torch.from_numpy(kept)
        self.idf[: len(kept)] = torch.from_numpy(idf).float()

    def keys_of(self, text: list[str]) -> list[int]:
        """Of all n-grams of a text, as often as they occur."""
        if self.characters:
            return [key for word in text for key in self._of_word(word)]
        return [
            _key(" ".join(text[start : start + count]))
            for count in range(1, self.longest + 1)
            for start in range(len(text) - count + 1)
        ]

    def weights_of(self, text: list[str]) -> Floats:
        """[K] of length 1, or 0."""
        keys = self.keys.numpy(force=True)
        asked = np.array(self.keys_of(text), dtype=np.int64)
        places: Ints = np.searchsorted(keys, asked).clip(max=self.size - 1)
        count = np.bincount(places[keys[places] == asked], minlength=self.size).astype(np.float32)
        some = count > 0
        if self.sublinear:
            count[some] = 1 + np.log(count[some])
        count *= self.idf.numpy(force=True)
        length = max(float(np.linalg.norm(count)), 1e-12)
        return (count / length).astype(np.float32)

    def _of_word(self, word: str) -> list[int]:
        found = self._known.get(word)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[word] = [_key(gram) for gram in character_ngrams(word, self.longest)]
        return found


def character_ngrams(word: str, longest: int) -> list[str]:
    """Those of 2 to `longest` characters of " word ", as scikit-learn's char_wb; all of it once where it is shorter.

    "ab" at 3: " a", "ab", "b ", " ab", "ab ".
    """
    spaced, found = f" {word} ", list[str]()
    for size in range(2, longest + 1):
        found += [spaced[start : start + size] for start in range(max(1, len(spaced) - size + 1))]
        if size >= len(spaced):
            break
    return found


def _key(gram: str) -> int:
    digest = hashlib.blake2b(gram.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
