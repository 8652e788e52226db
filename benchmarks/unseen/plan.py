"""Which cells the battery measures, and in which order.

A cell is one image set with one draw of labels.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from benchmarks.unseen.image_set import Half
from benchmarks.unseen.sets import SETS
from components.errors import UserError

Labels = int | Literal["all"]

EVERYWHERE: Labels = 10
BESIDE: tuple[Labels, ...] = (1, 3, "all")
WIDE: dict[Half, tuple[str, ...]] = {
    "development": ("printed-digits", "instruments", "emoji", "chess"),
    "final": ("mnist", "spoken-digits", "clip-art", "cards"),
}
"""Sets that are measured with BESIDE too: two grey and two colour of each half, named before any was measured."""


class Cell(NamedTuple):
    name: str
    """Of the image set."""
    labels: Labels
    """Labels a class; all: every training image has one."""
    draw: int

    def __str__(self) -> str:
        return f"{self.name}, {described(self.labels)}, draw {self.draw}"


def described(labels: Labels) -> str:
    """10 -> '10 labels a class'."""
    return "all labels" if labels == "all" else f"{labels} label{'s' if labels > 1 else ''} a class"


def cells(half: Half, names: Sequence[str] = (), labels: Sequence[Labels] = (), draws: int = 3) -> list[Cell]:
    """The cells of a half; every set comes once before any comes with a second draw.

    Args:
        names: of sets of that half; all of them where empty.
        labels: numbers of labels a class; where empty EVERYWHERE, and BESIDE on the sets of WIDE.
        draws: of each number of labels; `all` has one.

    Raises:
        UserError: a set is unknown or of the other half.
    """
    for name in names:
        if name not in SETS:
            raise UserError("unknown-name", f"there is no image set {name}; there are: {', '.join(SETS)}")
        if SETS[name].half != half:
            raise UserError(
                "unknown-name",
                f"image set {name} is of the {SETS[name].half} half: give --half {SETS[name].half}",
            )
    chosen = list(names) or [name for name, one in SETS.items() if one.half == half]
    wanted = tuple(labels) or (EVERYWHERE, *BESIDE)
    return [
        Cell(name, number, draw)
        for draw in range(draws)
        for number in wanted
        for name in chosen
        if (draw == 0 or number != "all") and (labels or number == EVERYWHERE or name in WIDE[half])
    ]


def parsed(text: str) -> Labels:
    """'10' -> 10, 'all' -> 'all'.

    Raises:
        UserError: neither a number from 1 on nor all.
    """
    if text == "all":
        return "all"
    if not text.isdecimal() or int(text) < 1:
        raise UserError(
            "value-out-of-range", f"labels a class must be a number from 1 on, or all; got {text!r}"
        )
    return int(text)
