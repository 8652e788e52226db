"""One cell of the comparison: a training of ours, or a model of scikit-learn, with the same labels.

Letters: N training samples, n labels, T test items, D features, K classes.
"""

import copy
import time
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from sklearn.linear_model import LogisticRegression

from benchmarks.fewlabels.sets import Data
from benchmarks.fewlabels.signals import SignalSource, SignalView, SignalViews
from benchmarks.fewlabels.verdict import Row, pack
from components.arrays import Doubles, Ints
from components.data.packed import Packed
from components.encoders import Encoder
from components.modalities.image.augment import ViewConfig
from components.objectives import build_objective
from components.objectives.simclr import SimclrConfig
from components.semisupervised import MethodConfig, build_method
from components.semisupervised.base import Method
from components.training.device import place
from components.training.labelled_source import LabelledSource, Supervision
from components.training.learner import Learner, features
from components.training.loop import TrainConfig, train
from components.training.optimiser import AdamwConfig
from components.training.training_log import Check
from components.training.view_source import ViewSource

LAST = 3  # evaluations whose mean is reported beside the best
BATCH, EVALUATIONS = 50, 10
RATES = {"scratch": (2e-3, 1.0), "pretrained": (6e-3, 0.5)}  # of the head; of the encoder, a share of that
ANNOUNCED = {"fixmatch": {"threshold": 0.8}}  # settings that are not a method's default


def method_of(name: str, data: Data) -> MethodConfig:
    """`name`, or `name:word=number,word=number` for other settings than its own."""
    name, _, words = name.partition(":")
    given: dict[str, Any] = {"name": name, **ANNOUNCED.get(name, {})}
    if name in ("m2", "ssgan"):
        given["side"] = data.images.shape[-1]
    given |= dict(word.split("=") for word in words.split(",") if word)
    found: MethodConfig = TypeAdapter(MethodConfig).validate_python(given)
    return found


def pretrained(data: Data, seed: int, epochs: int, folder: Path) -> Encoder:
    """SimCLR on all training samples, without labels, with the settings that the quickstart found (docs/log.md)."""
    encoder, placement = data.fresh(seed), place()
    look = data.pair if isinstance(data.pair, ViewConfig) else ViewConfig()
    config = SimclrConfig(hidden=256, embedding=64)
    objective = build_objective(config, encoder, len(data.train), look.size)
    source = (ViewSource if isinstance(data.pair, ViewConfig) else SignalViews)(
        Packed(data.images, data.train), objective.views, {"global": look},
        batch_size=256, seed=seed, device=placement.device,
    )  # fmt: skip
    if isinstance(source, SignalViews) and isinstance(data.pair, SignalView):
        source.look = data.pair
    settings = TrainConfig(
        epochs=epochs,
        warmup=0.05,
        optimiser=AdamwConfig(learning_rate=0.004, weight_decay=1e-4),
        checkpoint_seconds=1e9,
    )
    learner = Learner(encoder, objective)
    train(learner, source, settings, folder, lambda *_: None, seed=seed, placement=placement)
    return encoder


def batches(data: Data, method: Method, use: Ints, steps: int, seed: int) -> LabelledSource:
    """The batches of one epoch of `steps`: `use` of the training samples have a label."""
    targets = torch.full((len(data.train),), -1)
    targets[use] = torch.from_numpy(data.labels[data.train][use])
    weights = (targets >= 0).float()
    known = Supervision(targets, weights, torch.from_numpy(use), torch.arange(len(targets)))
    signals = isinstance(data.weak, SignalView)
    weak, strong = (v if isinstance(v, ViewConfig) else ViewConfig() for v in (data.weak, data.strong))
    source = (SignalSource if signals else LabelledSource)(
        Packed(data.images, data.train), known, (weak, method.weak), (strong, method.strong), labelled=BATCH,
        unlabelled=BATCH * data.ratio if method.uses_unlabelled else 0, steps=steps, seed=seed, device=place().device,
    )  # fmt: skip
    if isinstance(source, SignalSource):
        assert isinstance(data.weak, SignalView)
        assert isinstance(data.strong, SignalView)
        source.looks = data.weak, data.strong
    return source


def measure(
    data: Data, name: str, use: Ints, encoder: Encoder, start: str, steps: int, seed: int, folder: Path
) -> Row:
    """One training: right [T] of the averaged weights at the end, and what the live ones said on the way.

    A pretrained encoder begins with the head that logistic regression finds on its features, and learns slower.
    """
    placement, encoder = place(), copy.deepcopy(encoder)
    labels = data.labels[data.train][use]
    torch.manual_seed(seed)
    began = time.process_time()
    counts = torch.from_numpy(np.bincount(labels, minlength=data.classes).astype(np.float32))
    method = build_method(method_of(name, data), encoder, data.classes, len(data.train), counts)
    if start == "pretrained":
        weight, bias = head(embed(data, encoder, data.train[use]), labels)
        with torch.no_grad():
            method.head.weight.copy_(torch.from_numpy(weight))
            method.head.bias.copy_(torch.from_numpy(bias))
    epochs = max(parts for parts in range(1, EVALUATIONS + 1) if steps % parts == 0)
    source = batches(data, method, use, steps // epochs, seed)
    settings = TrainConfig(
        epochs=epochs,
        batch_size=sum(source.sizes),
        optimiser=AdamwConfig(learning_rate=RATES[start][0], weight_decay=1e-3),
        encoder_rate=RATES[start][1],
        warmup=0.05,
        ema_decay=0.99,
        checkpoint_seconds=1e9,
        watch_steps=5,
    )
    seen: list[float] = []

    def right(learner: Learner) -> NDArray[np.bool_]:
        assert isinstance(learner.objective, Method)
        found = embed(data, learner.encoder, data.test)
        with torch.no_grad():
            said = learner.objective.head(torch.from_numpy(found).to(placement.device)).argmax(dim=1)
        return np.asarray(said.cpu().numpy() == data.labels[data.test])

    def look(loss: float) -> Check:
        seen.append(float(right(learner).mean()))
        return Check({"test": seen[-1]})

    learner = Learner(encoder, method)
    trained = train(
        learner, source, settings, folder, lambda *_: None, seed=seed, placement=placement, check=look
    )
    return {
        "right": pack(right(trained.average or trained.learner)),
        "last": mean(seen[-LAST:]),
        "best": max(seen),
        "seconds": round(time.process_time() - began, 1),
    }


def embed(data: Data, encoder: Encoder, rows: Ints) -> NDArray[np.float32]:
    """[len(rows), D] features of clean samples."""
    placement, packed = place(), Packed(data.images, rows)
    placement.put(encoder)

    def clean(index: torch.Tensor) -> torch.Tensor:
        return packed.gather(index).to(placement.device).float() / 255

    return np.asarray(features(encoder, clean, len(rows), placement).numpy(), dtype=np.float32)


def head(found: NDArray[np.float32], labels: Ints) -> tuple[Doubles, Doubles]:
    """Weight [K, D] and bias [K] of logistic regression on standardised features [n, D], for the features
    themselves."""
    centre, spread = found.mean(axis=0), found.std(axis=0) + 1e-3
    model = LogisticRegression(max_iter=1000).fit((found - centre) / spread, labels)
    weight = model.coef_ / spread
    return weight, model.intercept_ - weight @ centre
