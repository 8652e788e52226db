"""The model folder and what it does: model.safetensors (weights) beside model.json (everything else).

No pickle anywhere: weights are safetensors, the rest is checked JSON, and both digests are verified
before a byte is interpreted.

Shapes: B images, C channels, S side in pixels, D feature width, K classes.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import PositiveFloat, ValidationError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from components.config import Config, explain
from components.modalities.image.file import deep
from components.encoders import ServedConfig, build_encoder
from components.errors import UserError
from components.evaluation.classification.conformal import Sets
from components.files import write_atomically
from components.modalities.image.pack import ImageConfig, decode, fitted
from components.registry.outlier_model import OutlierConfig, distances

if TYPE_CHECKING:
    import pandas as pd

WEIGHTS = "model.safetensors"
CONFIG = "model.json"


class ModelConfig(Config):
    """What model.json holds: all that is needed to rebuild the network and to read its answers."""

    encoder: ServedConfig
    modality: ImageConfig
    mean: list[float]  # per channel, of pixels in [0, 1]
    std: list[float]
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
        self.encoder = build_encoder(config.encoder, config.modality.channels, config.mean, config.std)
        self.head = nn.Linear(self.encoder.feature_dim, len(config.classes))
        size = self.encoder.embedding_dim
        if config.outliers is not None:
            self.register_buffer("means", torch.zeros(config.outliers.groups, size))
            self.register_buffer("whiten", torch.zeros(size, size))

    def forward(self, x: Tensor) -> Tensor:
        """x [B, C, S, S] in [0, 1] -> calibrated logits [B, K]."""
        return self.answer(x)[0]

    def answer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, C, S, S] in [0, 1] -> calibrated logits [B, K], embedding [B, D]."""
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
    """Raw images in, one row each out."""

    def __init__(self, classifier: Classifier, batch_size: int = 256) -> None:
        self.classifier = classifier.eval()
        self.batch_size = batch_size

    @torch.inference_mode()
    def predict(self, images: Sequence[Any]) -> "pd.DataFrame":
        """Class, confidence, probabilities and embedding of each image. Never raises for an image: its row says why.

        Args:
            images: encoded images (PNG, JPEG, ...), or arrays: uint8 [H, W], [H, W, C] or [C, S, S]; for a model
                that learnt from grey of more than 8 bits, [H, W] of any type too.

        Returns:
            columns class (str), confidence (largest probability), probabilities (list of K floats in the
            order of `classes`), embedding (list of D floats: the encoder's feature), outlier_score (distance from
            all that the model learnt from), is_outlier (whether that is above the model's limit), error (why an image
            has no prediction: all other columns are null then). outlier_score and is_outlier are null where the model
            knows no limit, error where there is a prediction.
        """
        import pandas as pd  # two seconds that training need not wait for

        config, errors = self.classifier.config, list[str | None]()
        logits, features = [], []
        for start in range(0, len(images), self.batch_size):
            results = [self._pixels(image) for image in images[start : start + self.batch_size]]
            errors += [result if isinstance(result, str) else None for result in results]
            pixels = [result for result in results if not isinstance(result, str)]
            if pixels:
                part = self.classifier.answer(torch.from_numpy(np.stack(pixels)).float() / 255)
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
        rows = {name: [None if k is None else values[k] for k in order] for name, values in columns.items()}
        nullable = {"outlier_score", "is_outlier", "error"} | (set(rows) if any(errors) else set())
        return pd.DataFrame(
            {
                name: pd.Series(values, dtype=object if name in nullable else None)
                for name, values in {**rows, "error": errors}.items()
            }
        )

    def _pixels(self, image: Any) -> NDArray[np.uint8] | str:
        """uint8 [C, S, S], or why there is none."""
        modality = self.classifier.config.modality
        try:
            if isinstance(image, np.ndarray):
                if image.dtype == np.uint8 and image.shape == (
                    modality.channels,
                    modality.size,
                    modality.size,
                ):
                    return image
                if image.ndim == 2 and image.dtype != np.uint8 and modality.range is not None:
                    return fitted(deep(image), modality).pixels
                if image.dtype != np.uint8:
                    return f"encoded bytes or a uint8 array required, got an array of {image.dtype}"
                image = encode_png(image)
            if not isinstance(image, bytes | bytearray | memoryview):
                return f"encoded bytes or a uint8 array required, got {type(image).__name__}"
            return decode(bytes(image), modality)
        except (ValueError, TypeError) as error:
            return str(error)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """PNG bytes of a uint8 array [H, W], [H, W, 3] or channels first [1 or 3, H, W]."""
    if image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[2] not in (1, 3):
        image = image.transpose(1, 2, 0)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(out, format="PNG")
    return out.getvalue()


def _read(file: Path, expected: str | None) -> bytes:
    if not file.is_file():
        raise UserError(f"{file}: a model folder with {WEIGHTS} and {CONFIG} needed, the file is missing")
    raw = file.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if expected is not None and found != expected:
        said = f"{file}: sha256 {expected[:12]} needed, got {found[:12]}"
        raise UserError(f"{said}; the file was changed, fetch it again")
    return raw
