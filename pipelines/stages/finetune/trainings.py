"""All layers, the encoder at a rate of its own: the training that is kept, and the short ones that judge it.

The training that is kept shares each batch among processes; all others are independent of each other and run side by
side, one process each (components.forks).
"""

import copy
import mmap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from components.arrays import Doubles, Floats, Ints
from components.collectives import rank
from components.crash import point
from components.encoders import Encoder
from components.evaluation.classification.baselines import fit_plain
from components.evaluation.classification.calibration import softmax
from components.evaluation.classification.folds import possible_folds
from components.evaluation.classification.probe import Probe, fit_probe
from components.evaluation.classification.simple_models import SIMPLE, Shown
from components.evaluation.labels.confirmation_bias import Confirmation, confirming
from components.forks import run_all
from components.implementations import name_of
from components.semisupervised.supervised import labels_alone
from components.training.data_parallel import how_many, together
from components.training.finetune import Job, Material, cost, final_parts, fit, logits
from components.training.loop import Trained
from pipelines.engine.context import Context
from pipelines.stages.finetune.config import FinetuneConfig
from pipelines.stages.finetune.cross_fit import Held, held_out
from pipelines.stages.finetune.head import Frozen
from pipelines.stages.finetune.linear_models import simple_names

R = TypeVar("R")
WATCHED = 250  # unlabelled samples on which the confidence is read in a fold
SLOTS = 4096  # trainings at most


class Meter:
    """Runs the several trainings of this stage, in this process and in its forks, and shows how far all of them
    together are."""

    def __init__(
        self, request: FinetuneConfig, material: Material, folder: Path, context: Context, began: float
    ) -> None:
        """began: when the stage did, by time.monotonic()."""
        self.context, self.folder, self.cores, self.began = context, folder, material.cores, began
        size = request.batch_size * (1 + 2 * request.ratio)
        folds = possible_folds(material.labels, request.cross_fit.folds)
        scratch = request.scratch
        runs = 1 + len(scratch.learning_rates) * possible_folds(material.labels, scratch.folds)
        third = request.distill.steps if request.distill else 0
        whole = size * (request.steps + folds * request.cross_fit.steps + third)
        alone = 0 if request.labels_alone else request.steps + folds * request.cross_fit.steps
        self.total = float(whole + request.batch_size * (alone + scratch.steps * runs))
        self.slots = dict[str, int]()
        # Of each training; forks share the memory, so each knows how far the others are.
        self.done = np.frombuffer(mmap.mmap(-1, 8 * SLOTS), dtype=np.float64)
        self.when = np.frombuffer(mmap.mmap(-1, 16 * SLOTS), dtype=np.float64).reshape(SLOTS, 2)

    def announce(self, *names: str) -> None:
        """Trainings that forks will run: they must have a place before the fork."""
        for name in names:
            self.slots.setdefault(name, len(self.slots))

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Keep when this began and ended. In a fork the name must have been announced before."""
        self.announce(name)
        began = time.monotonic()
        yield
        self.when[self.slots[name]] = began - self.began, time.monotonic() - self.began

    def times(self) -> dict[str, tuple[float, float]]:
        """When each training that has ended began and ended, seconds since the stage began."""
        found = {name: (float(self.when[at, 0]), float(self.when[at, 1])) for name, at in self.slots.items()}
        return {name: when for name, when in found.items() if when[1] > 0}

    def fit(
        self, job: Job, request: FinetuneConfig, material: Material, encoder: Encoder, processes: int = 1
    ) -> Trained:
        """Train a copy of `encoder`; several processes share its batches."""
        name, share = job.name.split("-")[0], cost(job, request, name_of(job.method) != "supervised")
        self.announce(job.name)
        place = self.slots[job.name]

        def watch(step: int, figures: dict[str, float]) -> None:
            if name == job.name:  # not the many short ones
                self.context.log(step, **{f"{name}/{key}": value for key, value in figures.items()})
            self.done[place] = share * figures["progress"]
            done, loss = float(self.done.sum()) / self.total, figures.get("loss/total", 0.0)
            self.context.progress(min(0.99, done), f"{name}, step {step}, loss {loss:.3f}")

        def work() -> Trained:
            told = (watch, self.context.say) if rank() == 0 else (lambda *_: None, lambda _: None)
            return fit(job, request, material, copy.deepcopy(encoder), *told)

        with self.timed(job.name):
            trained = together(work, processes, self.context.say)
        point("finetune.between")
        return trained

    def side_by_side(self, jobs: Sequence[Callable[[], R]]) -> list[R]:
        """The results of jobs that each train in one process."""
        return run_all(jobs, self.cores, self.context.say)


@dataclass(frozen=True)
class Start:
    """What a training begins from, at which rate: the pretrained encoder with a head on its features, or a network
    from random, which has none."""

    encoder: Encoder
    head: Probe | None
    rate: float


def finetune(
    request: FinetuneConfig,
    start: Start,
    material: Material,
    use: Ints,
    meter: Meter,
    fold: int = -1,
    alone: bool = False,
) -> Trained:
    """The whole training, or with fold >= 0 the short one without pseudo-labels that judges it; either on labels alone
    instead."""
    whole, raw = fold < 0, start.head.raw() if start.head else None
    method = labels_alone(request.method) if alone else request.method
    job = Job(
        name=fold_name(fold, alone),
        method=method,
        use=use,
        pseudo=whole and not alone,
        steps=request.steps if whole else request.cross_fit.steps,
        rate=start.rate,
        encoder_rate=request.encoder_rate if raw else 1.0,
        head=(raw.weight, raw.bias) if raw else None,
    )
    processes = shared_by(job.name, request, material) if whole and not alone else 1
    return meter.fit(job, request, material, start.encoder, processes)


def fold_name(fold: int, alone: bool) -> str:
    """Of a training's folder and in the log."""
    if fold < 0:
        return "alone" if alone else "finetune"
    return f"{'cross_alone' if alone else 'cross_fit'}-{fold}"


