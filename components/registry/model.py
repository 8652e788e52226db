"""The model of classification: encoder, one linear layer, a temperature.

Letters: B samples, D feature width, K classes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import PositiveFloat
from torch import Tensor, nn

from components.evaluation.classification.conformal import Sets
from components.registry.outlier_model import OutlierConfig
from components.registry.served import Description, Found, Served, load_model


class ModelConfig(Description):
    """What model.json holds: all that is needed to rebuild the network and to read its answers."""

    classes: list[str]
    temperature: PositiveFloat = 1.0  # logits are divided by it
    sets: Sets | None = None  # which classes may be the true one
    outliers: OutlierConfig | None = None  # how far a sample may be from all that was learnt from


class Classifier(Served):
    """Probabilities of K classes.

    Its predictions have the columns class, confidence (largest probability), probabilities (K floats in the order of
    `classes`), embedding (D floats: the encoder's feature), outlier_score (distance from all that the model learnt
    from), is_outlier (whether that is above the model's limit).
    """

    Config = ModelConfig
    outputs: ClassVar[Mapping[str, str]] = {
        "class": "text", "confidence": "number", "probabilities": "numbers", "embedding": "numbers",
        "outlier_score": "number", "is_outlier": "truth",
    }  # fmt: skip
    nullable = frozenset({"outlier_score", "is_outlier"})

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, config.outliers)
        self.config = config
        self.head = nn.Linear(self.encoder.feature_dim, len(config.classes))

    def forward(self, x: Tensor) -> Tensor:
        """A clean view [B, ...] -> calibrated logits [B, K]."""
        return self.answer(x)[0]

    def answer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """A clean view [B, ...] -> calibrated logits [B, K], embedding [B, D]."""
        features = self.encoder(x)
        logits: Tensor = self.head(features) / self.config.temperature
        return logits, features[:, : self.encoder.embedding_dim]

    def see(self, x: Tensor) -> dict[str, Tensor]:
        """probabilities [B, K] float64, features [B, D] float32."""
        logits, features = self.answer(x)
        return {"probabilities": logits.double().softmax(1), "features": features.float()}

    def columns(self, found: Found) -> dict[str, list[Any]]:
        probabilities, features = found["probabilities"], found["features"]
        return {
            "class": [self.config.classes[i] for i in probabilities.argmax(1)],
            "confidence": probabilities.max(1, initial=0.0).tolist(),
            "probabilities": probabilities.tolist(),
            "embedding": features.tolist(),
            **self.outlier_columns(features),
        }

    def disagreement(
        self, found: Mapping[str, Sequence[Any]], expected: Mapping[str, Sequence[Any]]
    ) -> float:
        """Largest difference of a probability; infinite where classes or counts differ, or a sample has no class."""
        if list(found["class"]) != list(expected["class"]) or None in found["class"]:
            return float("inf")
        pairs = zip(found["probabilities"], expected["probabilities"], strict=True)
        return max(
            (abs(a - b) for left, right in pairs for a, b in zip(left, right, strict=True)), default=0.0
        )


def load_classifier(folder: Path, sha256: Mapping[str, str] | None = None) -> Classifier:
    """The model in `folder`, which is one of classification; see load_model."""
    model = load_model(folder, sha256)
    assert isinstance(model, Classifier), f"{folder} holds a {type(model).__name__}"
    return model
