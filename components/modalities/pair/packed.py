"""Packed pairs in use: the rows of packed images and of packed texts side by side.

Letters: M rows in use, B samples of a batch, C channels, S side in pixels, T most tokens of a caption, n tokens of one.
"""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from components.arrays import Ints
from components.data.packed import Packed, PackedArray
from components.modalities.text.packed import PackedTexts

if TYPE_CHECKING:
    from torch import Tensor

Row = np.ndarray[Any, np.dtype[np.int32]]


class PackedPairs(Packed):
    """A stored row is int32 [C S S + n]: pixels 0 to 255, then tokens. Row i of `images` and of `texts` is one pair.

    length: T.
    """

    def __init__(self, images: PackedArray, texts: PackedTexts, length: int) -> None:
        self.images, self.texts, self.length = images, texts, length
        self.rows = images.rows

    def gather(self, index: "Tensor", *, pin: bool = False) -> "Tensor":
        """[B] -> [B, C S S + T] int32, 0 behind the end of a caption."""
        import torch  # 1 to 3 s that a reader of single rows need not wait for

        images, texts = self.images.gather(index).flatten(1), self.texts.gather(index)
        pixels = images.shape[1]
        out = torch.zeros((len(images), pixels + self.length), dtype=torch.int32, pin_memory=pin)
        out[:, :pixels] = images
        out[:, pixels : pixels + texts.shape[1]] = texts
        return out

    def row(self, place: int) -> Row:
        return joined(self.images.row(place), self.texts.row(place))

    def select(self, rows: Ints) -> Self:
        return type(self)(self.images.select(rows), self.texts.select(rows), self.length)


def joined(image: np.ndarray[Any, Any], tokens: np.ndarray[Any, Any]) -> Row:
    """The stored row of a packed image [C, S, S] and of tokens [n]."""
    return np.concatenate([image.ravel().astype(np.int32), tokens.astype(np.int32)])
