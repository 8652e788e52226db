"""All layers, the encoder at a rate of its own: the training that is kept, and the short ones that judge it."""

import copy
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.crash import point
from components.encoders import Encoder
from components.evaluation.calibration import softmax
from components.evaluation.confirming import Confirmation, confirming
from components.evaluation.folds import possible_folds
from components.evaluation.logistic import fit_logistic
from components.evaluation.probe import Probe, choose_strength, moments
from components.semisupervised.supervised import labels_alone
from components.training.fewlabels import Job, Material, cost, fit, logits
from components.training.loop import Trained
from pipelines.finetuning.config import FinetuneConfig
from pipelines.finetuning.head import Frozen
from pipelines.finetuning.held import Held, hold_out
from pipelines.store import Context

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
WATCHED = 250  # unlabelled samples on which the confidence is read in a fold


class Meter:
    """Runs the several trainings of this stage and tells how far all of them together are."""

    def __init__(self, request: FinetuneConfig, material: Material, folder: Path, context: Context) -> None:
        self.context, self.folder, self.done = context, folder, 0.0
        size = request.batch_size * (1 + 2 * request.ratio)
        folds = possible_folds(material.labels, request.cross_fit.folds)
        scratch = request.scratch
        runs = 1 + len(scratch.learning_rates) * possible_folds(material.labels, scratch.folds)
        third = request.distill.steps if request.distill else 0
        whole = size * (request.steps + folds * request.cross_fit.steps + third)
        alone = 0 if request.labels_alone else request.steps + folds * request.cross_fit.steps
        self.total = float(whole + request.batch_size * (alone + scratch.steps * runs))

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
    alone: bool = False,
) -> Trained:
    """The whole training, or with fold >= 0 the short one without pseudo-labels that judges it; either on labels alone
    instead."""
    whole, raw = fold < 0, head.raw()
    name = ("alone" if whole else "cross_alone") if alone else ("finetune" if whole else "cross_fit")
    job = Job(
        name=name if whole else f"{name}-{fold}",
        method=labels_alone(request.method) if alone else request.method,
        use=use,
        pseudo=whole and not alone,
        steps=request.steps if whole else request.cross_fit.steps,
        rate=request.learning_rate,
        encoder_rate=request.encoder_rate,
        head=(raw.weight, raw.bias),
    )
    return meter.fit(job, request, material, copy.deepcopy(encoder))


def cross_fit(
    request: FinetuneConfig, encoder: Encoder, frozen: Frozen, material: Material, meter: Meter
) -> tuple[Held | None, Confirmation | None]:
    """The labels as trainings that did not see them answer, and whether these were led astray by their guesses; None
    where none can be held out.

    These trainings use no pseudo-labels: those were made with every label, the held-out ones included.
    """
    mean, scale = moments(frozen.own)
    scaled = (frozen.own - mean) / scale
    before, alone = np.zeros((2, len(material.labels), material.classes))
    sure: list[tuple[float, float]] = []
    every = slice(None, None, max(1, len(frozen.sampled) // WATCHED))

    def one(use: Ints, fold: int) -> Trained:
        known = material.labels[use]
        choice = choose_strength(scaled[use], known, material.classes, seed=request.seed)
        linear = fit_logistic(scaled[use], known, material.classes, strength=choice.strength)
        head = Probe(mean, scale, linear, choice)
        trained = finetune(request, encoder, head, material, use, meter, fold)
        if not request.labels_alone:
            out = np.setdiff1d(np.arange(len(before)), use)
            plain = finetune(request, encoder, head, material, use, meter, fold, alone=True)
            before[out] = head.logits(frozen.own[out])
            alone[out] = logits(plain, material, material.labelled[out])
            after = logits(trained, material, frozen.sampled[every])
            sure.append((confidence(head.logits(frozen.pool[every])), confidence(after)))
        return trained

    held = hold_out(one, request.cross_fit.folds, request.seed, material)
    if held is None or request.labels_alone:
        return held, None
    found = confirming(
        softmax(before[held.rows]),
        softmax(alone[held.rows]),
        softmax(held.logits),
        held.labels,
        (float(np.mean([b for b, _ in sure])), float(np.mean([a for _, a in sure]))),
        threshold=getattr(request.method, "threshold", 0.0),
        seed=request.seed,
    )
    return held, found


def confidence(answers: Doubles) -> float:
    """Mean largest probability of logits [U, K]."""
    return float(softmax(answers).max(axis=1).mean())
