"""One short run of one objective, told about after every epoch: what choosing between objectives is made of.

Letters: N training samples, n labels, D feature size.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeInt
from torch import Tensor

from components.encoders.base import Encoder
from components.errors import UserError
from components.evaluation.classification.probe import choose_strength, moments
from components.objectives.lejepa import LejepaConfig, lejepa_loss
from components.training.choose import DEAD, score
from components.training.learner import features
from components.training.loop import train
from components.training.setup import Beginning, Begun, begin

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
            found["lejepa"] = lejepa_of(kept, begun)
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


@torch.no_grad()
def lejepa_of(encoder: Encoder, begun: Begun) -> float:
    """LeJEPA's loss of an encoder's features of half of the samples that a look takes, in the same two views."""
    look, source = begun.look, begun.source
    stored = source.packed.gather(look.index[::2]).to(begun.placement.device)
    generator = torch.Generator(begun.placement.device).manual_seed(look.seed)
    views = source.augmented(stored, generator, ((source.spec[0][0], 2),))
    training = encoder.training
    encoder.eval()
    found = torch.stack([torch.cat([encoder(part).float() for part in torch.split(v, 256)]) for v in views])
    encoder.train(training)
    return lejepa_figure(found.cpu())


def lejepa_figure(views: Tensor) -> float:
    """LeJEPA's loss, lower better, of the features [2, n, D] of two views: less their mean, and divided by one number,
    so that the mean variance of a dimension is 1; directions are always the same.

    Source: Balestriero & LeCun 2025 (arXiv:2511.08544), section 6, where the training loss ranks runs of LeJEPA as
    labels do. Here it is of the features themselves, so that runs of other objectives have one too; it compares those
    of the same n. About .05 x 1.05 for views that agree and whose features are a standard normal sample up to place and
    size.
    """
    usual, wide = LejepaConfig(), views.double()
    centred = wide - wide.mean(dim=(0, 1))
    scaled = centred / centred.square().mean().sqrt().clamp_min(1e-12)
    generator = torch.Generator().manual_seed(0)
    along = torch.randn(views.shape[2], usual.directions, generator=generator, dtype=torch.float64)
    along = along / along.norm(dim=0)
    return float(lejepa_loss(scaled, along, weight=usual.weight, knots=usual.knots)[0])


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
