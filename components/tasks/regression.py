"""Labels are numbers."""

import math
from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from components.config import Config
from components.errors import UserError
from components.tasks.base import Targets, Task

POINTS = (".", ",")  # the likelier one first
SHOWN = 3  # texts in a message
NEARLY, MANY, SHARE = (
    0.95,
    20,
    0.2,
)  # of labels that are numbers; different values at least, and of all labels


class RegressionConfig(Config):
    """Labels are numbers, which the model predicts with an interval."""

    name: Literal["regression"] = "regression"
    """Selects regression."""

    decimal: Literal[".", ","] | None = None
    """Decimal point of the labels; null: inferred from those of the recipe's first snapshot, and kept."""


class Regression(Task[RegressionConfig]):
    """The numbers are read as those in the columns of a table are: groups of three digits, units and shares as in
    "1,234.5", "€ 5" and "12 %" (components.modalities.table.cells)."""

    config: RegressionConfig
    headline = "r2"
    word = "R²"
    figures: ClassVar[Mapping[str, str]] = {"mae": "mean absolute error", "rmse": "RMSE"}
    share = False
    numeric = True
    clusters = False
    learns = "a regression"

    def targets(self, labels: Mapping[str, str], style: str = "") -> Targets:
        """{"a": "1,5", "b": "x", "c": "NA"}: a is 1.5, b is refused, c has no label.

        Raises:
            UserError: none of the labels is a number.
        """
        from components.modalities.table.cells import (
            MISSING,  # numpy, .2 s that reading a recipe need not wait for
        )

        said = {id: text.strip() for id, text in labels.items() if text.strip() not in MISSING}
        point = self.config.decimal or style or likelier(said.values())
        value = {id: number_in(text, point) for id, text in said.items()}
        known = {id: found for id, found in value.items() if not math.isnan(found)}
        if said and not known:
            some = ", ".join(repr(text[:20]) for text in sorted(set(said.values()))[:SHOWN])
            raise UserError(
                "labels-not-numbers",
                f"the task regression needs labels that are numbers, got {some}; name a target column of numbers, or "
                "leave out `task`, which makes each label a class",
            )
        refused = {id: reason(said[id], point) for id in said.keys() - known.keys()}
        return Targets(
            label=dict.fromkeys(known, 0), value=known, refused=refused, style=point if known else ""
        )


def likelier(texts: Iterable[str]) -> str:
    """The decimal point with which more of the texts are numbers; of equals the point. "1,5": the comma."""
    given = list(texts)
    return max(POINTS, key=lambda point: sum(not math.isnan(number_in(text, point)) for text in given))


def number_in(text: str, point: str) -> float:
    """The number that a text is, NaN where it is none; see components.modalities.table.cells."""
    from components.modalities.table.cells import (
        number,  # numpy, .2 s that reading a recipe need not wait for
    )

    return number(text, point)


def reason(text: str, point: str) -> str:
    """Why a text is no target."""
    if text.lower().lstrip("+-") in ("inf", "infinity"):
        return f"label {text[:40]!r} is infinite; a finite number is needed"
    word = {".": "point", ",": "comma"}[point]
    return f"label {text[:40]!r} is no number with a decimal {word}, of at most 1e30; correct it in the label file"


def are_numbers(labels: Mapping[str, int]) -> bool:
    """Whether labels, each with how often it is there, look like numbers to predict rather than names of classes:
    nearly all are numbers, of many different values; and not just 0, 1, 2, ..., which is how classes are numbered.

    97 different prices of 100: yes. Ten digits: no. 0 to 99, once each: no.
    """
    total = sum(labels.values())
    point = likelier(labels)
    values = {text: number_in(text, point) for text in labels}
    known = {text: value for text, value in values.items() if not math.isnan(value)}
    different = set(known.values())
    counted = different == {float(place) for place in range(len(different))}
    counted = counted or different == {float(place) for place in range(1, len(different) + 1)}
    enough = sum(labels[text] for text in known) >= NEARLY * total
    return enough and not counted and len(different) >= max(MANY, total * SHARE)
