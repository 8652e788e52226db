"""The one training loop: for every objective, every semi-supervised method, one process or many.

What is random in a step is drawn from (seed, epoch, step, rank) alone, and everything that a step changes
is in the
checkpoint. So an interrupted training that goes on ends in the same bytes as one that was never stopped.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from components.collectives import rank, world
from components.config import Config
from components.errors import Collapse, UserError
from components.files import write_atomically
from components.training.checkpoint import load_checkpoint, name_of, save_checkpoint
from components.training.device import Placement, Precision
from components.training.ema import Ema
from components.training.learner import Learner, agree, draw, features, parallel
from components.training.optimiser import AdamwConfig, OptimiserConfig, build_optimiser, forget, set_rate
from components.training.schedule import rate
from components.training.source import BatchSource

CLOCK = "clock.json"
Watch = Callable[
    [int, dict[str, float]], None
]  # (steps done, figures); figures holds "epoch" and "progress" too


@dataclass(frozen=True)
class Check:
    """What a look at the representation found: figures to log and, if it is dead, why."""

    figures: dict[str, float]
    dead: str | None = None


Checker = Callable[[float], Check]  # mean loss of the epoch -> what the representation looks like


class TrainConfig(Config):
    """epochs: passes over the data. batch_size: samples a step, of all processes together.

    encoder_rate: multiplier of the encoder's learning rate. warmup: share of the training, also the time in
        which no
    run is called dead. floor: share of the peak rate left at the end. clip: largest norm of the gradient, 0
    for any.
    ema_decay: 0 for no averaged copy. patience: dead checks in a row before the run is stopped.
    """

    epochs: PositiveInt = 20
    batch_size: PositiveInt = 256
    optimiser: OptimiserConfig = AdamwConfig()
    encoder_rate: NonNegativeFloat = 1.0
    warmup: float = Field(default=0.1, ge=0, lt=1)
    floor: float = Field(default=0.0, ge=0, le=1)
    clip: NonNegativeFloat = 0.0
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    precision: Precision = "auto"
    checkpoint_seconds: NonNegativeFloat = 30.0
    watch_steps: PositiveInt = 20
    patience: PositiveInt = 3


@dataclass(frozen=True)
class Trained:
    """seconds: of training, interruptions left out. figures: of the last epoch. checkpoint: the file of the
    end state."""

    learner: Learner
    average: Learner | None
    steps: int
    seconds: float
    samples_per_second: float
    data_wait_share: float
    figures: dict[str, float]
    checkpoint: Path


@dataclass
class Clock:
    """Time spent, kept beside the checkpoints: in them it would make equal trainings differ."""

    seconds: float = 0.0
    samples: int = 0
    waited: float = 0.0


@dataclass
class Position:
    """Where the training stands. chosen: the rows that the current epoch visits, None for all."""

    epoch: int = 0
    step: int = 0  # in the epoch
    done: int = 0  # in all
    dead: int = 0  # checks in a row
    chosen: Tensor | None = None
    sums: dict[str, Tensor] = field(default_factory=dict)  # losses since the epoch began, on the device


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
    say: Callable[[str], None] = lambda text: None,
) -> Trained:
    """Train `learner` in place, from the newest checkpoint in `folder` if there is one.

    Args:
        folder: of checkpoints; shared by all processes. The first one writes.
        watch: hears of losses and speed every `watch_steps` steps and of the figures of every epoch.
        check: looks at the representation after every epoch.

    Raises:
        Collapse: `check` found the representation dead `patience` times in a row, warm-up aside.
        UserError: the loss is not finite, or the checkpoint belongs to another training.
    """
    placement.put(learner)
    training = _Training(learner, source, config, folder, watch, seed, placement, check, say)
    training.resume()
    try:
        for epoch in range(training.at.epoch, config.epochs):
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
        say: Callable[[str], None],
    ) -> None:
        self.learner, self.source, self.config, self.folder = learner, source, config, folder
        self.watch, self.seed, self.placement, self.check, self.say = watch, seed, placement, check, say
        parts = ((learner.encoder, config.encoder_rate), (learner, 1.0))
        self.optimiser = build_optimiser(config.optimiser, parts)
        self.ema: Ema[Learner] | None = Ema(learner, config.ema_decay) if config.ema_decay else None
        self.at, self.clock, self.figures = Position(), Clock(), dict[str, float]()
        self.generator = torch.Generator(placement.device)
        self.replica: nn.Module = learner
        self.saved = self.looked = time.perf_counter()
        self.seen = Clock()

    # -- one epoch, one step

    def epoch(self, epoch: int) -> None:
        at, objective = self.at, self.learner.objective
        if at.step == 0:
            agree(self.learner)
            torch.manual_seed(draw(self.seed, epoch))
            objective.before_epoch(epoch, self.features)
            forget(self.optimiser, getattr(objective, "fresh_parameters", ()))
            at.chosen, at.sums = objective.epoch_rows(self.source.rows, self.seed, epoch), {}
        steps = self.source.begin(epoch, at.step, at.chosen)
        if steps < 1:
            raise UserError("an epoch has no full batch; deliver more samples or use a smaller batch_size")
        self.learner.train()
        self.looked, self.seen = time.perf_counter(), Clock(waited=self.source.waited)
        for step in range(at.step, steps):
            self.step(epoch, step, steps)
            if at.done % self.config.watch_steps == 0 or at.step == steps:
                self.look(steps)
        self.inspect(epoch)
        at.epoch, at.step, at.chosen, at.sums = epoch + 1, 0, None, {}

    def step(self, epoch: int, step: int, steps: int) -> None:
        config, at = self.config, self.at
        self.generator.manual_seed(draw(self.seed, epoch, step, rank()))
        torch.manual_seed(
            draw(self.seed, epoch, step, rank(), 1)
        )  # dropout and what an objective draws itself
        batch = self.source.batch(step, self.generator)
        set_rate(
            self.optimiser,
            rate((epoch + (step + 0.5) / steps) / config.epochs, warmup=config.warmup, floor=config.floor),
        )
        with self.placement.autocast():
            total, parts = self.replica(batch)
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
        self.seen.samples += len(batch.index) * world()

    # -- looking and saving, now and then

    def look(self, steps: int) -> None:
        """Read the losses back from the device (the one place that waits for it), log, save if it is time."""
        at = self.at
        losses = self.mean_losses()
        seconds = max(time.perf_counter() - self.looked, 1e-9)
        waited = self.source.waited - self.seen.waited
        progress = (at.epoch + at.step / steps) / self.config.epochs
        self.watch(at.done, {
            "epoch": at.epoch + at.step / steps, "progress": progress, **losses,
            "rate": self.optimiser.param_groups[0]["lr"],
            "samples_per_second": self.seen.samples / seconds, "data_wait_share": waited / seconds,
        })  # fmt: skip
        self.clock = Clock(
            self.clock.seconds + seconds, self.clock.samples + self.seen.samples, self.clock.waited + waited
        )
        self.looked, self.seen = time.perf_counter(), Clock(waited=self.source.waited)
        due = torch.tensor(float(self.looked - self.saved >= self.config.checkpoint_seconds))
        if self.everyone(due):
            self.save()
            self.looked = time.perf_counter()

    def mean_losses(self) -> dict[str, float]:
        """Losses since the epoch began, mean over its steps and the processes."""
        at = self.at
        values = torch.stack([at.sums[name] for name in at.sums]) / at.step
        if world() > 1:
            dist.all_reduce(values)
            values /= world()
        losses = {f"loss/{name}": float(value) for name, value in zip(at.sums, values.tolist(), strict=True)}
        if not math.isfinite(losses["loss/total"]):
            raise UserError(
                f"the loss is {losses['loss/total']} at step {at.done}; try a smaller learning rate, clip 1.0 "
                f"or precision float32 (the last checkpoint is from before it happened)"
            )
        return losses

    def inspect(self, epoch: int) -> None:
        """The figures of an epoch's end; stops a run that has been dead for long."""
        at = self.at
        agree(self.learner)
        self.figures = self.mean_losses()
        self.figures.update(
            {f"objective/{name}": value for name, value in self.learner.objective.figures().items()}
        )
        if self.check is not None:
            found = self.check(self.figures["loss/total"])
            self.figures.update({f"diagnostics/{name}": value for name, value in found.figures.items()})
            started = (epoch + 1) / self.config.epochs > self.config.warmup
            at.dead = at.dead + 1 if found.dead and started else 0
            if found.dead and at.dead >= self.config.patience:
                raise Collapse(f"pretraining is dead after {epoch + 1} epochs: {found.dead}")
        self.watch(
            at.done, {"epoch": epoch + 1.0, "progress": (epoch + 1) / self.config.epochs, **self.figures}
        )

    def features(self) -> Tensor:
        return features(self.learner.encoder, self.source.clean, self.source.rows, self.placement)

    def everyone(self, flag: Tensor) -> bool:
        """What the first process thinks: all must save together."""
        if world() > 1:
            flag = flag.to(self.placement.device)
            dist.broadcast(flag, 0)
        return bool(flag)

    # -- the state

    def resume(self) -> None:
        """Take up the newest checkpoint, if there is one, then join the processes."""
        state = load_checkpoint(self.folder, self.placement.device, self.say)
        if state is not None:
            for key, own in self.identity().items():
                if state["identity"][key] != own:
                    raise UserError(
                        f"the checkpoint in {self.folder} was written with {key} {state['identity'][key]} "
                        f"and this training has {own}; train with the same or in an empty folder"
                    )
            self.learner.load_state_dict(state["learner"])
            self.optimiser.load_state_dict(state["optimiser"])
            if self.ema is not None:
                self.ema.load_state_dict(state["ema"])
            self.at, self.figures = Position(**state["position"]), dict(state["figures"])
            torch.set_rng_state(state["random"].cpu())
            if (self.folder / CLOCK).exists():
                self.clock = Clock(**json.loads((self.folder / CLOCK).read_text()))
            self.say(f"resuming at epoch {self.at.epoch + 1}, step {self.at.done}")
        self.replica = parallel(self.learner)  # gives every process the first one's state
        if state is not None and len(state["own"]) == world():
            own = dict(self.own())
            for name, value in state["own"][rank()].items():
                own[name].copy_(value)
        self.saved = time.perf_counter()

    def save(self) -> Path:
        """Every process takes part: buffers that differ from process to process are kept for each."""
        everyones = self.gathered()
        state = {
            "identity": self.identity(),
            "learner": self.learner.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "ema": self.ema.state_dict() if self.ema is not None else None,
            "random": torch.get_rng_state(),
            "position": dict(vars(self.at)),
            "figures": self.figures,
            "own": everyones,
        }
        if rank() == 0:
            file = save_checkpoint(self.folder, self.at.done, state)
            clock = json.dumps(vars(self.clock)).encode()
            write_atomically(self.folder / CLOCK, lambda stream: stream.write(clock))
        else:
            file = self.folder / name_of(self.at.done)
        if world() > 1:
            dist.barrier()
        self.saved = time.perf_counter()
        return file

    def identity(self) -> dict[str, Any]:
        """What a checkpoint must have in common with a training that takes it up."""
        settings = self.config.model_dump(mode="json", exclude={"checkpoint_seconds", "watch_steps"})
        return {"seed": self.seed, "samples": self.source.rows, **settings}

    def own(self) -> Iterator[tuple[str, Tensor]]:
        """What may differ between processes: the learner's buffers, and the sums of the losses."""
        yield from self.learner.named_buffers()
        yield from ((f"sums.{name}", value) for name, value in self.at.sums.items())

    def gathered(self) -> list[dict[str, Tensor]]:
        """[one of each process] of `own`; empty where there is only one process."""
        everyones: list[dict[str, Tensor]] = [{} for _ in range(world())] if world() > 1 else []
        for name, value in self.own() if everyones else ():
            parts = [torch.empty_like(value).contiguous() for _ in everyones]
            dist.all_gather(parts, value.contiguous())
            for mine, part in zip(everyones, parts, strict=True):
                mine[name] = part
        return everyones

    def finish(self) -> Trained:
        file = self.save()
        clock, average = self.clock, self.ema.module if self.ema is not None else None
        seconds = max(clock.seconds, 1e-9)
        return Trained(
            self.learner, average, self.at.done, clock.seconds, clock.samples / seconds, clock.waited /
            seconds,
            self.figures, file,
        )  # fmt: skip
