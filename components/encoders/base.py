"""What every encoder is: view -> feature.

Letters: B samples, C channels, S side in pixels, D feature size, T tokens, E token size, h side of a map.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from components.config import Config
from components.modalities.base import Packing
from components.modalities.image.config import ImagePacking


class Encoder(nn.Module):
    """A view [B, ...] -> features [B, D]. feature_dim: D. packing: of the samples that it was built for.

    modality: name of the kind of data whose views it takes; "any" where it does not matter.
    learnt: whether its features were learnt, so that a distance between two of them means something.
    class_scores: whether its features are scores of classes alone, which do not describe a sample.
    prefix: what a file of weights from elsewhere leaves out of the names.
    columns: of each feature the column of the table that it is made from; empty where features have no such meaning.
    raw_numbers: how many of these features, the first ones, are the numbers of a row in their own units.
    """

    modality: ClassVar[str] = "any"
    learnt: ClassVar[bool] = True
    feature_dim: int
    packing: Packing
    prefix: str = ""
    class_scores: bool = False
    columns: tuple[str, ...] = ()
    raw_numbers: int = 0

    def __init__(self, packing: Packing) -> None:
        super().__init__()
        self.packing = packing

    def starting(self, config: Config) -> "list[tuple[Encoder, Any]]":
        """What of it begins from a file of weights, each with its `start` (components.encoders.start) or None. config:
        that it was built from."""
        return [(self, getattr(config, "start", None))]

    def lock(self, config: Config) -> None:
        """Called when a training begins, behind `starting`: keep as it is what the configuration wants kept."""

    def taken(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Weights of a file from elsewhere, under the names and in the order that this encoder has for them."""
        return tensors

    @property
    def embedding_dim(self) -> int:
        """How many of the features, from the first on, stand for the sample; the others only help a head."""
        return self.feature_dim

    def fit(self, views: Iterable[Tensor]) -> None:
        """Take in what it has to know of the training samples beyond their packing, from clean views of them."""

    def forward(self, x: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} defines no forward")


class ImageEncoder(Encoder):
    """[B, C, S, S] float in [0, 1] -> features [B, D]. channels: C.

    mean, std: of the pixels, one a channel; kept as buffers, applied inside.

    Raises:
        ValueError: mean or std are not one a channel, or std is not above 0.
    """

    modality = "image"
    channels: int
    mean: Tensor
    std: Tensor

    def __init__(self, packing: ImagePacking) -> None:
        super().__init__(packing)
        channels, mean, std = packing.channels, packing.mean, packing.std
        if len(mean) != channels or len(std) != channels or min(std) <= 0:
            raise ValueError(
                f"an encoder needs {channels} means and {channels} stds above 0, got {list(mean)} and {list(std)}"
            )
        self.channels = channels
        self.register_buffer("mean", torch.tensor(list(mean)).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(list(std)).reshape(1, -1, 1, 1))

    def standardised(self, x: Tensor) -> Tensor:
        """Pixels in [0, 1] -> of mean 0 and deviation 1."""
        return (x - self.mean) / self.std


def image_encoder(encoder: Encoder) -> ImageEncoder:
    """The encoder, for what works on images alone and is not built with any other."""
    assert isinstance(encoder, ImageEncoder), f"{type(encoder).__name__} takes no images"
    return encoder


class SequenceEncoder(Encoder):
    """An encoder that sees a sample as T tokens. token_dim: E, size of what stands for one of them."""

    token_dim: int

    def padding(self, view: Tensor) -> Tensor:
        """[B, T] bool, true where a position of the view holds nothing."""
        raise TypeError(f"{type(self).__name__} defines no padding")

    def tokens(self, view: Tensor) -> Tensor:
        """A view of T positions -> [B, T, E]; what stands at padding is of no meaning."""
        raise TypeError(f"{type(self).__name__} defines no tokens")


class MapEncoder(ImageEncoder):
    """An encoder whose feature is the mean over maps. reduction: S / h, how much smaller a map is."""

    reduction: int

    def maps(self, x: Tensor) -> Tensor:
        """[B, C, S, S] -> [B, D, h, h], h = S / reduction rounded up."""
        raise TypeError(f"{type(self).__name__} defines no maps")

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """[B, C, S, S] -> maps [B, D_k, h_k, h_k] of falling side, the last one `maps`; here that one alone."""
        return [self.maps(x)]

    def forward(self, x: Tensor) -> Tensor:
        return pooled(self.maps(x))


def pooled(maps: Tensor) -> Tensor:
    """[B, D, h, w] -> [B, D]: the mean over positions; its gradient has the memory order of `maps`."""
    if maps.is_contiguous(memory_format=torch.channels_last):
        return maps.permute(0, 2, 3, 1).flatten(1, 2).mean(dim=1)
    return maps.mean(dim=(2, 3))


class TokenEncoder(ImageEncoder):
    """An encoder that sees an image as T square patches. patch: their side in pixels. token_dim: E."""

    patch: int
    token_dim: int

    def both(
        self,
        x: Tensor,
        *,
        kept: Tensor | None = None,
        masked: Tensor | None = None,
        token: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """[B, C, S, S] -> feature [B, D], tokens [B, T', E] after the last norm; T = (S / patch)^2, row by row.

        Args:
            kept: [B, T'] int64, the patches that are encoded, in this order; all T where None.
            masked: [B, T] bool, patches that `token` [E] stands for. The token is the objective's, which
                learns it: an encoder that is done with has no use for it.

        Raises:
            UserError: S is no multiple of patch.
        """
        raise TypeError(f"{type(self).__name__} defines no tokens")

    def tokens(
        self,
        x: Tensor,
        *,
        kept: Tensor | None = None,
        masked: Tensor | None = None,
        token: Tensor | None = None,
    ) -> Tensor:
        """The tokens of `both`."""
        return self.both(x, kept=kept, masked=masked, token=token)[1]

    def forward(self, x: Tensor) -> Tensor:
        return self.both(x)[0]
