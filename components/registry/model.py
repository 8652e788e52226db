"""The model folder and what it does: model.safetensors (weights) beside model.json (everything else).

No pickle anywhere: weights are safetensors, the rest is checked JSON, and both digests are verified
before a byte is interpreted.

Shapes: B samples, D feature width, K classes.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import PositiveFloat, ValidationError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from components.config import Config, explain
from components.encoders import ServedConfig, build_encoder
from components.errors import UserError
from components.evaluation.classification.conformal import Sets
from components.files import write_atomically
from components.modalities.packing import PackingConfig
from components.modalities.registry import packed_as
from components.modalities.views import build_views
from components.registry.outlier_model import OutlierConfig, distances

if TYPE_CHECKING:
    import pandas as pd

WEIGHTS = "model.safetensors"
CONFIG = "model.json"


class ModelConfig(Config):
    """What model.json holds: all that is needed to rebuild the network and to read its answers."""

    encoder: ServedConfig
    packing: PackingConfig
    classes: list[str]
    temperature: PositiveFloat = 1.0  # logits are divided by it
    sets: Sets | None = None  # which classes may be the true one
    outliers: OutlierConfig | None = None  # how far a sample may be from all that was learnt from


class Classifier(nn.Module):
    """Encoder, one linear layer, a temperature; and, where config.outliers is set, means [G, D] and whiten [D, D] of
    what it learnt from (components.registry.outlier_model)."""

    means: Tensor
    whiten: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config.encoder, config.packing)
        self.head = nn.Linear(self.encoder.feature_dim, len(config.classes))
        size = self.encoder.embedding_dim
        if config.outliers is not None:
            self.register_buffer("means", torch.zeros(config.outliers.groups, size))
            self.register_buffer("whiten", torch.zeros(size, size))

    def forward(self, x: Tensor) -> Tensor:
        """A clean view [B, ...] -> calibrated logits [B, K]."""
        return self.answer(x)[0]

    def answer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """A clean view [B, ...] -> calibrated logits [B, K], embedding [B, D]."""
        features = self.encoder(x)
        logits: Tensor = self.head(features) / self.config.temperature
        return logits, features[:, : self.encoder.embedding_dim]

    def distances(self, features: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """[B, D] its own embedding -> [B] distance from all that it learnt from; None where it does not know."""
        if self.config.outliers is None:
            return None
        means, whiten = self.means.cpu().numpy(), self.whiten.cpu().numpy()
        return distances(features, means, whiten).astype(np.float32)


def save_classifier(classifier: Classifier, folder: Path) -> tuple[Path, Path]:
    """Write the two files (each whole or not at all); returns their paths, weights first."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: value.detach().cpu().contiguous().clone() for key, value in classifier.state_dict().items()}
    weights = save_tensors(state)
    write_atomically(folder / WEIGHTS, lambda out: out.write(weights))
    config = classifier.config.model_dump_json(indent=2) + "\n"
    write_atomically(folder / CONFIG, lambda out: out.write(config.encode()))
    return folder / WEIGHTS, folder / CONFIG


def load_classifier(folder: Path, sha256: Mapping[str, str] | None = None) -> Classifier:
    """The classifier in `folder`, in eval mode on the CPU.

    Args:
        sha256: file name -> hex digest, checked before the file is interpreted.

    Raises:
        UserError: a file is missing, has another digest, or holds another network than model.json says.
    """
    raw = {name: _read(folder / name, (sha256 or {}).get(name)) for name in (WEIGHTS, CONFIG)}
    try:
        config = ModelConfig.model_validate_json(raw[CONFIG])
    except ValidationError as error:
        raise UserError(explain(error, str(folder / CONFIG))) from None
    classifier = Classifier(config)
    try:
        classifier.load_state_dict(load_tensors(raw[WEIGHTS]))
    except Exception as error:  # safetensors and torch raise kinds of their own
        reason = str(error).splitlines()[0]
        said = f"{folder / WEIGHTS}: the network of {CONFIG} needed, got other weights: {reason}"
        raise UserError(said) from None
    return classifier.eval()


