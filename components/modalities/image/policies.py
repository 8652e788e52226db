"""Named policies: which views keep the class of which kind of image.

photo: things seen from the front, that a mirror leaves what they are (SimCLR's views, arXiv:2002.05709).
upright: glyphs, documents, drawings: small affine changes, never mirrored; tone instead of colour.
any_way_up: textures, tissue, aerial views: every quarter turn and mirror image shows the same thing.
signal: spectrograms and other pictures of two different axes: shifts and crops along them, no turns.

A policy has three strengths: `weak` for the samples whose class is learnt or guessed, `strong` for those that must be
given the same class (FixMatch, arXiv:2001.07685), `pretrain` for learning without labels.
"""

from typing import Any, Literal, get_args

from components.modalities.image.augment import ViewConfig
from components.modalities.view_maker import Views

Policy = Literal["photo", "upright", "any_way_up", "signal"]
POLICIES: tuple[Policy, ...] = get_args(Policy)

TONE: dict[str, Any] = {"jitter": 0.8, "brightness": 0.3, "contrast": 0.3, "gamma": 0.3}
NO_COLOUR: dict[str, Any] = {"saturation": 0.0, "hue": 0.0, "grayscale": 0.0}
AS_IT_IS: dict[str, Any] = {"jitter": 0.0, "grayscale": 0.0, "blur": 0.0}
ALL_TURNS: dict[str, Any] = {"flip": 0.5, "upside_down": 0.5, "quarter_turns": 1.0}


def views(policy: str, size: int, channels: int) -> Views[ViewConfig]:
    """The three views of images of this size: side in pixels, number of channels."""
    colour: dict[str, Any] = {} if channels == 3 else {**NO_COLOUR, "gamma": 0.4}
    mild: dict[str, Any] = {**TONE, **NO_COLOUR} if channels != 3 else {**TONE, "hue": 0.05, "grayscale": 0.0}
    of: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
        "photo": (
            {"scale": (0.7, 1.0), **AS_IT_IS},
            {"scale": (0.3, 1.0), "erase": 0.5, **colour},
            {"scale": (0.2, 1.0), **colour, "blur": 0.5 if channels == 3 and size >= 64 else 0.0},
        ),
        "upright": (
            {"scale": (0.8, 1.0), "flip": 0.0, "rotate": 8.0, "translate": 0.05, **AS_IT_IS},
            {"scale": (0.5, 1.0), "flip": 0.0, "rotate": 20.0, "translate": 0.1, "erase": 0.3, **mild},
            {"scale": (0.35, 1.0), "flip": 0.0, "rotate": 15.0, **mild},
        ),
        "any_way_up": (
            {"scale": (0.6, 1.0), **ALL_TURNS, **AS_IT_IS},
            {"scale": (0.3, 1.0), **ALL_TURNS, "erase": 0.3, **mild},
            {"scale": (0.25, 1.0), **ALL_TURNS, **mild},
        ),
        "signal": (
            {"scale": (0.8, 1.0), "flip": 0.0, "translate": 0.1, **AS_IT_IS},
            {"scale": (0.5, 1.0), "flip": 0.0, "translate": 0.2, "erase": 0.8, **mild},
            {"scale": (0.4, 1.0), "flip": 0.0, "translate": 0.1, "erase": 0.5, **mild},
        ),
    }
    return Views(*(ViewConfig(size=size, **given) for given in of[policy]))
