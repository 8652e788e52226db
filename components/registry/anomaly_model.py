"""The model of the task anomaly: detectors on plain features and on those of the encoder, and a threshold.

Its detectors (components.evaluation.anomaly) are arrays among the weights; model.json has their shapes.
Letters: B samples, D feature width, C columns of the table, J detectors.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from components.arrays import Doubles
from components.config import Config
from components.encoders import ServedConfig, build_encoder
from components.evaluation.anomaly.scorer import Scorer, ecod_of
from components.evaluation.anomaly.stored import arrays_of, scorer_of
from components.registry.served import Description, Found, Served

PLAIN, LEARNT = "columns", "features"  # kinds of features
RARE = 0.05  # tail probability of a value, in its column, below which the column is named
NAMED = 3  # columns that are named


class Stored(Config):
    """One array among the weights."""

    kind: Literal["float64", "int64"]
    """Type of its numbers."""

    shape: tuple[int, ...]
    """Its shape."""


class AnomalyDescription(Description):
    """What model.json holds."""

    task: Literal["anomaly"] = "anomaly"
    """Selects this kind of model."""

    plain: ServedConfig | None = None
    """Encoder of the plain features; null: they are too wide for detectors, and left out."""

    learnt: bool = True
    """Whether detectors look at the encoder's features."""

    arrays: dict[str, Stored]
    """The fitted detectors."""

    detectors: tuple[str, ...]
    """Names of the detectors, in the order of their ranks."""

    threshold: float | None = None
    """Score above which a sample is an alarm; null: too few training samples to promise a rate of false alarms."""

    false_alarms: float = Field(gt=0, lt=1)
    """Share of normal samples that may be above the threshold."""


class AnomalyModel(Served):
    """[B, ...] -> score [B], ranks [B, J], tails [B, C] of each column's value, features [B, D]."""

    Config = AnomalyDescription
    outputs: ClassVar[Mapping[str, str]] = {
        "anomaly_score": "number",
        "is_anomaly": "truth",
        "detector": "text",
        "columns": "texts",
        "embedding": "numbers",
    }
    nullable = frozenset({"is_anomaly"})

    def __init__(self, config: AnomalyDescription) -> None:
        super().__init__(config)
        self.config = config
        self.plain = None if config.plain is None else build_encoder(config.plain, config.packing)
        for name, stored in config.arrays.items():
            self.register_buffer(name, torch.zeros(stored.shape, dtype=getattr(torch, stored.kind)))
        self._scorer: Scorer | None = None

    @property
    def scorer(self) -> Scorer:
        """The detectors; made when the weights have been loaded."""
        if self._scorer is None:
            self._scorer = scorer_of(
                {name: self.get_buffer(name).cpu().numpy() for name in self.config.arrays}
            )
        return self._scorer

    def given(self, x: Tensor) -> dict[str, Tensor]:
        """What the detectors look at: features [B, ...] of a clean view by kind."""
        found = {}
        if self.plain is not None:
            found[PLAIN] = self.plain(x)
        if self.config.learnt:
            found[LEARNT] = self.encoder(x)[:, : self.encoder.embedding_dim]
        return found

    def see(self, x: Tensor) -> dict[str, Tensor]:
        given = self.given(x)
        arrays = {kind: features.double().cpu().numpy() for kind, features in given.items()}
        scored = self.scorer.scored(arrays)
        embedding = given[LEARNT] if LEARNT in given else self.encoder(x)[:, : self.encoder.embedding_dim]
        return {
            "score": torch.from_numpy(scored.score),
            "ranks": torch.from_numpy(
                np.column_stack([scored.ranks[name] for name in self.config.detectors])
            ),
            "tails": torch.from_numpy(self._tails(arrays)),
            "features": embedding.float(),
        }

    @property
    def named(self) -> list[str]:
        """The C columns of the table, in the order of `tails`."""
        return list(dict.fromkeys(self.plain.columns)) if self.plain is not None else []

    def _tails(self, arrays: Mapping[str, Doubles]) -> Doubles:
        """[B, C] minus the logarithm of how probable a value as far out is, the largest of a column's features."""
        names = self.named
        if not names or self.plain is None:
            return np.zeros((len(next(iter(arrays.values()))), 0))
        detectors = self.scorer.detectors[PLAIN]
        each = ecod_of(detectors).by_column(detectors.standardised(arrays[PLAIN]))
        of = np.array([names.index(column) for column in self.plain.columns])
        return np.column_stack([each[:, of == place].max(axis=1) for place in range(len(names))])

    def alarms(self, scores: Doubles) -> list[bool | None]:
        """[B] whether each is above the threshold; None where there is none."""
        limit = self.config.threshold
        return [None] * len(scores) if limit is None else (np.asarray(scores) > limit).tolist()

    def why(self, tails: Doubles) -> list[list[str]]:
        """[B] the columns with the rarest values, the rarest first; none where no value alone is rare."""
        names, order = self.named, np.argsort(-tails, axis=1, kind="stable")[:, :NAMED]
        least = -math.log(RARE)
        return [
            [names[place] for place in row if values[place] > least]
            for row, values in zip(order, tails, strict=True)
        ]

    def columns(self, found: Found) -> dict[str, list[Any]]:
        return {
            "anomaly_score": found["score"].tolist(),
            "is_anomaly": self.alarms(found["score"]),
            "detector": [self.config.detectors[place] for place in found["ranks"].argmax(axis=1)],
            "columns": self.why(found["tails"]),
            "embedding": found["features"].tolist(),
        }

    def disagreement(
        self, found: Mapping[str, Sequence[Any]], expected: Mapping[str, Sequence[Any]]
    ) -> float:
        """Largest difference of a score; infinite where counts differ, or a sample has no score."""
        ours, theirs = list(found["anomaly_score"]), list(expected["anomaly_score"])
        if len(ours) != len(theirs) or None in ours:
            return math.inf
        return max((abs(a - b) for a, b in zip(ours, theirs, strict=True)), default=0.0)


def described(scorer: Scorer) -> dict[str, Stored]:
    """The shapes of a scorer's arrays."""
    return {
        name: Stored(kind="int64" if value.dtype.kind == "i" else "float64", shape=value.shape)
        for name, value in arrays_of(scorer).items()
    }


def fill(model: AnomalyModel, scorer: Scorer) -> None:
    """Give a model that was described by `described` the arrays of this scorer."""
    for name, value in arrays_of(scorer).items():
        model.get_buffer(name).copy_(torch.from_numpy(np.array(value)))
