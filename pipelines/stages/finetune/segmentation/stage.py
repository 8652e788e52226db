"""Learn the class of each pixel from few masks: a dense head on the pretrained encoder.

What is served is chosen by cross-fitting: the encoder as it is, trained with the head, or trained on unlabelled images
too. Each mask is predicted by trainings that were not given it, and no test row is ever looked at. Beside it the same
network from random start is trained on the same masks, for the evaluation.
Letters: n masks, S side in pixels, K classes.
"""

import copy
import mmap
import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import Field

from components.arrays import Doubles, Ints
from components.config import Config
from components.crash import point
from components.data.masks import IGNORE
from components.data.table import Table
from components.encoders import EncoderConfig, build_encoder
from components.encoders.base import MapEncoder
from components.encoders.decoder import mapping
from components.errors import UserError
from components.evaluation.classification.calibration import fit_temperature
from components.evaluation.dense.masks import by_image, tables
from components.forks import run_all
from components.implementations import name_of
from components.registry.segmenter import Segmenter, SegmenterConfig
from components.registry.served import save_model
from components.tasks.segmentation import SegmentationConfig
from components.training.finetune_masks import MaskJob, MaskNetwork, Masks, answered, final_masks, fit_masks
from components.training.learner import derive_seed
from components.training.loop import Trained
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference.encoder import pretrained
from pipelines.stages.finetune.segmentation.config import MaskFinetuneConfig
from pipelines.stages.finetune.segmentation.data import mask_folds, masks_lacking, masks_to_learn

PIXELS = 20_000  # held-out pixels that the temperature is fitted on
SCRATCH = "scratch"


class Request(MaskFinetuneConfig):
    """What the stage finetune is given where the task is segmentation."""

    task: SegmentationConfig = SegmentationConfig()
    """What labels mean."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    pretrain: str
    """Reference of the finished pretrain; the run fills it in."""

    pseudo_label: str
    """Reference of the finished pseudo_label; the run fills it in."""

    champion: str | None = None
    """Reference of the champion's finetune, which a segmentation does not learn from; the plan fills it in."""

    def check(self) -> None:
        """Raises UserError where the samples are no images."""
        if name_of(self.modality) != "image":
            raise UserError(
                "modality-unsuitable",
                f"the task segmentation needs images, whose pixels have classes, got {name_of(self.modality)}; choose "
                "another task",
            )


class Candidate(Config):
    """dice: mean over the images with a mask, each predicted by trainings without it. rate: peak learning rate."""

    name: str
    dice: float
    rate: float


class Output(Config):
    """model, config: model.safetensors and model.json in one folder; likewise scratch: the same network from random
    start. skipped: why nothing was trained; all else is then None. method: the candidate that is served. candidates:
    all that were cross-validated, the baseline at the end. labels: n. temperature: of the confidence. validation: Dice
    of what is served on held-out masks. made_of: always empty.
    """

    skipped: str | None = None
    model: Artifact | None = None
    config: Artifact | None = None
    scratch: Artifact | None = None
    scratch_config: Artifact | None = None
    method: str = ""
    candidates: list[Candidate] = Field(default_factory=list)
    labels: int | None = None
    temperature: float | None = None
    validation: float | None = None
    made_of: tuple[str, ...] = ()
    steps: int | None = None
    seconds: float | None = None
    samples_per_second: float | None = None


class Variant(NamedTuple):
    """One thing to train: name of a candidate, or SCRATCH, and its peak learning rate."""

    name: str
    rate: float


class Held(NamedTuple):
    """Of one fold: dice [m] of its images; logits [p, K] and labels [p] of some of its pixels."""

    dice: Doubles
    logits: Doubles
    labels: Ints