def shared_by(name: str, request: FinetuneConfig, material: Material) -> int:
    """How many processes share the batches of a training."""
    unlabelled = 0 if request.labels_alone else request.batch_size * request.ratio
    device = material.placement.device
    return how_many(material.folder / name, device, material.cores, request.batch_size, unlabelled)


@dataclass(frozen=True)
class Linears:
    """What linear models on a fold's labels alone predict for the labels that they were not given, [h, K] each.
    plain: logistic regression on plain features. before: the head on the frozen features. published: that on the
    published encoder, None where there is none. others: of the simple models beside, by their names."""

    plain: Doubles
    before: Doubles
    head: Probe
    published: Doubles | None
    others: Mapping[str, Doubles]


@dataclass(frozen=True)
class Simple(Linears):
    """alone: the same of the encoder trained on, with the head, on these labels alone."""

    alone: Doubles


@dataclass(frozen=True)
class Fold:
    """What a fold's training by the method predicts for the labels that it was not given, [h, K]; and its mean
    confidence on unlabelled samples before and after."""

    after: Doubles
    confidence: tuple[float, float]


def linear_folds(
    request: FinetuneConfig,
    frozen: Frozen,
    foreign: Floats | None,
    shown: Shown,
    of: Ints,
    material: Material,
    meter: Meter,
) -> list[Callable[[], Linears]]:
    """A job for each fold. of: [n] the fold of each label. foreign: [n, F] features of the labels by the published
    encoder. shown: the labelled samples, with their plain features."""
    plain, names = shown.features, simple_names(request, material)

    def one(fold: int) -> Linears:
        use, out = np.flatnonzero(of != fold), np.flatnonzero(of == fold)
        known, seed, other = material.labels[use], request.seed, None
        with meter.timed(f"probe-{fold}"):
            head = fit_probe(frozen.own[use], known, material.classes, pool=frozen.own, seed=seed)
        if foreign is not None:
            with meter.timed(f"published-{fold}"):
                probe = fit_probe(foreign[use], known, material.classes, pool=foreign, seed=seed)
                other = probe.logits(foreign[out])
        with meter.timed(f"plain-{fold}"):
            simple = fit_plain(plain[use], known, material.classes, seed=seed).logits(plain[out])
        others = {}
        for name in names:
            with meter.timed(f"{name}-{fold}"):
                made = SIMPLE[name](shown.take(use), known, material.classes, seed)
                others[name] = made.logits(shown.take(out))
        return Linears(simple, head.logits(frozen.own[out]), head, other, others)

    folds = range(int(of.max()) + 1)
    meter.announce(*(f"{name}-{fold}" for name in ("probe", "published", "plain", *names) for fold in folds))
    return [lambda fold=fold: one(fold) for fold in folds]  # type: ignore[misc]


