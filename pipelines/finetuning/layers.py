"""All layers, the encoder at a rate of its own: the training that is kept, and the short ones that judge it."""

import copy
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.crash import point
from components.encoders import Encoder
from components.evaluation.folds import possible_folds
from components.evaluation.logistic import fit_logistic
from components.evaluation.probe import Probe, choose_strength, moments
from components.training.fewlabels import Job, Material, cost, fit
from components.training.loop import Trained
from pipelines.finetuning.config import FinetuneConfig
from pipelines.finetuning.held import Held, hold_out
from pipelines.store import Context

Ints = NDArray[np.int64]


class Meter:
    """Runs the several trainings of this stage and tells how far all of them together are."""

    def __init__(self, request: FinetuneConfig, material: Material, folder: Path, context: Context) -> None:
        self.context, self.folder, self.done = context, folder, 0.0
        size = request.batch_size * (1 + 2 * request.ratio)
        folds = possible_folds(material.labels, request.cross_fit.folds)
        scratch = request.scratch
        runs = 1 + len(scratch.learning_rates) * possible_folds(material.labels, scratch.folds)
        whole = size * (request.steps + folds * request.cross_fit.steps)
        self.total = float(whole + request.batch_size * scratch.steps * runs)

    def fit(self, job: Job, request: FinetuneConfig, material: Material, encoder: Encoder) -> Trained:
        name, share = job.name.split("-")[0], cost(job, request, job.method.name != "supervised")

        def watch(step: int, figures: dict[str, float]) -> None:
            if name == job.name:  # not the many short ones
                self.context.log(step, **{f"{name}/{key}": value for key, value in figures.items()})
            done = (self.done + share * figures["progress"]) / self.total
            loss = figures.get("loss/total", 0.0)
            self.context.progress(min(0.99, done), f"{name}, step {step}, loss {loss:.3f}")

        trained = fit(job, request, material, encoder, watch, self.context.say)
        self.done += share
        point("finetune.between")
        return trained


def finetune(
    request: FinetuneConfig,
    encoder: Encoder,
    head: Probe,
    material: Material,
    use: Ints,
    meter: Meter,
    fold: int = -1,
) -> Trained:
    """The whole training, or with fold >= 0 the short one without pseudo-labels that judges it."""
    whole, raw = fold < 0, head.raw()
    job = Job(
        name="finetune" if whole else f"cross_fit-{fold}",
        method=request.method,
        use=use,
        pseudo=whole,
        steps=request.steps if whole else request.cross_fit.steps,
        rate=request.learning_rate,
        encoder_rate=request.encoder_rate,
        head=(raw.weight, raw.bias),
    )
    return meter.fit(job, request, material, copy.deepcopy(encoder))


def cross_fit(
    request: FinetuneConfig, encoder: Encoder, frozen: NDArray[np.float32], material: Material, meter: Meter
) -> Held | None:
    """The labels as trainings that did not see them answer; None where none can be held out.

    These trainings use no pseudo-labels: those were made with every label, the held-out ones included.
    """
    mean, scale = moments(frozen)
    scaled = (frozen - mean) / scale

    def one(use: Ints, fold: int) -> Trained:
        known = material.labels[use]
        choice = choose_strength(scaled[use], known, material.classes, seed=request.seed)
        linear = fit_logistic(scaled[use], known, material.classes, strength=choice.strength)
        return finetune(request, encoder, Probe(mean, scale, linear, choice), material, use, meter, fold)

    return hold_out(one, request.cross_fit.folds, request.seed, material)