def run(request: Request, folder: Path, context: Context) -> Output:
    began, snapshot = time.monotonic(), context.output(request.snapshot)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    if reason := masks_lacking(table, len(snapshot.classes)):
        context.say(f"fine-tuning skipped: {reason}")
        return Output(skipped=f"a segmentation: {reason}")
    encoder, config = pretrained(context, request.pretrain)
    material = masks_to_learn(request, request.snapshot, snapshot, table, folder, context)
    trainings = Trainings(request, material, mapping(encoder, "segmentation"), config, context)
    variants = variants_of(request, material)
    held = trainings.cross_fitted(variants)
    score = {
        variant: float(np.concatenate([fold.dice for fold in folds]).mean())
        for variant, folds in held.items()
    }
    own = max((v for v in variants if v.name != SCRATCH), key=lambda variant: score[variant])
    start = max((v for v in variants if v.name == SCRATCH), key=lambda variant: score[variant])
    told = [
        Candidate(name=v.name, dice=score[v], rate=v.rate)
        for v in variants
        if v.name != SCRATCH or v == start
    ]
    context.say(
        "Dice on held-out masks: "
        + ", ".join(f"{one.name} {one.dice:.3f}" for one in told)
        + f"; {own.name} is served"
    )
    (network, trained), (beside, _) = trainings.final([own, start])
    temperature = temperature_of(held[own])
    described = SegmenterConfig(
        encoder=config,
        packing=snapshot.packing,
        classes=tuple(snapshot.classes),
        width=request.width,
        temperature=temperature,
    )
    model, description = save(network, described, folder / "model", folder)
    scratch, scratch_description = save(
        beside, described.model_copy(update={"temperature": 1.0}), folder / SCRATCH, folder
    )
    shutil.rmtree(folder / "checkpoints")  # only now: until here a retry finds what is already trained
    context.progress(1.0, "done")
    return Output(
        model=model,
        config=description,
        scratch=scratch,
        scratch_config=scratch_description,
        method=own.name,
        candidates=told,
        labels=len(material.masks),
        temperature=temperature,
        validation=score[own],
        steps=trained.steps,
        seconds=round(time.monotonic() - began, 3),
        samples_per_second=round(trained.samples_per_second, 1),
    )


def variants_of(request: Request, material: Masks) -> list[Variant]:
    """What is cross-validated. Without unlabelled images there is no candidate that learns from them."""
    names = [name for name in request.candidates if name != "consistency" or len(material.unlabelled)]
    return [
        *(Variant(name, request.learning_rate) for name in names or ["trained"]),
        *(Variant(SCRATCH, rate) for rate in request.scratch.learning_rates),
    ]


