"""Every encoder, by the name its configuration carries. Adding one is a line here."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveInt

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.item_counts import ItemCounts
from components.encoders.joined import Joined
from components.encoders.mfcc import Mfcc
from components.encoders.nearest_mean import NearestMean
from components.encoders.neighbours import Neighbours
from components.encoders.one_side import OneSide
from components.encoders.pixels import Pixels
from components.encoders.published import Published
from components.encoders.raw_rows import RawRows
from components.encoders.rows import Rows
from components.encoders.start import begin_from
from components.encoders.tfidf import Tfidf
from components.encoders.trees import Trees
from components.errors import UserError
from components.implementations import Implementations, configs_of, name_of
from components.modalities.base import Packing

__all__ = [
    "ENCODERS", "Encoder", "EncoderConfig", "JoinedConfig", "NearestMeanConfig", "NeighboursConfig",
    "ServedConfig", "build_encoder", "start_encoder",
]  # fmt: skip

ENCODERS = Implementations[Encoder](
    "components.encoders",
    "selfsup.encoders",
    {
        "resnet": "resnet:Resnet",
        "resnet18": "resnet:Resnet",
        "resnet50": "resnet:Resnet",
        "convnext": "convnext:Convnext",
        "convnext_tiny": "convnext:Convnext",
        "vit": "vit:Vit",
        "vit_tiny": "vit:Vit",
        "vit_small": "vit:Vit",
        "vit_base": "vit:Vit",
        "sound_cnn": "sound_cnn:SoundCnn",
        "sound_vit": "sound_vit:SoundVit",
        "sound_wave": "sound_wave:SoundWave",
        "text_bag": "text_bag:TextBag",
        "text_bert": "text_bert:TextBert",
        "text_transformer": "text_transformer:TextTransformer",
        "table_mlp": "table_mlp:TableMlp",
        "ft_transformer": "ft_transformer:FtTransformer",
        "series_conv": "series_conv:SeriesConv",
        "history_transformer": "history_transformer:HistoryTransformer",
        "random_kernels": "random_kernels:RandomKernels",
        "two_towers": "two_towers:TwoTowers",
        "timm": "adapters:Timm",
        "transformers": "adapters:Transformers",
    },
)
UNTRAINED: dict[str, Callable[..., Encoder]] = {
    "pixels": Pixels, "published": Published, "tfidf": Tfidf, "rows": Rows, "raw_rows": RawRows,
    "trees": Trees, "mfcc": Mfcc, "item_counts": ItemCounts, "one_side": OneSide,
}  # fmt: skip
"""Encoders in which nothing learns, by name: a recipe does not name them, a model may hold them."""

if TYPE_CHECKING:
    EncoderConfig = Config
    PlainConfig = Config
else:
    NOT_NAMED = [kind for encoder in UNTRAINED.values() for kind in configs_of(encoder)]
    EncoderConfig = ENCODERS.config_type()
    PlainConfig = ENCODERS.config_type(*NOT_NAMED)


class NeighboursConfig(Config):
    """Sizes of a model of nearest neighbours."""

    name: Literal["neighbours"] = "neighbours"
    """Selects nearest neighbours among the labelled samples."""

    plain: PlainConfig
    """Encoder whose features are compared."""

    samples: PositiveInt
    """Samples in the bank."""

    classes: PositiveInt
    """Classes that they vote for."""

    k: PositiveInt
    """Neighbours that vote."""


class NearestMeanConfig(Config):
    """Sizes of a model of nearest neighbours for numbers."""

    name: Literal["nearest_mean"] = "nearest_mean"
    """Selects the mean of the nearest labelled samples."""

    plain: PlainConfig
    """Encoder whose features are compared."""

    samples: PositiveInt
    """Samples in the bank."""

    k: PositiveInt
    """Neighbours whose numbers are averaged."""


if TYPE_CHECKING:
    MemberConfig = Config
else:
    MemberConfig = ENCODERS.config_type(*NOT_NAMED, NearestMeanConfig, NeighboursConfig)


class JoinedConfig(Config):
    """members: side by side, pixels last."""

    name: Literal["joined"] = "joined"
    members: tuple[MemberConfig, ...] = Field(min_length=2)


if TYPE_CHECKING:
    ServedConfig = Config
else:
    ServedConfig = ENCODERS.config_type(
        *NOT_NAMED, NearestMeanConfig, NeighboursConfig, JoinedConfig
    )  # of a model


def build_encoder(config: ServedConfig, packing: Packing) -> Encoder:
    """The encoder for samples that are packed like this.

    As chance begins it: `start` is not looked at, so that a trained encoder can be built without that file.

    Raises:
        ValueError: mean or std are not one a channel, or std is not above 0.
        UserError: it takes samples of another kind, or is of a library that is missing.
    """
    if isinstance(config, JoinedConfig):
        return Joined([build_encoder(member, packing) for member in config.members], packing)
    if isinstance(config, NeighboursConfig):
        return Neighbours(build_encoder(config.plain, packing), config.samples, config.classes, config.k)
    if isinstance(config, NearestMeanConfig):
        return NearestMean(build_encoder(config.plain, packing), config.samples, config.k)
    accepts(config, packing)
    return _made(name_of(config))(config, packing)


def accepts(config: Config, packing: Packing) -> None:
    """Raises UserError where an encoder does not take samples that are packed like this."""
    name = name_of(config)
    kind = _takes(_made(name))
    if kind not in ("any", packing.name):
        fit = ", ".join(sorted(n for n in ENCODERS if _takes(ENCODERS[n]) in ("any", packing.name)))
        raise UserError(
            "modality-unsuitable",
            f"encoder {name} takes {kind} samples and the recipe's modality is {packing.name}; for {packing.name}: "
            f"{fit}",
        )


def _made(name: str) -> Callable[..., Encoder]:
    return UNTRAINED[name] if name in UNTRAINED else ENCODERS[name]


def _takes(encoder: Callable[..., Encoder]) -> str:
    return str(getattr(encoder, "modality", "any"))


def patch_of(config: Config) -> int:
    """What the side of a view has to be a multiple of; 1 where it does not matter."""
    return int(getattr(config, "patch", 1))


def start_encoder(config: EncoderConfig, packing: Packing) -> Encoder:
    """The same for a training that begins: with the weights of `start`, and what of them may change.

    Raises:
        UserError: as begin_from.
    """
    encoder = build_encoder(config, packing)
    for part, start in encoder.starting(config):
        begin_from(part, start)
    encoder.lock(config)
    return encoder
