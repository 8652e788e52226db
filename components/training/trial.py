"""One short run of one objective, told about after every epoch: what choosing between objectives is made of.

Letters: N training samples, n labels, D feature size.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveInt

from components.config import Config
from components.data.packed import Packed
from components.encoders import EncoderConfig, start_encoder
from components.errors import UserError
from components.evaluation.probe import choose_strength, moments
from components.objectives import ObjectiveConfig, build_objective
from components.training.choose import DEAD, score
from components.training.device import place
from components.training.learner import Learner, draw, features
from components.training.look import Look
from components.training.loop import TrainConfig, train
from components.training.source import ViewSource

GRID = (0.003, 0.03, 0.3)  # strengths of the probe: few, for it is fitted after every epoch
Tell = Callable[[dict[str, Any]], None]


class Trial(Config):
    """images, table: of the snapshot. classes: of its labels, 0 for none. folder: for checkpoints."""

    images: Path
    table: Path
    classes: NonNegativeInt
    channels: PositiveInt
    mean: list[float]
    std: list[float]
    encoder: EncoderConfig
    objective: ObjectiveConfig
    train: TrainConfig
    seed: NonNegativeInt
    device: str = "auto"
    folder: Path


def trial(given: Trial, tell: Tell) -> None:
    """Train; after each epoch tell {"epoch", "score", "accuracy" (None with too few labels), "dead", figures...}.

    A run that collapses, or that cannot begin, tells so once, with the lowest score, and ends.
    """
    from components.data.table import Table  # pyarrow: this room is otherwise torch, numpy and pydantic

    told = 0
    placement = place(given.device, given.train.precision)
    table = Table.load(given.table)
    packed = Packed.open(given.images, table.train_rows())
    labels = torch.from_numpy(table.label[table.train_rows()])
    torch.manual_seed(draw(given.seed))
    try:
        encoder = start_encoder(given.encoder, given.channels, given.mean, given.std)
        objective = build_objective(given.objective, encoder, len(packed))
        learner = Learner(encoder, objective)
        source = ViewSource(
            packed, objective.views, batch_size=given.train.batch_size, seed=given.seed,
            device=placement.device, labels=labels if objective.uses_labels else None,
        )  # fmt: skip

        def watch(_: int, figures: dict[str, float]) -> None:
            nonlocal told
            found = {
                n.removeprefix("diagnostics/"): v for n, v in figures.items() if n.startswith("diagnostics/")
            }
            if not found:
                return
            told = round(figures["epoch"])
            kept = objective.exported(encoder)
            z = features(kept, source.clean, source.rows, placement).numpy()
            tell({
                "epoch": told, "score": score(found), "dead": None, "loss": figures["loss/total"],
                "accuracy": accuracy(z, labels.numpy(), given.classes, given.seed), **found,
            })  # fmt: skip

        train(
            learner, source, given.train, given.folder, watch, seed=given.seed, placement=placement,
            check=Look(learner, source, placement, given.seed),
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
