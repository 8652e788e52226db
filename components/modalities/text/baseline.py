"""The baseline of the field: words and character n-grams, weighted by how rare they are.

Source: tf-idf as scikit-learn computes it (TfidfVectorizer, TfidfTransformer with smooth_idf), with words and runs of
words on one side and the character n-grams of each word on the other (`char_wb`). Letters: N texts, D features.
"""

from typing import Literal

from pydantic import PositiveInt, model_validator

from components.config import Config


class TfidfConfig(Config):
    """Words and character n-grams weighted by their inverse document frequency; nothing in it is trained."""

    name: Literal["tfidf"] = "tfidf"
    """Selects tf-idf."""

    features: PositiveInt = 16384
    """D: the most frequent n-grams that are kept."""

    words: tuple[int, int] = (1, 2)
    """Shortest and longest run of words that is a feature; [0, 0]: none."""

    characters: tuple[int, int] = (2, 5)
    """Shortest and longest run of characters of one word, with a blank at each of its ends; [0, 0]: none."""

    sublinear: bool = True
    """The count c of an n-gram in a text enters as 1 + log c."""

    @model_validator(mode="after")
    def _ordered(self) -> "TfidfConfig":
        for name, (low, high) in (("words", self.words), ("characters", self.characters)):
            if not (low == high == 0 or 1 <= low <= high):
                raise ValueError(f"{name} must be [shortest, longest], 1 or more, or [0, 0], got {[low, high]}")
        if self.words == self.characters == (0, 0):
            raise ValueError("words or characters are needed, got none of both")
        return self
