"""Fine-tune the pretrained encoder on labels, pseudo-labels and consistency; and, as a baseline, the same
from random.

Head first, on frozen features, where it is a convex problem; then all layers, the encoder at a smaller rate.
What has to be chosen or judged is cross-fitted on the labels: no label is held out for good, and no test row
is ever looked at.
Letters: N training rows, n labels, D features, K classes.
"""

import copy
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from safetensors.torch import load_file

from components.augmentations.image import ViewConfig
from components.config import Config
from components.data.packed import Packed
from components.data.table import Table
from components.encoders import Encoder, EncoderConfig, build_encoder
from components.evaluation.calibration import fit_temperature, log_loss
from components.evaluation.folds import possible_folds, stratified_folds
from components.evaluation.logistic import fit_logistic
from components.evaluation.probe import Choice, Probe, choose_strength, moments
from components.modalities.defaults import default_view
from components.modalities.image import ImageConfig
from components.registry.model import Classifier, ModelConfig, save_classifier
from components.semisupervised import MethodConfig
from components.semisupervised.fixmatch import FixmatchConfig
from components.semisupervised.supervised import SupervisedConfig
from components.training.device import place
from components.training.fewlabels import FitConfig, Job, Material, cost, final_parts, fit, logits
from components.training.loop import Trained
from pipelines.store import Artifact, Context

VERSION = 1

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
POOL = 2000  # unlabelled rows whose features help to standardise the few labelled ones


class CrossFitConfig(Config):
    """folds of the labels, each judged by a training of `steps` on the others; 0 folds leave the model
    uncalibrated."""

    folds: NonNegativeInt = 3
    steps: PositiveInt = 40


class ScratchConfig(Config):
    """The same network from random initialisation, labels alone. The rate is chosen by cross-validation on
    the labels."""

    steps: NonNegativeInt = 200  # 0: no such baseline
    learning_rates: tuple[PositiveFloat, ...] = Field(default=(0.001, 0.004), min_length=1)
    folds: int = Field(default=2, ge=2)


class Request(FitConfig):
    """steps of all layers; encoder_rate: factor of the encoder's learning rate. head_steps: of L-BFGS, at
    most.

    pseudo_share: weight of all pseudo-labels together in the head's fit, against all labels. weak, strong:
    views; None makes them from the modality's own.
    """

    snapshot: str
    pretrain: str
    pseudo_label: str
    method: MethodConfig = FixmatchConfig(threshold=0.8)
    steps: PositiveInt = 400
    learning_rate: PositiveFloat = 2e-3
    encoder_rate: NonNegativeFloat = 0.3
    head_steps: PositiveInt = 100
    pseudo_share: NonNegativeFloat = 1.0
    weak: ViewConfig | None = None
    strong: ViewConfig | None = None
    cross_fit: CrossFitConfig = CrossFitConfig()
    scratch: ScratchConfig = ScratchConfig()


class Output(Config):
    """model, config: model.safetensors and model.json in one folder; scratch, scratch_config: of the
    baseline.

    skipped: why nothing was trained; all else is then None. head_validation, validation, scratch_validation:
    shares of cross-fitted labels that are right, of the linear head alone, of the whole, of the baseline.
    validated: labels they rest on. mask: share of unlabelled samples that the consistency term used, at the
    end.
    """

    skipped: str | None = None
    model: Artifact | None = None
    config: Artifact | None = None
    scratch: Artifact | None = None
    scratch_config: Artifact | None = None
    scratch_rate: float | None = None
    steps: int | None = None
    labels: int | None = None
    pseudo_labels: int | None = None
    head_strength: float | None = None
    head_validation: float | None = None
    validation: float | None = None
    scratch_validation: float | None = None
    validated: int | None = None
    mask: float | None = None
    temperature: float | None = None
    seconds: float | None = None
    samples_per_second: float | None = None
    note: str = ""


