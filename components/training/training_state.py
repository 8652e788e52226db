"""All that a step of a training changes: how it is saved, and how a training takes it up again.

What is in the checkpoint is enough to go on in the same bytes. The time spent lies beside it, since in it
equal trainings would differ.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer

from components.collectives import rank, world
from components.crash import point
from components.errors import UserError
from components.files import write_atomically
from components.training.checkpoint import load_checkpoint, name_of, save_checkpoint
from components.training.ema import Ema
from components.training.learner import Learner, parallel
from components.training.warm_start import Warm, take_over
from components.wording import counted

CLOCK = "clock.json"


@dataclass
class Clock:
    """Time spent: of training, in seconds; how many samples in it; waiting for data, in seconds."""

    seconds: float = 0.0
    samples: int = 0
    waited: float = 0.0


@dataclass
class Position:
    """Where the training stands. chosen: the rows that the current epoch visits, None for all.

    anchors: where the samples belonged at the last look, if any.
    """

    epoch: int = 0
    step: int = 0  # in the epoch
    done: int = 0  # in all
    dead: int = 0  # checks in a row
    chosen: Tensor | None = None
    anchors: Tensor | None = None
    sums: dict[str, Tensor] = field(default_factory=dict)  # losses since the epoch began, on the device


class State:
    """replica: what is called each step; the learner, wrapped where there are several processes."""

    def __init__(
        self,
        learner: Learner,
        optimiser: Optimizer,
        ema: Ema[Learner] | None,
        folder: Path,
        identity: dict[str, Any],
        device: torch.device,
    ) -> None:
        """identity: what a checkpoint must have in common with a training that takes it up."""
        self.learner, self.optimiser, self.ema = learner, optimiser, ema
        self.folder, self.identity, self.device = folder, identity, device
        self.at, self.clock, self.figures = Position(), Clock(), dict[str, float]()
        self.replica: nn.Module = learner
        self.saved = time.perf_counter()

    def take_up(self, warm: Warm | None, say: Callable[[str], None]) -> None:
        """The newest checkpoint, else the parent's of a warm start, if any; then join the processes."""
        state = load_checkpoint(self.folder, self.device, say)
        if state is not None:
            self._restore(state)
            say(f"resuming at epoch {self.at.epoch + 1}, step {self.at.done}")
            began = max(1, len(state["own"]))
            if began != world():
                say(
                    f"{began} processes have begun this training and {world()} go on: the figures will differ "
                    f"slightly from those of one that was not interrupted"
                )
        elif warm is not None:
            take_over(warm.state(self.device), self.learner, self.optimiser, self.ema)
            say(f"warm start: {counted(len(warm.new), 'new sample')} and {len(warm.old):,} old")
        self.replica = parallel(self.learner)  # gives every process the first one's state
        if state is not None and len(state["own"]) == world():
            own = dict(self._own())
            for name, value in state["own"][rank()].items():
                own[name].copy_(value)
        self.saved = time.perf_counter()

    def _restore(self, state: dict[str, Any]) -> None:
        for key, own in self.identity.items():
            if state["identity"][key] != own:
                raise UserError(
                    "checkpoint-of-other-training",
                    f"the checkpoint in {self.folder} was written with {key} {state['identity'][key]} "
                    f"and this training has {own}; train with the same or in an empty folder",
                )
        self.learner.load_state_dict(state["learner"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.at, self.figures = Position(**state["position"]), dict(state["figures"])
        torch.set_rng_state(state["random"].cpu())
        if (self.folder / CLOCK).exists():
            self.clock = Clock(**json.loads((self.folder / CLOCK).read_text()))

    def due(self, seconds: float) -> bool:
        """Whether the last checkpoint is that old for the first process: all must save together."""
        flag = torch.tensor(float(time.perf_counter() - self.saved >= seconds))
        if world() > 1:
            flag = flag.to(self.device)
            dist.broadcast(flag, 0)
        return bool(flag)

    def save(self) -> Path:
        """Every process takes part: buffers that differ from process to process are kept for each."""
        everyones = self._gathered()
        state = {
            "identity": self.identity,
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
            point("train.saved")
            clock = json.dumps(vars(self.clock)).encode()
            write_atomically(self.folder / CLOCK, lambda stream: stream.write(clock))
        else:
            file = self.folder / name_of(self.at.done)
        if world() > 1:
            dist.barrier()
        self.saved = time.perf_counter()
        return file

    def _own(self) -> Iterator[tuple[str, Tensor]]:
        """What may differ between processes: the learner's buffers, and the sums of the losses."""
        yield from self.learner.named_buffers()
        yield from ((f"sums.{name}", value) for name, value in self.at.sums.items())

    def _gathered(self) -> list[dict[str, Tensor]]:
        """[one of each process] of `_own`; empty where there is only one process."""
        everyones: list[dict[str, Tensor]] = [{} for _ in range(world())] if world() > 1 else []
        for name, value in self._own() if everyones else ():
            parts = [torch.empty_like(value).contiguous() for _ in everyones]
            dist.all_gather(parts, value.contiguous())
            for mine, part in zip(everyones, parts, strict=True):
                mine[name] = part
        return everyones