class Trainings:
    """Trains networks of the pretrained encoder, and of the same one from random start, and shows how far all are."""

    def __init__(
        self, request: Request, material: Masks, encoder: MapEncoder, config: EncoderConfig, context: Context
    ) -> None:
        self.request, self.material, self.context = request, material, context
        self.encoder, self.config = encoder, config
        self.of = mask_folds(material.masks, min(request.folds, len(material.masks)), request.seed)
        self.slots = dict[str, int]()
        self.done, self.begin, self.end = np.zeros(0), 0.0, 1.0

    def cross_fitted(self, variants: Sequence[Variant]) -> dict[Variant, list[Held]]:
        """Of each variant its answers on the folds, in their order."""
        folds = range(int(self.of.max()) + 1)
        keys = [(variant, fold) for variant in variants for fold in folds]
        self._announce([_name(*key) for key in keys], 0.0, 0.7)
        found = self._side_by_side([partial(self._held, *key) for key in keys])
        return {v: [found[keys.index((v, fold))] for fold in folds] for v in variants}

    def final(self, variants: Sequence[Variant]) -> list[tuple[MaskNetwork, Trained]]:
        """Of each variant the network from all masks."""
        every = np.arange(len(self.material.masks))
        self._announce([_name(variant, -1) for variant in variants], 0.7, 0.99)
        return self._side_by_side([partial(self._network, variant, every, -1) for variant in variants])

    def _held(self, variant: Variant, fold: int) -> Held:
        """The answers on a fold of a training without it."""
        out, material = np.flatnonzero(self.of == fold), self.material
        network, _ = self._network(variant, np.flatnonzero(self.of != fold), fold)
        scores = answered(network, material, material.labelled[out])
        truth = material.masks[out]
        dice, _ = by_image(tables(truth, scores.argmax(axis=1).astype(np.uint8), material.classes))
        known = np.flatnonzero(truth.ravel() != IGNORE)
        chosen = np.random.default_rng(self.request.seed).permutation(known)[:PIXELS]
        flat = scores.transpose(0, 2, 3, 1).reshape(-1, material.classes)
        return Held(dice, flat[chosen].astype(np.float64), truth.ravel()[chosen].astype(np.int64))

    def _network(self, variant: Variant, use: Ints, fold: int) -> tuple[MaskNetwork, Trained]:
        """fold: -1 for the whole training."""
        request, name = self.request, _name(variant, fold)
        job = MaskJob(
            name=name,
            use=use,
            steps=request.steps if fold < 0 else request.fold_steps,
            rate=variant.rate,
            encoder_rate=1.0 if variant.name == SCRATCH else request.encoder_rate,
            frozen=variant.name == "frozen",
            consistent=variant.name == "consistency",
        )
        place = self.slots[name]

        def watch(step: int, figures: dict[str, float]) -> None:
            if fold < 0:  # not the short ones
                self.context.log(step, **{f"{variant.name}/{key}": value for key, value in figures.items()})
            self.done[place] = figures["progress"]
            share = self.begin + (self.end - self.begin) * float(self.done.mean())
            self.context.progress(share, f"{name}, step {step}, loss {figures.get('loss/total', 0.0):.3f}")

        encoder = self._random() if variant.name == SCRATCH else copy.deepcopy(self.encoder)
        trained = fit_masks(
            job, request, request.method, request.width, self.material, encoder, watch, self.context.say
        )
        point("finetune.between")
        return final_masks(trained), trained

    def _random(self) -> MapEncoder:
        """The same network of random start, whatever weights the recipe begins from."""
        torch.manual_seed(derive_seed(self.request.seed, 1))
        config: Any = self.config
        if getattr(config, "start", None) is not None:
            config = config.model_copy(update={"start": None})
        return mapping(build_encoder(config, self.encoder.packing), "segmentation")

    def _announce(self, names: Sequence[str], begin: float, end: float) -> None:
        """Trainings that forks will run: they share the memory of how far each is."""
        self.slots = {name: place for place, name in enumerate(names)}
        self.done = np.frombuffer(mmap.mmap(-1, 8 * len(names)), dtype=np.float64)
        self.begin, self.end = begin, end

    def _side_by_side(self, jobs: Sequence[Callable[[], Any]]) -> list[Any]:
        cores = self.material.cores if self.material.placement.device.type == "cpu" else 1
        return run_all(jobs, cores, self.context.say)


def temperature_of(folds: Sequence[Held]) -> float:
    """Of the confidence, from pixels of held-out masks."""
    return fit_temperature(
        np.concatenate([fold.logits for fold in folds]), np.concatenate([fold.labels for fold in folds])
    )


def save(
    network: MaskNetwork, config: SegmenterConfig, target: Path, folder: Path
) -> tuple[Artifact, Artifact]:
    """The network as a model folder; its two files."""
    model = Segmenter(config)
    model.encoder.load_state_dict(network.encoder.state_dict())
    model.head.load_state_dict(network.head.state_dict())
    weights, description = save_model(model, target)
    return Artifact.of(weights, folder), Artifact.of(description, folder)


def _name(variant: Variant, fold: int) -> str:
    """Of a training's folder."""
    return f"{variant.name}-{variant.rate:g}" + ("" if fold < 0 else f"-{fold}")
