"""Views of every kind of data, by its name. Adding one is a line here.

Apart from the table of modalities, so that another way of making views repacks no data.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

from pydantic import ValidationError

from components.config import Config, explain
from components.implementations import Implementations
from components.modalities.base import Packing
from components.modalities.view_maker import ViewMaker

VIEW_MAKERS = Implementations[ViewMaker[Any, Any]](
    "components.modalities",
    "selfsup.views",
    {
        "image": "image.views:ImageViews",
        "sound": "sound.views:SoundViews",
        "text": "text.views:TextViews",
        "events": "events.views:EventsViews",
        "table": "table.views:TableViews",
        "series": "series.views:SeriesViews",
        "pair": "pair.views:PairViews",
    },
)
if TYPE_CHECKING:
    ViewsConfig = Config
else:
    ViewsConfig = Union[*(VIEW_MAKERS[name].View for name in VIEW_MAKERS)]
MEASURED = "measured"  # in place of a policy: the one that suits the samples


def views_for(request: dict[str, Any], fields: Sequence[str], named: Sequence[str] = ()) -> dict[str, Any]:
    """A request with its options of views as the type that belongs to its `modality`, where both are as in a recipe.

    Args:
        fields: that hold options. named: those that may name a policy, instead or alone.

    Raises:
        ValueError: an option or policy that this kind of data does not have, or a value that makes no sense.
    """
    maker = _maker(request)
    if maker is None:
        return request
    typed, known = dict[str, Any](), (*maker.policies, MEASURED)
    for field in dict.fromkeys((*fields, *named)):
        given = request.get(field)
        if given is None or isinstance(given, Config) or (field in named and given in known):
            continue
        if field not in fields or not isinstance(given, dict):
            needed = [f"one of {', '.join(known)}"] if field in named else []
            needed += ["a mapping of the options of a view"] if field in fields else []
            raise ValueError(f"{field}: must be {', or '.join(needed)} (got {given!r:.80})")
        try:
            typed[field] = maker.View.model_validate(given)
        except ValidationError as error:
            raise ValueError(explain(error, field)) from None
    return request | typed


def default_encoder(request: dict[str, Any]) -> dict[str, Any]:
    """A request with the encoder of its `modality` where it names none."""
    maker = _maker(request)
    return (
        request if maker is None or "encoder" in request else request | {"encoder": {"name": maker.encoder}}
    )


def _maker(request: dict[str, Any]) -> Any:
    """The views of a request's modality; None where there is no such kind of data."""
    modality = request.get("modality", "image")
    name = modality.get("name") if isinstance(modality, dict) else getattr(modality, "name", modality)
    return VIEW_MAKERS[name] if isinstance(name, str) and name in VIEW_MAKERS else None


def build_views(packing: Packing) -> ViewMaker[Any, Any]:
    """The views of samples that are packed like this."""
    return VIEW_MAKERS.build(packing)
