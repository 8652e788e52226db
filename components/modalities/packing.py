"""What is known of packed samples of every kind, by its name. Adding one is a line here."""

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from components.implementations import Implementations
from components.modalities.base import Packing

PACKINGS = Implementations[Packing](
    "components.modalities",
    "selfsup.packings",
    {
        "image": "image.config:ImagePacking",
        "sound": "sound.config:SoundPacking",
        "text": "text.config:TextPacking",
        "events": "events.config:EventsPacking",
        "table": "table.config:TablePacking",
        "series": "series.config:SeriesPacking",
        "pair": "pair.config:PairPacking",
    },
)
if TYPE_CHECKING:
    PackingConfig = Any
else:
    PackingConfig = Annotated[Union[*(PACKINGS[name] for name in PACKINGS)], Field(discriminator="name")]