def run(request: Request, folder: Path, context: Context) -> Output:
    snapshot = context.output(request.snapshot)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    present = np.unique(table.label[table.labelled_rows()])
    if len(present) < 2:
        reason = (
            "no labels" if not len(present) else f"labels of one class only ({snapshot.classes[present[0]]})"
        )
        context.say(f"fine-tuning skipped: {reason}; label samples of at least two classes")
        return Output(skipped=f"{reason}: a classifier needs labels of at least two classes")
    note = _warn(snapshot.classes, present, context)
    material = _material(request, snapshot, table, folder, context)
    encoder, encoder_config = _pretrained(context, request.pretrain)
    material.placement.put(encoder)
    meter = _Meter(request, material, folder, context)

    context.progress(0.0, "head on frozen features")
    probe, rest = fit_head(request, encoder, material)
    context.say(_head_note(probe.choice, len(material.labels)))
    held = _cross_fit(request, encoder, rest, material, meter)
    final = _finetune(request, encoder, probe, material, np.arange(len(material.labels)), meter)
    temperature = held.temperature if held else 1.0
    if held:
        context.say(
            f"cross-fitted accuracy {held.accuracy:.3f} on {len(held.labels)} labels, "
            f"temperature {temperature:.2f}"
        )
    model = ModelConfig(
        encoder=encoder_config,
        modality=ImageConfig(size=snapshot.size, channels=snapshot.channels),
        mean=list(snapshot.mean),
        std=list(snapshot.std),
        classes=list(snapshot.classes),
        temperature=temperature,
    )
    saved = _save(final, model, folder / "model", folder)
    scratch = _scratch(request, model, material, meter) if request.scratch.steps else None
    shutil.rmtree(folder / "checkpoints")  # only now: until here a retry finds what is already trained
    context.progress(1.0, "done")
    return Output(
        model=saved[0],
        config=saved[1],
        scratch=scratch.files[0] if scratch else None,
        scratch_config=scratch.files[1] if scratch else None,
        scratch_rate=scratch.rate if scratch else None,
        steps=final.steps,
        labels=len(material.labels),
        pseudo_labels=len(material.kept),
        head_strength=probe.choice.strength,
        head_validation=probe.choice.accuracy,
        validation=held.accuracy if held else None,
        scratch_validation=scratch.validation if scratch else None,
        validated=len(held.labels) if held else 0,
        mask=final.figures.get("loss/mask"),
        temperature=temperature,
        seconds=round(final.seconds, 3),
        samples_per_second=round(final.samples_per_second, 1),
        note=note,
    )


# -- what there is to learn from


def _pretrained(context: Context, reference: str) -> tuple[Encoder, EncoderConfig]:
    pretrain = context.output(reference)
    config: EncoderConfig = pretrain.encoder_config
    encoder = build_encoder(config, pretrain.channels, pretrain.mean, pretrain.std)
    encoder.load_state_dict(load_file(context.file(reference, pretrain.encoder)))
    return encoder, config


def _material(request: Request, snapshot: Any, table: Table, folder: Path, context: Context) -> Material:
    images = np.load(context.file(request.snapshot, snapshot.images), mmap_mode="r")
    rows = table.train_rows()
    labelled = np.searchsorted(rows, table.labelled_rows())
    pseudo = context.output(request.pseudo_label)
    columns = ["row", "class", "confidence", "kept", "source"]
    given = pq.read_table(context.file(request.pseudo_label, pseudo.pseudo_labels), columns=columns)
    kept = given["kept"].to_numpy() & (np.array(given["source"].to_pylist()) != "label")
    if not np.isin(given["row"].to_numpy()[kept], rows).all():
        raise AssertionError("a pseudo-label of a row that is not for training")
    number = {name: i for i, name in enumerate(snapshot.classes)}
    names = [name for name, keep in zip(given["class"].to_pylist(), kept, strict=True) if keep]
    base = default_view(ImageConfig(size=snapshot.size, channels=snapshot.channels))
    return Material(
        packed=Packed(images, rows),
        classes=len(snapshot.classes),
        labelled=labelled,
        labels=table.label[rows[labelled]].astype(np.int64),
        kept=np.searchsorted(rows, given["row"].to_numpy()[kept]),
        kept_labels=np.array([number[name] for name in names], dtype=np.int64),
        confidence=given["confidence"].to_numpy()[kept].astype(np.float64),
        weak=request.weak
        or base.model_copy(update={"scale": (0.7, 1.0), "jitter": 0.0, "grayscale": 0.0, "blur": 0.0}),
        strong=request.strong or base.model_copy(update={"scale": (0.3, 1.0), "erase": 0.5}),
        placement=place(context.settings.device, request.precision),
        folder=folder / "checkpoints",
    )