def digests(folder: Path) -> dict[str, str]:
    """File name -> sha256 of the two files of a model folder."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (WEIGHTS, CONFIG)}


class Predictor:
    """Raw samples in, one row each out."""

    def __init__(self, classifier: Classifier, batch_size: int = 256) -> None:
        self.classifier = classifier.eval()
        self.batch_size = batch_size
        self.packing = classifier.config.packing
        self.modality, self.views = packed_as(self.packing), build_views(self.packing)

    def values(self, given: Any) -> list[Any]:
        """The samples of a request, each as it came; see Modality.values."""
        return self.modality.values(given, self.packing)

    @torch.inference_mode()
    def predict(self, values: Sequence[Any]) -> "pd.DataFrame":
        """Class, confidence, probabilities and embedding of each sample. Never raises for a sample: its row says why.

        Args:
            values: samples as a request holds them; see components/modalities/NAME/serve.py.

        Returns:
            columns class (str), confidence (largest probability), probabilities (list of K floats in the
            order of `classes`), embedding (list of D floats: the encoder's feature), outlier_score (distance from
            all that the model learnt from), is_outlier (whether that is above the model's limit), error (why a sample
            has no prediction: all other columns are null then). outlier_score and is_outlier are null where the model
            knows no limit, error where there is a prediction.
        """
        import pandas as pd  # two seconds that training need not wait for

        config, errors = self.classifier.config, list[str | None]()
        logits, features = [], []
        for start in range(0, len(values), self.batch_size):
            results = [self._row(value) for value in values[start : start + self.batch_size]]
            errors += [result if isinstance(result, str) else None for result in results]
            rows = [result for result in results if not isinstance(result, str)]
            if rows:
                part = self.classifier.answer(self.views.clean(self.views.collate(rows)))
                logits.append(part[0].double())
                features.append(part[1].float())
        probabilities = torch.cat(logits).softmax(1).numpy() if logits else np.empty((0, len(config.classes)))
        nothing = np.empty((0, self.classifier.encoder.embedding_dim), np.float32)
        embedding = torch.cat(features).numpy() if features else nothing
        best, apart, known = probabilities.argmax(1), self.classifier.distances(embedding), config.outliers
        columns: dict[str, Any] = {
            "class": [config.classes[i] for i in best],
            "confidence": probabilities.max(1, initial=0.0).tolist(),
            "probabilities": probabilities.tolist(),
            "embedding": embedding.tolist(),
            "outlier_score": [None] * len(best) if apart is None else apart.tolist(),
            "is_outlier": [None] * len(best)
            if apart is None or known is None
            else (apart > known.limit).tolist(),
        }
        place = iter(range(len(best)))
        order = [next(place) if error is None else None for error in errors]
        filled = {name: [None if k is None else found[k] for k in order] for name, found in columns.items()}
        nullable = {"outlier_score", "is_outlier", "error"} | (set(filled) if any(errors) else set())
        return pd.DataFrame(
            {
                name: pd.Series(found, dtype=object if name in nullable else None)
                for name, found in {**filled, "error": errors}.items()
            }
        )

    def _row(self, value: Any) -> NDArray[Any] | str:
        """The sample as a row of the arrays, or why there is none."""
        try:
            return self.modality.row_of(value, self.packing)
        except (ValueError, TypeError) as error:
            return str(error)


def _read(file: Path, expected: str | None) -> bytes:
    if not file.is_file():
        raise UserError(f"{file}: a model folder with {WEIGHTS} and {CONFIG} needed, the file is missing")
    raw = file.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if expected is not None and found != expected:
        said = f"{file}: sha256 {expected[:12]} needed, got {found[:12]}"
        raise UserError(f"{said}; the file was changed, fetch it again")
    return raw
