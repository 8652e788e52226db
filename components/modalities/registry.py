"""Every kind of data, by the name its configuration carries. Adding one is a line here and one in views.py."""

from typing import TYPE_CHECKING, Any, Union

from pydantic import ValidationError

from components.config import Config, explain
from components.implementations import Implementations
from components.modalities.base import Modality, Packing

MODALITIES = Implementations[Modality[Any, Any]](
    "components.modalities",
    "selfsup.modalities",
    {
        "image": "image.modality:Images",
        "sound": "sound.modality:Sounds",
        "text": "text.modality:Texts",
        "events": "events.modality:EventHistories",
        "table": "table.modality:Tables",
        "series": "series.modality:SeriesSamples",
        "pair": "pair.modality:Pairs",
    },
)
if TYPE_CHECKING:
    ModalityConfig = Config
    LimitsConfig = Config
else:
    ModalityConfig = MODALITIES.config_type()
    LimitsConfig = Union[*(MODALITIES[name].Limits for name in MODALITIES)]


def build_modality(config: ModalityConfig) -> Modality[Any, Any]:
    """The kind of data that `config` describes."""
    return MODALITIES.build(config)


def packed_as(packing: Packing) -> Modality[Any, Any]:
    """The kind of data of packed samples."""
    return MODALITIES.build(packing.config)


def limits_for(request: dict[str, Any]) -> dict[str, Any]:
    """A request with its `limits` as the type that belongs to its `modality`, where both are as in a recipe.

    Raises:
        ValueError: a limit that this kind of data does not have, or a value that makes no sense.
    """
    modality, limits = request.get("modality"), request.get("limits")
    name = modality.get("name") if isinstance(modality, dict) else getattr(modality, "name", modality)
    if not isinstance(limits, dict) or not isinstance(name, str) or name not in MODALITIES:
        return request
    kind: Any = MODALITIES[name]
    try:
        return {**request, "limits": kind.Limits.model_validate(limits)}
    except ValidationError as error:
        raise ValueError(explain(error, "limits")) from None
