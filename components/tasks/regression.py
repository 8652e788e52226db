"""Labels are numbers."""

import math
from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from components.config import Config
from components.errors import UserError
from components.modalities.table.cells import MISSING, number
from components.tasks.base import Targets, Task

POINTS = (".", ",")  # the likelier one first
SHOWN = 3  # texts in a message


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
        said = {id: text.strip() for id, text in labels.items() if text.strip() not in MISSING}
        point = self.config.decimal or style or likelier(said.values())
        value = {id: number(text, point) for id, text in said.items()}
        known = {id: found for id, found in value.items() if not math.isnan(found)}
        if said and not known:
            some = ", ".join(repr(text[:20]) for text in sorted(set(said.values()))[:SHOWN])
            raise UserError(
                f"the task regression needs labels that are numbers, got {some}; name a target column of numbers, or "
                "leave out `task`, which makes each label a class"
            )
        refused = {id: reason(said[id], point) for id in said.keys() - known.keys()}
        return Targets(
            label=dict.fromkeys(known, 0), value=known, refused=refused, style=point if known else ""
        )


def likelier(texts: Iterable[str]) -> str:
    """The decimal point with which more of the texts are numbers; of equals the point. "1,5": the comma."""
    given = list(texts)
    return max(POINTS, key=lambda point: sum(not math.isnan(number(text, point)) for text in given))


def reason(text: str, point: str) -> str:
    """Why a text is no target."""
    if text.lower().lstrip("+-") in ("inf", "infinity"):
        return f"label {text[:40]!r} is infinite; a finite number is needed"
    word = {".": "point", ",": "comma"}[point]
    return f"label {text[:40]!r} is no number with a decimal {word}, of at most 1e30; correct it in the label file"
