"""The baseline: the same network, views and loop from random initialisation, tuned as well as ours; and saving."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from components.encoders import build_encoder
from components.registry.model import Classifier, ModelConfig, save_classifier
from components.registry.ordinary import Ordinary
from components.semisupervised.supervised import SupervisedConfig
from components.training.fewlabels import Job, Material, final_parts
from components.training.loop import Trained
from pipelines.finetuning.config import FinetuneConfig
from pipelines.finetuning.held import Held, hold_out
from pipelines.finetuning.layers import Meter
from pipelines.store import Artifact

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Scratch:
    files: tuple[Artifact, Artifact]
    rate: float
    validation: float | None


def scratch(request: FinetuneConfig, model: ModelConfig, material: Material, meter: Meter) -> Scratch:
    """The same network, views and loop without pretraining; rate and temperature cross-fitted like ours."""

    def train(name: str, rate: float, use: Ints) -> Trained:
        torch.manual_seed(request.seed)
        encoder = build_encoder(model.encoder, model.modality.channels, model.mean, model.std)
        job = Job(name, SupervisedConfig(), use, pseudo=False, steps=request.scratch.steps, rate=rate)
        return meter.fit(job, request, material, encoder)

    rates = request.scratch.learning_rates
    tried: dict[float, Held] = {}
    for i, rate in enumerate(rates):
        held = hold_out(
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
    config = model.model_copy(update={"temperature": evidence.temperature if evidence else 1.0, "sets": None})
    files = save(final, config, meter.folder / "scratch", meter.folder)
    return Scratch(files, best, evidence.accuracy if evidence else None)


def named(name: str, files: tuple[Artifact, Artifact]) -> dict[str, Artifact]:
    """As fields of the stage's output."""
    return {name: files[0], f"{name}_config": files[1]}


def save(
    trained: Trained, config: ModelConfig, target: Path, folder: Path, ordinary: Ordinary | None = None
) -> tuple[Artifact, Artifact]:
    """The averaged network as a model folder, with what it holds for ordinary; its two files."""
    encoder, head = final_parts(trained)
    classifier = Classifier(config.model_copy(update={"outliers": ordinary and ordinary.config}))
    classifier.encoder.load_state_dict(encoder.state_dict())
    classifier.head.load_state_dict(head.state_dict())
    if ordinary is not None:
        classifier.means.copy_(torch.from_numpy(ordinary.means))
        classifier.whiten.copy_(torch.from_numpy(ordinary.whiten))
    weights, description = save_classifier(classifier, target)
    return Artifact.of(weights, folder), Artifact.of(description, folder)
