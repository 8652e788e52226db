"""A model as it is served: the folder that it lies in, model.safetensors (weights) beside model.json (everything else),
and what every task's model has in common.

No pickle anywhere: weights are safetensors, the rest is checked JSON, and both digests are verified before a byte is
interpreted. Which task a model is of stands in model.json; classification is not named there.
Letters: B samples, D feature width, G groups.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from components.config import Config, explain
from components.encoders import ServedConfig, build_encoder
from components.errors import UserError
from components.files import write_atomically
from components.implementations import Implementations
from components.modalities.packing import PackingConfig
from components.registry.outlier_model import OutlierConfig, distances
from components.tasks.registry import task_name

WEIGHTS = "model.safetensors"
CONFIG = "model.json"

Found = Mapping[str, NDArray[Any]]  # of several samples, by name


class Description(Config):
    """What model.json holds of a model of any task; beside it what the task needs, and `task` with its name."""

    encoder: ServedConfig
    packing: PackingConfig


class Served(nn.Module):
    """A model of one task: a view in, what it finds out, and the columns that a request gets.

    Config: type of its description. outputs: column of a prediction -> its type, text, number, truth, texts or numbers.
    nullable: columns that may be null beside a prediction. Where `outliers` is given it has means [G, D] and whiten
    [D, D] of what it learnt from (components.registry.outlier_model).
    """

    Config: ClassVar[type[Description]]
    outputs: ClassVar[Mapping[str, str]]
    nullable: ClassVar[frozenset[str]] = frozenset()
    means: Tensor
    whiten: Tensor

    def __init__(self, config: Description, outliers: OutlierConfig | None = None) -> None:
        super().__init__()
        self.encoder = build_encoder(config.encoder, config.packing)
        self.description, self.outliers, size = config, outliers, self.encoder.embedding_dim
        if outliers is not None:
            self.register_buffer("means", torch.zeros(outliers.groups, size))
            self.register_buffer("whiten", torch.zeros(size, size))

    def see(self, x: Tensor) -> dict[str, Tensor]:
        """What it finds in a clean view [B, ...]: tensors [B, ...] by name, `features` [B, D] among them."""
        raise TypeError(f"{type(self).__name__} defines no see")

    def columns(self, found: Found) -> dict[str, list[Any]]:
        """The columns of `outputs` for samples that were seen."""
        raise TypeError(f"{type(self).__name__} defines no columns")

    def disagreement(
        self, found: Mapping[str, Sequence[Any]], expected: Mapping[str, Sequence[Any]]
    ) -> float:
        """Largest difference between two predictions, as columns, on a scale of 1; infinite where they say
        something else."""
        raise TypeError(f"{type(self).__name__} defines no disagreement")

    def distances(self, features: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """[B, D] its own embedding -> [B] distance from all that it learnt from; None where it does not know."""
        if self.outliers is None:
            return None
        means, whiten = self.means.cpu().numpy(), self.whiten.cpu().numpy()
        return distances(features, means, whiten).astype(np.float32)

    def outlier_columns(self, features: NDArray[np.float32]) -> dict[str, list[Any]]:
        """outlier_score and is_outlier of embeddings [B, D]; null where it knows no limit."""
        apart, known = self.distances(features), self.outliers
        if apart is None or known is None:
            return {"outlier_score": [None] * len(features), "is_outlier": [None] * len(features)}
        return {"outlier_score": apart.tolist(), "is_outlier": (apart > known.limit).tolist()}


MODELS = Implementations[Served](
    "components.registry",
    "selfsup.models",
    {
        "classification": "model:Classifier",
        "regression": "regressor:Regressor",
        "anomaly": "anomaly_model:AnomalyModel",
        "segmentation": "segmenter:Segmenter",
        "ranking": "ranking_model:RankingModel",
    },
)


def model_of(described: Mapping[str, Any]) -> type[Served]:
    """The class of the model that model.json describes.

    Raises:
        UserError: it is of a task that is not known here.
    """
    task = task_name(described)
    if task not in MODELS:
        raise UserError(
            "unknown-name",
            f"a model of one of the tasks {', '.join(MODELS)} is needed, got one of {task!r:.80}",
        )
    made: Any = MODELS[task]
    return made  # type: ignore[no-any-return]


def save_model(model: Served, folder: Path) -> tuple[Path, Path]:
    """Write the two files (each whole or not at all); returns their paths, weights first."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: value.detach().cpu().contiguous().clone() for key, value in model.state_dict().items()}
    weights = save_tensors(state)
    write_atomically(folder / WEIGHTS, lambda out: out.write(weights))
    config = model.description.model_dump_json(indent=2) + "\n"
    write_atomically(folder / CONFIG, lambda out: out.write(config.encode()))
    return folder / WEIGHTS, folder / CONFIG


def load_model(folder: Path, sha256: Mapping[str, str] | None = None) -> Served:
    """The model in `folder`, in eval mode on the CPU.

    Args:
        sha256: file name -> hex digest, checked before the file is interpreted.

    Raises:
        UserError: a file is missing, has another digest, or holds another network than model.json says.
    """
    raw = {name: _read(folder / name, (sha256 or {}).get(name)) for name in (WEIGHTS, CONFIG)}
    try:
        described = json.loads(raw[CONFIG])
        kind = model_of(described if isinstance(described, dict) else {})
        config = kind.Config.model_validate_json(raw[CONFIG])
    except ValidationError as error:
        raise UserError("model-description-invalid", explain(error, str(folder / CONFIG))) from None
    except ValueError as error:
        raise UserError(
            "model-description-invalid",
            f"{folder / CONFIG}: JSON needed, got something else: {error}; fetch it again",
        ) from None
    model = kind(config)
    try:
        model.load_state_dict(load_tensors(raw[WEIGHTS]))
    except Exception as error:  # safetensors and torch raise kinds of their own
        reason = str(error).splitlines()[0]
        said = f"{folder / WEIGHTS}: the network of {CONFIG} needed, got other weights: {reason}"
        raise UserError("weights-unsuitable", said) from None
    return model.eval()


def digests(folder: Path) -> dict[str, str]:
    """File name -> sha256 of the two files of a model folder."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (WEIGHTS, CONFIG)}


def _read(file: Path, expected: str | None) -> bytes:
    if not file.is_file():
        raise UserError(
            "model-files-lost",
            f"{file}: a model folder with {WEIGHTS} and {CONFIG} needed, the file is missing",
        )
    raw = file.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if expected is not None and found != expected:
        said = f"{file}: sha256 {expected[:12]} needed, got {found[:12]}"
        raise UserError("digest-differs", f"{said}; the file was changed, fetch it again")
    return raw
