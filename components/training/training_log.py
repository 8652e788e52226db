"""Looking at a training now and then: losses and speed every few steps, the representation every epoch.

Reading a loss back from the device makes the host wait for it, so it is done here and nowhere else.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from components.collectives import world
from components.errors import Collapse, UserError
from components.evaluation.classification.churn import churn
from components.training.learner import sync_bn_stats
from components.training.slowdown import Slowdown
from components.training.training_state import Clock, Position, State
from components.training.view_source import BatchSource

# (steps done, figures); figures holds "epoch" and "progress" too
Watch = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class Check:
    """What a look at the representation found: figures to log and, if it is dead, why.

    anchors: [n] int64, where each sample looked at belongs (components.evaluation.classification.churn).
    """

    figures: dict[str, float]
    dead: str | None = None
    anchors: Tensor | None = None


Checker = Callable[[float], Check]  # mean loss of the epoch -> what the representation looks like


def mean_losses(at: Position) -> dict[str, float]:
    """Losses since the epoch began, mean over its steps and the processes.

    Raises:
        UserError: the total is not finite.
    """
    values = torch.stack([at.sums[name] for name in at.sums]) / at.step
    if world() > 1:
        dist.all_reduce(values)
        values /= world()
    losses = {f"loss/{name}": float(value) for name, value in zip(at.sums, values.tolist(), strict=True)}
    if not math.isfinite(losses["loss/total"]):
        raise UserError(
            "loss-not-finite",
            f"the loss is {losses['loss/total']} at step {at.done}; try a smaller learning rate, clip 1.0 "
            f"or precision float32 (the last checkpoint is from before it happened)",
        )
    return losses


class Watching:
    """Measures the time between looks and judges the epochs."""

    def __init__(
        self,
        state: State,
        source: BatchSource,
        watch: Watch,
        check: Checker | None,
        epochs: int,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.state, self.source, self.watch, self.check = state, source, watch, check
        self.epochs, self.say, self.slowdown = epochs, say, Slowdown()
        self.start()

    def start(self) -> None:
        """Time counts from here on."""
        self.since, self.waited, self.samples = time.perf_counter(), self.source.waited, 0

    def look(self, steps: int) -> None:
        """Losses, rate and speed since the last look. steps: of the epoch."""
        at, clock = self.state.at, self.state.clock
        losses = mean_losses(at)
        seconds = max(time.perf_counter() - self.since, 1e-9)
        waited = self.source.waited - self.waited
        progress = (at.epoch + at.step / steps) / self.epochs
        self.watch(at.done, {
            "epoch": at.epoch + at.step / steps, "progress": progress, **losses,
            "rate": self.state.optimiser.param_groups[0]["lr"],
            "samples_per_second": self.samples / seconds, "data_wait_share": waited / seconds,
        })  # fmt: skip
        if warning := self.slowdown.seen(seconds, self.samples, waited):
            self.say(warning)
        self.state.clock = Clock(clock.seconds + seconds, clock.samples + self.samples, clock.waited + waited)
        self.start()

    def inspect(self, epoch: int, warmup: float, patience: int) -> None:
        """The figures of an epoch's end; stops a training that has been dead for long.

        Raises:
            Collapse: dead for `patience` epochs in a row, those within the share `warmup` not counted.
        """
        at, learner, done = self.state.at, self.state.learner, (epoch + 1) / self.epochs
        sync_bn_stats(learner)
        figures = mean_losses(at)
        figures.update({f"objective/{name}": value for name, value in learner.objective.figures().items()})
        self.state.figures = figures
        if self.check is not None:
            found = self.check(figures["loss/total"])
            figures.update({f"diagnostics/{name}": value for name, value in found.figures.items()})
            if found.anchors is not None:
                if at.anchors is not None:
                    figures["diagnostics/churn"] = churn(at.anchors, found.anchors)
                at.anchors = found.anchors
            at.dead = at.dead + 1 if found.dead and done > warmup else 0
            if found.dead and at.dead >= patience:
                raise Collapse(
                    "representation-collapsed", f"pretraining is dead after {epoch + 1} epochs: {found.dead}"
                )
        self.watch(at.done, {"epoch": epoch + 1.0, "progress": done, **figures})
