"""The baseline: the same network, views and loop from random initialisation, tuned as well as ours; and saving."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from components.arrays import Doubles, Ints
from components.encoders import build_encoder
from components.registry.model import Classifier, ModelConfig
from components.registry.outlier_model import Ordinary
from components.registry.served import save_model
from components.semisupervised.supervised import SupervisedConfig
from components.training.finetune import Job, Material, Network, final_parts, logits
from components.training.loop import Trained
from pipelines.engine.artifact import Artifact
from pipelines.stages.finetune.config import FinetuneConfig
from pipelines.stages.finetune.cross_fit import Held, folds_of, held_out
from pipelines.stages.finetune.trainings import Meter


@dataclass(frozen=True)
class Scratch:
    """held: what it answers on labels that it was not given; None where none could be held out."""

    files: tuple[Artifact, Artifact]
    trained: Trained
    rate: float
    held: Held | None


class Grid:
    """The same network, views and loop without pretraining; rate and temperature cross-fitted like ours."""

    def __init__(self, request: FinetuneConfig, model: ModelConfig, material: Material, meter: Meter) -> None:
        self.request, self.model, self.material, self.meter = request, model, material, meter
        self.rates = request.scratch.learning_rates
        self.of = folds_of(material.labels, request.scratch.folds, request.seed)

    def jobs(self) -> list[Callable[[], Doubles]]:
        """One for each rate and fold: logits [h, K] of the labels that it was not given."""
        if self.of is None:
            return []
        cells = [(i, fold) for i in range(len(self.rates)) for fold in range(int(self.of.max()) + 1)]
        self.meter.announce(*(f"scratch_grid-{i}-{fold}" for i, fold in cells))
        return [lambda i=i, fold=fold: self._cell(i, fold) for i, fold in cells]  # type: ignore[misc]

    def _cell(self, i: int, fold: int) -> Doubles:
        assert self.of is not None
        use, out = np.flatnonzero(self.of != fold), np.flatnonzero(self.of == fold)
        trained = self._train(f"scratch_grid-{i}-{fold}", self.rates[i], use)
        return logits(final_parts(trained), self.material, self.material.labelled[out])

    def best(self, found: Sequence[Doubles]) -> tuple[float, Held | None]:
        """The best rate by the results of the jobs, and the labels as it predicts them; the middle rate where there
        was nothing to hold out."""
        if self.of is None:
            return self.rates[len(self.rates) // 2], None
        folds = len(found) // len(self.rates)
        tried = {
            rate: held_out(self.of, found[i * folds : (i + 1) * folds], self.material)
            for i, rate in enumerate(self.rates)
        }
        rate = max(tried, key=lambda rate: (tried[rate].accuracy, -tried[rate].loss))
        return rate, tried[rate]

    def final(self, rate: float, evidence: Held | None) -> Scratch:
        """Trained on all labels, and saved."""
        trained = self._train("scratch", rate, np.arange(len(self.material.labels)))
        changed = {"temperature": evidence.temperature if evidence else 1.0, "sets": None}
        config = self.model.model_copy(update=changed)
        files = save(final_parts(trained), config, self.meter.folder / "scratch", self.meter.folder)
        return Scratch(files, trained, rate, evidence)

    def _train(self, name: str, rate: float, use: Ints) -> Trained:
        request, model, material = self.request, self.model, self.material
        torch.manual_seed(request.seed)
        encoder = build_encoder(model.encoder, model.packing)
        job = Job(name, SupervisedConfig(), use, pseudo=False, steps=request.scratch.steps, rate=rate)
        return self.meter.fit(job, request, material, encoder)


def named(name: str, files: tuple[Artifact, Artifact]) -> dict[str, Artifact]:
    """As fields of the stage's output."""
    return {name: files[0], f"{name}_config": files[1]}


def save(
    network: Network, config: ModelConfig, target: Path, folder: Path, ordinary: Ordinary | None = None
) -> tuple[Artifact, Artifact]:
    """The network as a model folder, with what it holds for ordinary; its two files."""
    classifier = Classifier(config.model_copy(update={"outliers": ordinary and ordinary.config}))
    classifier.encoder.load_state_dict(network.encoder.state_dict())
    classifier.head.load_state_dict(network.head.state_dict())
    if ordinary is not None:
        classifier.means.copy_(torch.from_numpy(ordinary.means))
        classifier.whiten.copy_(torch.from_numpy(ordinary.whiten))
    weights, description = save_model(classifier, target)
    return Artifact.of(weights, folder), Artifact.of(description, folder)