def _warn(classes: Sequence[str], present: Ints, context: Context) -> str:
    missing = [name for i, name in enumerate(classes) if i not in present]
    if not missing:
        return ""
    names = ", ".join(missing)[:200]
    note = f"{len(missing)} classes have no label to learn from and are never predicted: {names}"
    context.say(note)
    return note


# -- the head


def fit_head(request: Request, encoder: Encoder, material: Material) -> tuple[Probe, NDArray[np.float32]]:
    """The head on frozen features of labels and kept pseudo-labels; and the features [n, D] of the labels.

    The strength is chosen on the labels alone: pseudo-labels were made with them and would vouch for
    themselves.
    """
    rng = np.random.default_rng(request.seed)
    pool = rng.choice(len(material.packed), min(POOL, len(material.packed)), replace=False)
    own = material.features(encoder, material.labelled)
    kept = material.features(encoder, material.kept) if len(material.kept) else own[:0]
    mean, scale = moments(np.concatenate([own, kept, material.features(encoder, np.sort(pool))]))
    scaled = (own - mean) / scale
    choice = choose_strength(scaled, material.labels, material.classes, seed=request.seed)
    share = request.pseudo_share * len(own) / max(material.confidence.sum(), 1e-9)
    linear = fit_logistic(
        np.concatenate([scaled, (kept - mean) / scale]),
        np.concatenate([material.labels, material.kept_labels]),
        material.classes,
        strength=choice.strength,
        weights=np.concatenate([np.ones(len(own)), material.confidence * min(share, 1.0)]),
        iterations=request.head_steps,
    )
    return Probe(mean, scale, linear, choice), own


def _head_note(choice: Choice, labels: int) -> str:
    if choice.accuracy is None:
        return f"linear head on {labels} labels; no class has two, so nothing could be cross-validated"
    return (
        f"linear head on frozen features: cross-validated accuracy {choice.accuracy:.3f} on {labels} labels"
    )


# -- all layers


@dataclass(frozen=True)
class Held:
    """Labels that were held out in turn: logits [h, K] of trainings that did not see them, labels [h]."""

    logits: Doubles
    labels: Ints

    @property
    def accuracy(self) -> float:
        return float((self.logits.argmax(axis=1) == self.labels).mean())

    @property
    def loss(self) -> float:
        return log_loss(self.logits, self.labels)

    @property
    def temperature(self) -> float:
        return fit_temperature(self.logits, self.labels)


class _Meter:
    """Runs the several trainings of this stage and tells how far all of them together are."""

    def __init__(self, request: Request, material: Material, folder: Path, context: Context) -> None:
        self.context, self.folder, self.done = context, folder, 0.0
        size = request.batch_size * (1 + 2 * request.ratio)
        folds = possible_folds(material.labels, request.cross_fit.folds)
        scratch = request.scratch
        runs = 1 + len(scratch.learning_rates) * possible_folds(material.labels, scratch.folds)
        whole = size * (request.steps + folds * request.cross_fit.steps)
        self.total = float(whole + request.batch_size * scratch.steps * runs)

    def fit(self, job: Job, request: Request, material: Material, encoder: Encoder) -> Trained:
        name, share = job.name.split("-")[0], cost(job, request, job.method.name != "supervised")

        def watch(step: int, figures: dict[str, float]) -> None:
            if name == job.name:  # not the many short ones
                self.context.log(step, **{f"{name}/{key}": value for key, value in figures.items()})
            done = (self.done + share * figures["progress"]) / self.total
            loss = figures.get("loss/total", 0.0)
            self.context.progress(min(0.99, done), f"{name}, step {step}, loss {loss:.3f}")

        trained = fit(job, request, material, encoder, watch, self.context.say)
        self.done += share
        return trained


