"""The one training loop: for every objective, every semi-supervised method, one process or many.

What is random in a step is drawn from (seed, epoch, step, rank) alone, and everything that a step changes is
in the checkpoint. So an interrupted training that goes on ends in the same bytes as one that was never
stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor

from components.collectives import rank, world
from components.config import Config
from components.cores import keep_freed_memory
from components.crash import point
from components.encoders.norm import synchronise
from components.errors import UserError
from components.training.device import Placement, Precision
from components.training.ema import Ema
from components.training.learner import Learner, derive_seed, features, sync_bn_stats
from components.training.optimiser import (
    AdamwConfig,
    OptimiserConfig,
    build_optimiser,
    reset_moments,
    set_rate,
)
from components.training.schedule import rate
from components.training.training_log import Checker, Watch, Watching
from components.training.training_state import State
from components.training.view_source import BatchSource
from components.training.warm_start import Warm


class TrainConfig(Config):
    """Options of the training loop."""

    epochs: PositiveInt = 20
    """Passes over the training samples."""

    batch_size: PositiveInt = 256
    """Samples in each step, over all processes together."""

    optimiser: OptimiserConfig = AdamwConfig()
    """Optimiser, with its peak learning rate."""

    encoder_rate: NonNegativeFloat = 1.0
    """Multiplies the learning rate of the encoder."""

    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of training in which the learning rate rises; no training is stopped as collapsed within it."""

    floor: float = Field(default=0.0, ge=0, le=1)
    """Share of the peak learning rate that is left at the end."""

    clip: NonNegativeFloat = 0.0
    """Largest norm of the gradient; 0: gradients are not clipped."""

    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decay of the moving average of the weights; 0: no average is kept."""

    precision: Precision = "auto"
    """Number format of the computations: `float32`, `bfloat16` (autocast) or `auto`: bfloat16 where the
    device computes in it natively, else float32."""

    checkpoint_seconds: NonNegativeFloat = 30.0
    """Shortest time between two checkpoints in seconds."""

    watch_steps: PositiveInt = 20
    """Steps between two records of loss and speed."""

    patience: PositiveInt = 3
    """Epochs in a row with a collapsed representation before training is stopped."""

    sync_batch_norm: bool = False
    """Compute batch norm over the batch of all processes, not over each one's part; on CPUs the processes
    then wait for each other at every layer."""


@dataclass(frozen=True)
class Trained:
    """seconds: of training, interruptions left out. figures: of the last epoch. checkpoint: the file of the
    end state. processes: that shared every batch."""

    learner: Learner
    average: Learner | None
    steps: int
    seconds: float
    samples_per_second: float
    data_wait_share: float
    figures: dict[str, float]
    checkpoint: Path
    processes: int = 1


def train(
    learner: Learner,
    source: BatchSource,
    config: TrainConfig,
    folder: Path,
    watch: Watch,
    *,
    seed: int,
    placement: Placement,
    check: Checker | None = None,
    warm: Warm | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Trained:
    """Train `learner` in place, from the newest checkpoint in `folder` if there is one.

    Args:
        folder: of checkpoints; shared by all processes. The first one writes.
        watch: hears of losses and speed every `watch_steps` steps and of the figures of every epoch.
        check: looks at the representation after every epoch.
        warm: the parent that a training begins from, and the rows that are new since.

    Raises:
        Collapse: `check` found the representation dead `patience` times in a row, warm-up aside.
        UserError: the loss is not finite, or a checkpoint belongs to another training.
    """
    keep_freed_memory()
    placement.put(learner)
    training = _Training(learner, source, config, folder, watch, seed, placement, check, warm, say)
    training.state.take_up(warm, say)
    try:
        for epoch in range(training.state.at.epoch, config.epochs):
            training.epoch(epoch)
    finally:
        source.close()
    return training.finish()


class _Training:
    def __init__(
        self,
        learner: Learner,
        source: BatchSource,
        config: TrainConfig,
        folder: Path,
        watch: Watch,
        seed: int,
        placement: Placement,
        check: Checker | None,
        warm: Warm | None,
        say: Callable[[str], None],
    ) -> None:
        self.learner, self.source, self.config = learner, source, config
        self.seed, self.placement, self.warm = seed, placement, warm
        synchronise(learner, config.sync_batch_norm)
        lr_scale = learner.objective.lr_scale
        parts = ((learner.encoder, config.encoder_rate * lr_scale), (learner, lr_scale))
        self.optimiser = build_optimiser(config.optimiser, parts)
        self.ema: Ema[Learner] | None = Ema(learner, config.ema_decay) if config.ema_decay else None
        settings = config.model_dump(mode="json", exclude={"checkpoint_seconds", "watch_steps"})
        identity: dict[str, Any] = {"seed": seed, "samples": source.rows, **settings}
        self.state = State(learner, self.optimiser, self.ema, folder, identity, placement.device)
        self.watching = Watching(self.state, source, watch, check, config.epochs, say)
        self.generator = torch.Generator(placement.device)

    def epoch(self, epoch: int) -> None:
        at, config = self.state.at, self.config
        if at.step == 0:
            self.begin(epoch)
        steps = self.source.begin(epoch, at.step, at.chosen)
        if steps < 1:
            raise UserError(
                "batch-too-large",
                "an epoch has no full batch; deliver more samples or use a smaller batch_size",
            )
        self.learner.train()
        self.watching.start()
        for step in range(at.step, steps):
            self.step(epoch, step, steps)
            if at.done % config.watch_steps == 0 or at.step == steps:
                self.watching.look(steps)
                if self.state.due(config.checkpoint_seconds):
                    self.state.save()
                    self.watching.start()
        self.watching.inspect(epoch, config.warmup, config.patience)
        at.epoch, at.step, at.chosen, at.sums = epoch + 1, 0, None, {}

    def begin(self, epoch: int) -> None:
        """What happens before an epoch's first step: clusters are assigned, rows chosen."""
        at, objective = self.state.at, self.learner.objective
        sync_bn_stats(self.learner)
        torch.manual_seed(derive_seed(self.seed, epoch))
        objective.before_epoch(epoch, self.features)
        reset_moments(self.optimiser, objective.fresh_parameters)
        rows = self.warm.rows(self.config.batch_size, self.seed, epoch) if self.warm is not None else None
        everything = torch.arange(self.source.rows) if rows is None else rows
        chosen = objective.epoch_rows(everything, self.seed, epoch)
        at.chosen, at.sums = rows if chosen is None else chosen, {}

    def step(self, epoch: int, step: int, steps: int) -> None:
        config, at = self.config, self.state.at
        self.generator.manual_seed(derive_seed(self.seed, epoch, step, rank()))
        torch.manual_seed(
            derive_seed(self.seed, epoch, step, rank(), 1)
        )  # dropout, and what an objective draws
        batch = self.source.batch(step, self.generator)
        set_rate(
            self.optimiser,
            rate((epoch + (step + 0.5) / steps) / config.epochs, warmup=config.warmup, floor=config.floor),
        )
        with self.placement.autocast():
            total, parts = self.state.replica(batch)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        if config.clip:
            torch.nn.utils.clip_grad_norm_(self.learner.parameters(), config.clip)
        self.optimiser.step()
        self.learner.objective.after_step(self.learner.encoder, (epoch + (step + 1) / steps) / config.epochs)
        if self.ema is not None:
            self.ema.update(self.learner)
        for name, value in {"total": total, **parts}.items():
            at.sums[name] = at.sums.get(name, torch.zeros_like(value, dtype=torch.float32)) + value.detach()
        at.step, at.done = step + 1, at.done + 1
        self.watching.samples += len(batch.index) * world()
        point("train.step")

    def features(self) -> Tensor:
        return features(self.learner.encoder, self.source.clean, self.source.rows, self.placement)

    def finish(self) -> Trained:
        file, clock = self.state.save(), self.state.clock
        seconds = max(clock.seconds, 1e-9)
        return Trained(
            learner=self.learner,
            average=self.ema.module if self.ema is not None else None,
            steps=self.state.at.done,
            seconds=clock.seconds,
            samples_per_second=clock.samples / seconds,
            data_wait_share=clock.waited / seconds,
            figures=self.state.figures,
            checkpoint=file,
            processes=world(),
        )