def simple_folds(
    request: FinetuneConfig,
    encoder: Encoder,
    linears: Sequence[Linears],
    of: Ints,
    material: Material,
    meter: Meter,
) -> list[Callable[[], Simple]]:
    """A job for each fold. of: [n] the fold of each label. linears: of each fold, whose head is trained on with the
    encoder."""

    def one(fold: int) -> Simple:
        use, out, begun = np.flatnonzero(of != fold), np.flatnonzero(of == fold), linears[fold]
        start = Start(encoder, begun.head, request.learning_rate)
        plain = finetune(request, start, material, use, meter, fold, alone=True)
        alone = logits(final_parts(plain), material, material.labelled[out])
        return Simple(**vars(begun), alone=alone)

    folds = range(len(linears))
    meter.announce(*(fold_name(fold, alone=True) for fold in folds))
    return [lambda fold=fold: one(fold) for fold in folds]  # type: ignore[misc]


def method_folds(
    request: FinetuneConfig,
    start: Start,
    frozen: Frozen,
    of: Ints,
    simple: Sequence[Simple],
    material: Material,
    meter: Meter,
) -> list[Callable[[], Fold]]:
    """A job for each fold, which begins as the training that is kept will: with the fold's own head, or from random.

    These trainings use no pseudo-labels: those were made with every label, the held-out ones included.
    """
    every = slice(None, None, max(1, len(frozen.sampled) // WATCHED))

    def one(fold: int) -> Fold:
        head = simple[fold].head
        if request.labels_alone and start.head:
            return Fold(simple[fold].alone, (0.0, 0.0))
        use, out = np.flatnonzero(of != fold), np.flatnonzero(of == fold)
        begun = Start(start.encoder, head if start.head else None, start.rate)
        trained = final_parts(finetune(request, begun, material, use, meter, fold))
        sure = confidence(logits(trained, material, frozen.sampled[every]))
        return Fold(
            logits(trained, material, material.labelled[out]),
            (confidence(head.logits(frozen.pool[every])), sure),
        )

    folds = range(len(simple))
    meter.announce(*(fold_name(fold, alone=False) for fold in folds))
    return [lambda fold=fold: one(fold) for fold in folds]  # type: ignore[misc]


def cross_fitted(
    request: FinetuneConfig,
    material: Material,
    of: Ints | None,
    simple: Sequence[Simple],
    folds: Sequence[Fold],
) -> tuple[Held | None, Confirmation | None]:
    """The labels as predicted by trainings that did not see them, and whether these show confirmation bias; None
    where none could be held out."""
    if of is None:
        return None, None
    held = held_out(of, [fold.after for fold in folds], material)
    if request.labels_alone:
        return held, None
    before, alone = (
        held_out(of, [getattr(fold, name) for fold in simple], material).logits
        for name in ("before", "alone")
    )
    found = confirming(
        softmax(before),
        softmax(alone),
        softmax(held.logits),
        held.labels,
        (
            float(np.mean([fold.confidence[0] for fold in folds])),
            float(np.mean([fold.confidence[1] for fold in folds])),
        ),
        threshold=getattr(request.method, "threshold", 0.0),
        seed=request.seed,
    )
    return held, found


def confidence(answers: Doubles) -> float:
    """Mean largest probability of logits [U, K]."""
    return float(softmax(answers).max(axis=1).mean())
