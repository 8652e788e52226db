"""What an objective or a semi-supervised method works on, and which kinds of data give that.

any: views of every kind. image: views that are images. maps: an encoder that gives maps of images (MapEncoder).
patches: an encoder that divides images into patches (TokenEncoder). continuous: views that are numbers without gaps or
codes, which can be mixed and perturbed. sequence: views of tokens [B, T]. table: views of columns [B, F].
sound: waveforms [B, C, T]. series: views of values over time [B, C, T]. events: item numbers [B, T]. pairs: views of
an image and its caption.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from components.errors import UserError

Needs = Literal[
    "any", "image", "maps", "patches", "continuous", "sequence", "table", "sound", "series", "events", "pairs"
]

GIVEN: dict[str, tuple[Needs, ...]] = {
    "image": ("any", "image", "maps", "patches", "continuous"),
    "sound": ("any", "sound"),
    "text": ("any", "sequence"),
    "table": ("any", "table"),
    "series": ("any", "series"),
    "events": ("any", "events"),
    "pair": ("any", "pairs"),
}
"""Modality -> what its views give; of a kind of data that is not listed: only what works on any."""


def check_needs(kind: str, name: str, modality: str, table: Mapping[str, Callable[..., Any]]) -> None:
    """Refuse an implementation that does not work on this kind of data, naming those that do.

    Args:
        kind: of implementation, "objective" or "method". table: all of that kind, by name; each has `needs`.

    Raises:
        UserError: it does not.
    """
    given = GIVEN.get(modality, ("any",))
    needs = _needs(table[name])
    if needs not in given:
        fit = ", ".join(sorted(other for other in table if _needs(table[other]) in given))
        raise UserError(
            "modality-unsuitable",
            f"{kind} {name} needs {WORDS.get(needs, needs)}, and the recipe's modality is {modality}; "
            f"for {modality}: {fit}",
        )


WORDS = {
    "image": "images",
    "maps": "images",
    "patches": "images",
    "continuous": "views of continuous values",
    "sequence": "sequences of tokens",
    "table": "rows of tables",
    "sound": "sounds",
    "series": "series",
    "events": "event histories",
    "pairs": "pairs of an image and a caption",
}


def _needs(implementation: Callable[..., Any]) -> str:
    return str(getattr(implementation, "needs", "any"))
