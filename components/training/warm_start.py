"""A warm start: go on from a finished training when samples have come, with a replay of the old ones.

Encoder, objective (heads, teacher, prototypes, queue), the optimiser's moments and the averaged weights are
the parent's; the schedule begins again, shorter. Each epoch visits every new sample and some of the
old ones, so its cost goes with what is new. Replay against forgetting: Rolnick et al. 2019 (arXiv:1811.11682).
Letters: n new rows, m old rows.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor
from torch.optim import Optimizer

from components.config import Config
from components.data.loader import order
from components.errors import UserError
from components.training.ema import Ema
from components.training.learner import Learner, derive_seed
from components.training.optimiser import OptimiserConfig


class WarmConfig(Config):
    """How a warm start is trained, compared with a training from scratch.

    By default 8,000 new samples after 16,000 cost 45 % of the seconds of a training from scratch on all of them
    (docs/retrain.md). Half the rate and half the epochs cost less and leave features below the parent's (docs/log.md).
    """

    epochs: float = Field(default=0.7, gt=0, le=1)
    """Share of the epochs of a training from scratch."""

    replay: NonNegativeFloat = 1.0
    """Old samples visited for each new one, in each epoch."""

    rate: PositiveFloat = 1.0
    """Share of the peak learning rate."""

    def epochs_of(self, epochs: int) -> int:
        """Epochs of a warm start where a training from scratch has so many; at least 1."""
        return max(1, round(self.epochs * epochs))

    def optimiser_of(self, config: OptimiserConfig) -> OptimiserConfig:
        """The same optimiser at the lower peak rate."""
        return config.model_copy(update={"learning_rate": config.learning_rate * self.rate})


@dataclass(frozen=True)
class Warm:
    """checkpoint: file of the parent's end state. new [n], old [m]: int64, rows that the parent has not and
    has trained on. replay: as in WarmConfig."""

    checkpoint: Path
    new: Tensor
    old: Tensor
    replay: float

    def state(self, device: torch.device) -> dict[str, Any]:
        state: dict[str, Any] = torch.load(
            self.checkpoint, map_location=device, weights_only=True, mmap=device.type == "cpu"
        )
        return state

    def rows(self, batch_size: int, seed: int, epoch: int) -> Tensor:
        """[n + k] int64 rows of an epoch: every new one, and k = replay * n old ones, other ones each epoch;
        so many at least that there is a batch. A pure function of seed and epoch."""
        wanted = max(round(self.replay * len(self.new)), batch_size - len(self.new))
        chosen = order(len(self.old), derive_seed(seed, -2), epoch)[:wanted]
        return torch.cat([self.new, self.old[chosen]])


def take_over(
    state: dict[str, Any], learner: Learner, optimiser: Optimizer, ema: Ema[Learner] | None
) -> None:
    """The parent's weights, objective, moments and average into a training that has not begun.

    Args:
        state: a checkpoint. Rates and decays of the optimiser, position and random state are not taken.

    Raises:
        UserError: it is of another network, another objective or another optimiser.
    """
    if (ema is None) != (state["ema"] is None):
        raise UserError(
            "warm-start-impossible",
            "a warm start needs ema_decay on in both trainings or in none; train from scratch",
        )
    try:
        load_into(learner, state["learner"])
        if ema is not None:
            load_into(ema.module, state["ema"]["module"])
            ema.updates = int(state["ema"]["updates"])
        groups = optimiser.state_dict()["param_groups"]
        if [g.keys() for g in groups] != [g.keys() for g in state["optimiser"]["param_groups"]]:
            raise RuntimeError("the optimisers differ")
        optimiser.load_state_dict({"state": state["optimiser"]["state"], "param_groups": groups})
    except (RuntimeError, KeyError, ValueError) as error:  # what torch raises of states that do not fit
        text = " ".join(str(error).split())
        raise UserError(
            "warm-start-impossible",
            f"the parent's checkpoint does not fit this training, train from scratch: {text:.200}",
        ) from None


def load_into(learner: Learner, state: dict[str, Tensor]) -> None:
    """A learner's state of another data set: the encoder's as it is, the objective's as far as it holds."""
    parts: dict[str, dict[str, Tensor]] = {"encoder": {}, "objective": {}}
    for name, value in state.items():
        part, _, inner = name.partition(".")
        parts[part][inner] = value
    learner.encoder.load_state_dict(parts["encoder"])
    learner.objective.carry_over(parts["objective"])
