"""Encoders of timm and of transformers, where these can be imported; nothing of ours needs either.

Sources: Wightman 2019 (doi:10.5281/zenodo.4414861), Wolf et al. 2020 (arXiv:1910.03771). Nothing is
downloaded: weights come from a local file, as for every encoder (`start`), under the names that the library
gives them. Tried with timm 1.0.31 (torchvision 0.28.0) and transformers 5.23.0.
Letters: B samples, C channels, S side in pixels, D feature size, T tokens, E their size.
"""

import importlib
import importlib.util
import inspect
import re
import sys
from contextlib import suppress
from functools import cache
from typing import Any, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import ImageEncoder
from components.encoders.start import Start
from components.errors import UserError
from components.modalities.image.config import ImagePacking

BETWEEN = "interpolate_pos_encoding"  # of transformers' models that can
MISSING = 8  # operators at most that are declared; two in torchvision 0.28


class TimmConfig(Config):
    """A network of the timm library, which has to be installed."""

    name: Literal["timm"] = "timm"
    """Selects a timm network."""

    model: str
    """Name of the network, one of `timm.list_models()`."""

    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Further arguments of `timm.create_model`, such as `img_size`."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""


class TransformersConfig(Config):
    """A vision network of the transformers library, which has to be installed."""

    name: Literal["transformers"] = "transformers"
    """Selects a transformers network."""

    architecture: dict[str, Any]
    """Contents of the config.json that accompanies the weights (model_type and sizes)."""

    size: PositiveInt | None = None
    """Side of the images in pixels where it differs from that of the architecture. For views of another side
    the position embeddings are interpolated where the library supports it; otherwise such views are
    refused."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""


class Timm(ImageEncoder):
    """The feature is timm's own: what its classifier would see."""

    prefix = "model."

    def __init__(self, config: TimmConfig, packing: ImagePacking) -> None:
        """Raises UserError: timm cannot be imported, or has no such model."""
        super().__init__(packing)
        timm = library("timm", "pip install timm torchvision")
        try:
            options: dict[str, Any] = {**config.options, "in_chans": self.channels, "num_classes": 0}
            self.model: nn.Module = timm.create_model(config.model, pretrained=False, **options)
        except (RuntimeError, TypeError, ValueError) as error:
            raise UserError(
                "unknown-library-model",
                f"timm cannot make {config.model!r}: {error!s:.120}; see timm.list_models()",
            ) from None
        self.feature_dim = int(self.model.num_features)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.model(self.standardised(x))
        return found


class Transformers(ImageEncoder):
    """The feature is the mean of the last hidden states: over tokens [B, T, E], or over maps [B, E, h, w]."""

    prefix = "model."

    def __init__(self, config: TransformersConfig, packing: ImagePacking) -> None:
        """Raises UserError: transformers cannot be imported, or has no such architecture."""
        super().__init__(packing)
        transformers = library("transformers", "pip install transformers")
        kind = {**config.architecture, "num_channels": self.channels}
        if config.size is not None:
            kind["image_size"] = config.size
        try:
            described = transformers.AutoConfig.for_model(**kind)
            self.model: nn.Module = transformers.AutoModel.from_config(described)
        except (TypeError, ValueError) as error:
            said = f"transformers cannot make {kind.get('model_type')!r}: {error!s:.120}"
            raise UserError(
                "unknown-library-model", f"{said}; architecture is what config.json beside the weights says"
            ) from None
        sizes = getattr(described, "hidden_sizes", None) or [described.hidden_size]
        self.feature_dim = int(sizes[-1])
        self.kind = str(kind["model_type"])
        self.size = getattr(described, "image_size", None)
        self.flexible = BETWEEN in inspect.signature(self.model.forward).parameters

    def forward(self, x: Tensor) -> Tensor:
        """Raises UserError: the library's model takes no views of this size."""
        between = {BETWEEN: True} if self.flexible and x.shape[-1] != self.size else {}
        try:
            last: Tensor = self.model(pixel_values=self.standardised(x), **between).last_hidden_state
        except ValueError as error:
            raise UserError(
                "view-size-refused",
                f"the {self.kind} of transformers refuses views of {x.shape[-1]} pixels "
                f"({error!s:.120}); set the encoder's size to that of the views",
            ) from None
        return last.mean(dim=1) if last.ndim == 3 else last.mean(dim=(2, 3))


def library(name: str, hint: str) -> Any:
    """The library, imported now and not before: it is another's, and may be missing."""
    if importlib.util.find_spec("torchvision") is not None:
        with suppress(Exception):  # who needs it says so; transformers would only when a model is made
            _imported("torchvision")
    try:
        return _imported(name)
    except Exception as error:
        raise UserError(
            "package-missing",
            f"encoder {name} needs the package {name}, which cannot be imported ({error!s:.80}): {hint}; "
            f"or take an encoder of ours: resnet, convnext, vit",
        ) from None


def _imported(name: str) -> Any:
    """torchvision's compiled operators fit one build of torch alone, and beside another its import fails.

    No encoder uses them: where nothing but such an operator is missing, its name is declared and the import
    tried again.
    """
    for _ in range(MISSING):
        try:
            return importlib.import_module(name)
        except RuntimeError as error:
            missing = re.match(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                raise
            _operators().define(f"{missing[1]}(Tensor x) -> Tensor")
            half = [module for module in sys.modules if module.split(".")[0] in ("torchvision", name)]
            for module in half:
                del sys.modules[module]
    return importlib.import_module(name)


@cache
def _operators() -> Any:
    """Where they are declared; kept, or what it declares is gone."""
    made: Any = torch.library.Library
    return made("torchvision", "FRAGMENT")
