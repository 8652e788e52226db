"""How the views of each role are made: global ones by the recipe, plain ones without changes of values, local ones.

Sources: SwAV (arXiv:2006.09882, section 3.2) and DINO (arXiv:2104.14294, section 3.1): local views of 96 pixels beside
global ones of 224, whose areas meet where the global ones' begin: .05 to .14 and .14 to 1 in SwAV, up to .25 (.4 in the
published code) in DINO. Here the same with the recipe's global views, at half their side.
"""

from collections.abc import Mapping
from typing import Any

from components.augmentations.image import ViewConfig
from components.augmentations.policies import Policy, views
from components.config import Config
from components.objectives.base import Role

SMALLEST, LARGEST = (
    0.05,
    0.4,
)  # areas of local views, as shares of the image's; DINO's published code has these bounds
UNCHANGED: dict[str, Any] = {
    "jitter": 0.0, "grayscale": 0.0, "blur": 0.0, "solarise": 0.0, "erase": 0.0, "randaugment": 0, "cutout": 0.0,
}  # fmt: skip


def role_views(
    given: Policy | ViewConfig | None,
    local: ViewConfig | None,
    *,
    size: int,
    channels: int,
    encoder: Config,
) -> Mapping[Role, ViewConfig]:
    """The views of every role, for images of side `size` in pixels with so many channels.

    Args:
        given: the global views: those of a policy, these options, or ViewConfig's defaults.
        local: options of the local views. None: as the global ones, but with an area from .05 to where the global
            views' begins (.4 at most).
        encoder: an EncoderConfig; where it has a `patch`, the default side of local views is a multiple of that.

    Returns:
        global: of side `size` unless its options name one. plain: the same without all that changes values. local: of
        half the global side, rounded down to whole patches, unless its options name one. A ViewConfig(size=28) of
        scale (.2, 1) and a patch of 4 give local views of 12 pixels and scale (.05, .2).
    """
    options = views(given, size, channels).pretrain if isinstance(given, str) else given or ViewConfig()
    whole = _sized(options, size)
    patch = int(getattr(encoder, "patch", 1))
    half = max(1, whole.size // 2 // patch) * patch
    if local is None:
        begins = whole.scale[0]
        local = whole.model_copy(
            update={"size": half, "scale": (min(SMALLEST, begins), min(LARGEST, begins))}
        )
    return {
        "global": whole,
        "plain": whole.model_copy(update=UNCHANGED),
        "local": _sized(local, half),
    }


def _sized(config: ViewConfig, size: int) -> ViewConfig:
    """The view with this side, where its options name none."""
    return config if "size" in config.model_fields_set else config.model_copy(update={"size": size})
