"""One short run of one objective, told about after every epoch: what choosing between objectives is made of.

Letters: N training samples, n labels, D feature size.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt

from components.errors import UserError
from components.evaluation.classification.probe import choose_strength, moments
from components.training.choose import DEAD, score
from components.training.learner import features
from components.training.loop import train
from components.training.setup import Beginning, begin

GRID = (0.003, 0.03, 0.3)  # strengths of the probe: few, for it is fitted after every epoch
Tell = Callable[[dict[str, Any]], None]


class Trial(Beginning):
    """classes: of the snapshot's labels, 0 for none. folder: for checkpoints."""

    classes: NonNegativeInt
    folder: Path


def trial(given: Trial, tell: Tell) -> None:
    """Train; after each epoch tell {"epoch", "score", "accuracy" (None with too few labels), "dead", figures...}.

    A run that collapses, or that cannot begin, tells so once, with the lowest score, and ends.
    """
    from components.data.table import Table  # pyarrow: this room is otherwise torch, numpy and pydantic

    told = 0
    table = Table.load(given.table)
    rows = table.train_rows()
    labels = table.label[rows]
    try:
        begun = begin(given, rows, labels)

        def watch(_: int, figures: dict[str, float]) -> None:
            nonlocal told
            found = {
                n.removeprefix("diagnostics/"): v for n, v in figures.items() if n.startswith("diagnostics/")
            }
            if not found:
                return
            told = round(figures["epoch"])
            kept = begun.learner.objective.exported(begun.encoder)
            z = features(kept, begun.source.clean, begun.source.rows, begun.placement).numpy()
            tell({
                "epoch": told, "score": score(found), "dead": None, "loss": figures["loss/total"],
                "accuracy": accuracy(z, labels, given.classes, given.seed), **found,
            })  # fmt: skip

        train(
            begun.learner, begun.source, given.train, given.folder, watch, seed=given.seed,
            placement=begun.placement, check=begun.look,
        )  # fmt: skip
    except (UserError, ValueError) as error:
        tell({"epoch": told + 1, "score": DEAD, "accuracy": 0.0, "dead": str(error)})


def accuracy(z: NDArray[np.float32], labels: NDArray[np.int64], classes: int, seed: int) -> float | None:
    """Of a linear probe on the labels, cross-validated: z [N, D] sets the scale, labels [N] are -1 where there
    is none. None with too few to hold any out. Test items are not among them."""
    known = np.flatnonzero(labels >= 0)
    if classes < 2 or not len(known):
        return None
    mean, scale = moments(z)
    scaled = (z[known] - mean) / scale
    found = choose_strength(scaled, labels[known], classes, grid=GRID, folds=5, repeats=1, seed=seed)
    return found.accuracy
