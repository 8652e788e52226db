"""The model of regression: encoder, one linear layer whose output is a standardised number, an interval around it.

The interval is that of split conformal prediction with residuals of cross-fitted trainings
(components.evaluation.regression.conformal).
Letters: B samples, D feature width.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor, nn

from components.registry.outlier_model import OutlierConfig
from components.registry.served import Description, Found, Served


class RegressorConfig(Description):
    """What model.json holds."""

    task: Literal["regression"] = "regression"
    """Selects the class of the model."""

    mean: float
    """Mean of the labels that it has learnt from."""

    scale: PositiveFloat
    """Their standard deviation: a prediction is mean + scale * output."""

    width: NonNegativeFloat | None = None
    """Half the width of the interval around a prediction; null: there were too few labels to tell."""

    miss: float = Field(default=0.1, gt=0, lt=1)
    """Share of samples whose true number may lie outside of the interval."""

    outliers: OutlierConfig | None = None
    """How far a sample may be from all that was learnt from; null: not known."""


class Regressor(Served):
    """A number for each sample.

    Its predictions have the columns prediction, low and high (the interval, null where there were too few labels to
    tell), embedding (D floats: the encoder's feature), outlier_score and is_outlier, as a classifier's.
    """

    Config = RegressorConfig
    outputs: ClassVar[Mapping[str, str]] = {
        "prediction": "number", "low": "number", "high": "number", "embedding": "numbers",
        "outlier_score": "number", "is_outlier": "truth",
    }  # fmt: skip
    nullable = frozenset({"low", "high", "outlier_score", "is_outlier"})

    def __init__(self, config: RegressorConfig) -> None:
        super().__init__(config, config.outliers)
        self.config = config
        self.head = nn.Linear(self.encoder.feature_dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """A clean view [B, ...] -> predictions [B] float64."""
        return self.see(x)["prediction"]

    def see(self, x: Tensor) -> dict[str, Tensor]:
        """prediction [B] float64, features [B, D] float32."""
        features = self.encoder(x)
        standard = self.head(features).squeeze(1).double()
        return {
            "prediction": self.config.mean + self.config.scale * standard,
            "features": features[:, : self.encoder.embedding_dim].float(),
        }

    def columns(self, found: Found) -> dict[str, list[Any]]:
        prediction, features = found["prediction"], found["features"]
        low, high = interval(prediction, self.config.width)
        return {
            "prediction": prediction.tolist(),
            "low": low,
            "high": high,
            "embedding": features.tolist(),
            **self.outlier_columns(features),
        }

    def disagreement(
        self, found: Mapping[str, Sequence[Any]], expected: Mapping[str, Sequence[Any]]
    ) -> float:
        """Largest difference of a prediction, in standard deviations of the labels; infinite where one is missing."""
        if len(found["prediction"]) != len(expected["prediction"]) or None in found["prediction"]:
            return float("inf")
        pairs = zip(found["prediction"], expected["prediction"], strict=True)
        return max((abs(a - b) / self.config.scale for a, b in pairs), default=0.0)


def interval(prediction: Any, width: float | None) -> tuple[list[float | None], list[float | None]]:
    """Lower and upper ends around predictions [B]; null where the width is not known."""
    if width is None:
        return [None] * len(prediction), [None] * len(prediction)
    centre = np.asarray(prediction, dtype=np.float64)
    return (centre - width).tolist(), (centre + width).tolist()
