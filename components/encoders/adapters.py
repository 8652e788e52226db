"""Encoders of timm and of transformers, where these can be imported; nothing of ours needs either.

Sources: Wightman 2019 (doi:10.5281/zenodo.4414861), Wolf et al. 2020 (arXiv:1910.03771). Nothing is
downloaded: weights come from a local file, as for every encoder (`start`), under the names that the library
gives them.
Letters: B samples, C channels, S side in pixels, D feature size, T tokens, E their size.
"""

import importlib
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.start import Start
from components.errors import UserError


class TimmConfig(Config):
    """model: one of timm.list_models(). options: further arguments of timm.create_model, like img_size."""

    name: Literal["timm"] = "timm"
    model: str
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    start: Start | None = None


class TransformersConfig(Config):
    """architecture: what config.json beside the weights says (model_type and sizes), as it stands there.

    size: side of the images in pixels, if another than that of the architecture: views are brought to it.
    """

    name: Literal["transformers"] = "transformers"
    architecture: dict[str, Any]
    size: PositiveInt | None = None
    start: Start | None = None


class Timm(Encoder):
    """The feature is timm's own: what its classifier would see."""

    prefix = "model."

    def __init__(
        self, config: TimmConfig, channels: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        """Raises UserError: timm cannot be imported, or has no such model."""
        super().__init__(channels, mean, std)
        timm = library("timm", "timm needs torchvision, which cannot be imported beside a CPU build of torch")
        try:
            options: dict[str, Any] = {**config.options, "in_chans": channels, "num_classes": 0}
            self.model: nn.Module = timm.create_model(config.model, pretrained=False, **options)
        except (RuntimeError, TypeError, ValueError) as error:
            raise UserError(
                f"timm cannot make {config.model!r}: {error!s:.120}; see timm.list_models()"
            ) from None
        self.feature_dim = int(self.model.num_features)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.model(self.standardised(x))
        return found


class Transformers(Encoder):
    """The feature is the mean of the last hidden states: over tokens [B, T, E], or over maps [B, E, h, w]."""

    prefix = "model."

    def __init__(
        self, config: TransformersConfig, channels: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        """Raises UserError: transformers cannot be imported, or has no such architecture."""
        super().__init__(channels, mean, std)
        transformers = library("transformers", "pip install transformers")
        kind = {**config.architecture, "num_channels": channels}
        if config.size is not None:
            kind["image_size"] = config.size
        try:
            described = transformers.AutoConfig.for_model(**kind)
            self.model: nn.Module = transformers.AutoModel.from_config(described)
        except (TypeError, ValueError) as error:
            said = f"transformers cannot make {kind.get('model_type')!r}: {error!s:.120}"
            raise UserError(f"{said}; architecture is what config.json beside the weights says") from None
        sizes = getattr(described, "hidden_sizes", None) or [described.hidden_size]
        self.feature_dim = int(sizes[-1])

    def forward(self, x: Tensor) -> Tensor:
        last: Tensor = self.model(pixel_values=self.standardised(x)).last_hidden_state
        return last.mean(dim=1) if last.ndim == 3 else last.mean(dim=(2, 3))


def library(name: str, hint: str) -> Any:
    """The library, imported now and not before: it is another's, and may be missing."""
    try:
        return importlib.import_module(name)
    except Exception as error:  # torchvision beside another torch raises RuntimeError
        raise UserError(
            f"encoder {name} needs the package {name}, which cannot be imported ({error!s:.80}): {hint}; "
            f"or take an encoder of ours: resnet, convnext, vit"
        ) from None
