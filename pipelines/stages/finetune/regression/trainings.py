"""The trainings of networks for numbers: of all labels, and of each fold. They run side by side, one process each.

Letters: n labels.
"""

import copy
import mmap
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from components.arrays import Ints
from components.collectives import rank
from components.crash import point
from components.encoders import Encoder
from components.forks import run_all
from components.implementations import name_of
from components.semisupervised.regression import SupervisedNumbersConfig
from components.training.data_parallel import how_many, together
from components.training.finetune_numbers import NumberJob, NumberNetwork, Numbers, final_network, fit_numbers
from components.training.loop import Trained
from pipelines.engine.context import Context
from pipelines.stages.finetune.regression.config import NumberFinetuneConfig
from pipelines.stages.finetune.regression.simple import Seen, ridge_on_frozen

R = TypeVar("R")
SLOTS = 4096  # trainings at most


class Trainings:
    """Trains a network of the pretrained encoder on some of the labels, and shows how far all trainings are."""

    def __init__(self, request: NumberFinetuneConfig, material: Numbers, context: Context) -> None:
        self.request, self.material, self.context = request, material, context
        self.steps = float(2 * (request.steps + request.folds * request.fold_steps))
        self.slots = dict[str, int]()
        self.done = np.frombuffer(mmap.mmap(-1, 8 * SLOTS), dtype=np.float64)  # forks share the memory

    def announce(self, names: Sequence[str]) -> None:
        """Trainings that forks will run: they must have a place before the fork."""
        for name in names:
            self.slots.setdefault(name, len(self.slots))

    def side_by_side(self, jobs: Sequence[Callable[[], R]]) -> list[R]:
        """The results of jobs that each compute in one process."""
        return run_all(jobs, self.material.cores, self.context.say)

    def network(self, seen: Seen, use: Ints, fold: int, alone: bool) -> tuple[NumberNetwork, Trained]:
        """The encoder trained on labels `use`, beginning with ridge regression on its frozen features.

        Args:
            fold: -1 for the whole training, else the short one that judges it. alone: on the labels alone.
        """
        request, whole = self.request, fold < 0
        method = request.method
        if alone:
            method = SupervisedNumbersConfig(loss=method.loss, delta=method.delta)
        head = ridge_on_frozen(seen.take(use), request.seed).head
        job = NumberJob(
            name=name_of_training(fold, alone),
            method=method,
            use=use,
            steps=request.steps if whole else request.fold_steps,
            rate=request.learning_rate,
            encoder_rate=request.encoder_rate,
            head=(head.weight.detach().double().numpy(), head.bias.detach().double().numpy()),
        )
        trained = self._fit(job, seen.frozen, shared=whole and not alone)
        return final_network(trained, seen.frozen_config), trained

    def _fit(self, job: NumberJob, encoder: Encoder, shared: bool) -> Trained:
        self.announce([job.name])
        place, kind = self.slots[job.name], job.name.split("-")[0]

        def watch(step: int, figures: dict[str, float]) -> None:
            if kind == job.name:  # not the many short ones
                self.context.log(step, **{f"{kind}/{key}": value for key, value in figures.items()})
            self.done[place] = job.steps * figures["progress"]
            done, loss = float(self.done.sum()) / self.steps, figures.get("loss/total", 0.0)
            self.context.progress(min(0.99, done), f"{kind}, step {step}, loss {loss:.3f}")

        def work() -> Trained:
            told = (watch, self.context.say) if rank() == 0 else (lambda *_: None, lambda _: None)
            return fit_numbers(job, self.request, self.material, copy.deepcopy(encoder), *told)

        trained = together(work, self._processes(job) if shared else 1, self.context.say)
        point("finetune.between")
        return trained

    def _processes(self, job: NumberJob) -> int:
        """How many share the batches of a training."""
        request, material = self.request, self.material
        unlabelled = 0 if name_of(request.method) == "supervised" else request.batch_size * request.ratio
        folder, device = material.folder / job.name, material.placement.device
        return how_many(folder, device, material.cores, request.batch_size, unlabelled)


def name_of_training(fold: int, alone: bool) -> str:
    """Of a training's folder and in the log."""
    if fold < 0:
        return "alone" if alone else "finetune"
    return f"{'cross_alone' if alone else 'cross_fit'}-{fold}"
