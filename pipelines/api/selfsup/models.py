"""Trained models: the champion of a recipe, and features of samples.

Letters: N samples, D features.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from components.errors import UserError
from components.modalities.base import Packing
from components.modalities.registry import packed_as
from components.modalities.views import build_views
from components.registry.champion import champion, fetch
from components.registry.predictor import Predictor
from components.registry.served import Served, load_model
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest
from pipelines.flows.due import newest
from pipelines.inference.encoder import load_encoder
from pipelines.inference.samples import packing_of
from pipelines.recipe import Recipe
from pipelines.registry import promotion
from pipelines.registry.registry import journal_of, registry_of
from pipelines.settings import Settings
from selfsup.runs import load_recipe

if TYPE_CHECKING:
    import pandas as pd

BATCH = 256


class Model:
    """A trained model of any task. name, version: in MLflow, or of the folder that it came from. network: in eval mode
    on the CPU, from a clean view to what the task predicts."""

    def __init__(self, network: Served, name: str, version: str) -> None:
        self.network, self.name, self.version = network, name, version
        self._predictor = Predictor(network, BATCH)

    @classmethod
    def of_folder(cls, folder: Path, sha256: Mapping[str, str] | None = None) -> "Model":
        """The model in a folder with model.safetensors and model.json.

        Args:
            sha256: file name -> hex digest that it must have.

        Raises:
            UserError: a file is missing, damaged, or holds another network than model.json describes.
        """
        return cls(load_model(folder, sha256), folder.name, "")

    def predict(self, samples: Any) -> "pd.DataFrame":
        """A row for each sample: the columns of the task (for classification class, confidence, probabilities, ...)
        and `error`, the reason where a sample has no prediction.

        Args:
            samples: of the model's kind of data: images as arrays or encoded bytes, texts, a frame of rows, ...

        Raises:
            UserError: this is not a collection of samples.
        """
        return self._predictor.predict(self._predictor.values(samples))

    def embed(self, samples: Any) -> NDArray[np.float32]:
        """[N, D] features of samples.

        Raises:
            UserError: a sample cannot be read; names it.
        """
        return _features(lambda view: self.network.see(view)["features"], self._predictor.packing, samples)

    def __repr__(self) -> str:
        return f"Model({self.name} version {self.version}, {type(self.network).__name__})"


def load_champion(recipe: Recipe | str | Path) -> Model:
    """The champion of a recipe, its files verified by their digests.

    Args:
        recipe: a recipe, a YAML file, its name, or the name of a registered model.

    Raises:
        UserError: there is no champion, or its files were deleted or changed.
    """
    settings = Settings.load()
    name = recipe.model if isinstance(recipe, Recipe) else promotion.model_name(recipe, settings)
    registry = registry_of(name, settings)
    found = champion(registry, journal_of(name, settings))
    if found is None:
        raise UserError(
            "no-such-version",
            f"{name!r:.80} has no champion: run its recipe with `selfsup run` until a version passes the gate",
        )
    with TemporaryDirectory() as folder:
        digests = fetch(registry, found, Path(folder))
        return Model(load_model(Path(folder), digests), found.name, found.version)


def embed(source: Model | Recipe | str | Path, samples: Any) -> NDArray[np.float32]:
    """[N, D] features of samples.

    Args:
        source: a model, or a recipe (or its file or name): the encoder that its last finished pretraining gave, which
            needs no labels.
        samples: see Model.predict.

    Raises:
        UserError: the recipe has no finished pretraining, or a sample cannot be read.
    """
    if isinstance(source, Model):
        return source.embed(samples)
    encoder, packing = _pretrained(source if isinstance(source, Recipe) else load_recipe(source))
    return _features(lambda view: encoder(view)[:, : encoder.embedding_dim], packing, samples)


def _pretrained(recipe: Recipe) -> tuple[Any, Packing]:
    """The encoder of a recipe's last finished pretraining, and how its samples are packed."""
    settings = Settings.load()
    reference = newest("pretrain", recipe.name, settings.store)
    if reference is None:
        raise UserError(
            "no-such-run",
            f"recipe {recipe.name} has no finished pretraining in {settings.store}: run it with `selfsup run`",
        )
    made = read_manifest(reference, settings.store).output
    context = Context(store=settings.store, settings=settings, recipe=recipe.name)
    weights = context.file(reference, Artifact.model_validate(made["encoder"]))
    return load_encoder(made, weights).eval(), packing_of(made)


@torch.inference_mode()
def _features(see: Callable[[Tensor], Tensor], packing: Packing, samples: Any) -> NDArray[np.float32]:
    """[N, D] what `see` gives for clean views of samples."""
    modality, views = packed_as(packing), build_views(packing)
    values = modality.values(samples, packing)
    if not values:
        raise UserError("no-samples", "features need at least one sample, got none")
    parts = []
    for start in range(0, len(values), BATCH):
        rows = []
        for place, value in enumerate(values[start : start + BATCH], start):
            try:
                rows.append(modality.row_of(value, packing))
            except (ValueError, TypeError) as error:
                raise UserError("request-invalid", f"sample {place} of {len(values)}: {error}") from None
        parts.append(see(views.clean(views.collate(rows))).float().cpu().numpy())
    return np.asarray(np.concatenate(parts), dtype=np.float32)
