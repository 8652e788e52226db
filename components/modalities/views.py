"""Views of every kind of data, by its name. Adding one is a line here.

Apart from the table of modalities, so that another way of making views repacks no data.
"""

from typing import Any

from components.implementations import Implementations
from components.modalities.base import Packing
from components.modalities.view_maker import ViewMaker

VIEW_MAKERS = Implementations[ViewMaker[Any, Any]](
    "components.modalities",
    "selfsup.views",
    {"image": "image.views:ImageViews"},
)


def build_views(packing: Packing) -> ViewMaker[Any, Any]:
    """The views of samples that are packed like this."""
    return VIEW_MAKERS.build(packing)