def _finetune(
    request: Request,
    encoder: Encoder,
    head: Probe,
    material: Material,
    use: Ints,
    meter: _Meter,
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


def _cross_fit(
    request: Request, encoder: Encoder, frozen: NDArray[np.float32], material: Material, meter: _Meter
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
        return _finetune(request, encoder, Probe(mean, scale, linear, choice), material, use, meter, fold)

    return _hold_out(one, request.cross_fit.folds, request.seed, material)


def _hold_out(one: Callable[[Ints, int], Trained], wanted: int, seed: int, material: Material) -> Held | None:
    """Every label that is not alone in its class, answered by the training that was not given it."""
    folds = possible_folds(material.labels, wanted) if wanted >= 2 else 0
    if not folds:
        return None
    fold = np.full(len(material.labels), -1, dtype=np.int64)
    several = np.flatnonzero(np.bincount(material.labels)[material.labels] > 1)
    fold[several] = stratified_folds(material.labels[several], folds, seed)
    held = np.zeros((len(fold), material.classes))
    for k in range(folds):
        held[fold == k] = logits(one(np.flatnonzero(fold != k), k), material, material.labelled[fold == k])
    return Held(held[fold >= 0], material.labels[fold >= 0])


@dataclass(frozen=True)
class _Scratch:
    files: tuple[Artifact, Artifact]
    rate: float
    validation: float | None


def _scratch(request: Request, model: ModelConfig, material: Material, meter: _Meter) -> _Scratch:
    """The same network, views and loop without pretraining; rate and temperature cross-fitted like ours."""

    def train(name: str, rate: float, use: Ints) -> Trained:
        torch.manual_seed(request.seed)
        encoder = build_encoder(model.encoder, model.modality.channels, model.mean, model.std)
        job = Job(name, SupervisedConfig(), use, pseudo=False, steps=request.scratch.steps, rate=rate)
        return meter.fit(job, request, material, encoder)

    rates = request.scratch.learning_rates
    tried: dict[float, Held] = {}
    for i, rate in enumerate(rates):
        held = _hold_out(
            lambda use, k, i=i, rate=rate: train(f"scratch_grid-{i}-{k}", rate, use),  # type: ignore[misc]
            request.scratch.folds, request.seed, material,
        )  # fmt: skip
        if held is not None:
            tried[rate] = held
    best = max(
        tried, key=lambda rate: (tried[rate].accuracy, -tried[rate].loss), default=rates[len(rates) // 2]
    )
    final = train("scratch", best, np.arange(len(material.labels)))
    evidence = tried.get(best)
    config = model.model_copy(update={"temperature": evidence.temperature if evidence else 1.0})
    files = _save(final, config, meter.folder / "scratch", meter.folder)
    return _Scratch(files, best, evidence.accuracy if evidence else None)


def _save(trained: Trained, config: ModelConfig, target: Path, folder: Path) -> tuple[Artifact, Artifact]:
    """The averaged network as a model folder; its two files."""
    encoder, head = final_parts(trained)
    classifier = Classifier(config)
    classifier.encoder.load_state_dict(encoder.state_dict())
    classifier.head.load_state_dict(head.state_dict())
    weights, description = save_classifier(classifier, target)
    return Artifact.of(weights, folder), Artifact.of(description, folder)
