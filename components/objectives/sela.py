"""SeLa: label the whole set by optimal transport, as evenly as its predictions allow; learn the labels; again.

Source: Asano et al. 2020 (arXiv:1911.05371), equations 3 to 8: the labels maximise the sum of log p under
equally large clusters; Sinkhorn-Knopp with lambda = 25 on p^lambda, rounded to the largest entry; several
heads, each with labels of its own.
Differs from it: a perceptron between the features and the heads, where the paper's networks have it for AlexNet alone;
labels are found every `reassign` epochs, not on a schedule that thins out; a fixed number of
Sinkhorn iterations, not until an error is small; p is of clean samples.
Letters: N samples, B samples on this rank, V views, D feature size, H heads, K clusters.
"""

import math
from typing import Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.clustering.sinkhorn import sinkhorn
from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import trunk
from components.errors import UserError
from components.objectives.base import Batch, FeatureSource, Losses, Objective
from components.objectives.parts.clusters import UNKNOWN, cluster_cross_entropy, enough, imbalance, in_shares
from components.objectives.parts.multicrop import encode
from components.precision import at_least_float32


class SelaConfig(Config):
    """Options of SeLa."""

    name: Literal["sela"] = "sela"
    """Selects SeLa (Asano et al. 2020, arXiv:1911.05371)."""

    views: PositiveInt = 1
    """Number of views of a sample in each step."""

    clusters: int = Field(default=100, ge=2)
    """Number of clusters K of each head; the published 3000 suit a million samples."""

    heads: PositiveInt = 1
    """Number of heads H, each with labels of its own (published: 10, for a large network)."""

    hidden: NonNegativeInt = 256
    """Width of the hidden layer before the heads; 0: none."""

    sharpness: PositiveFloat = 25.0
    """Lambda; a larger value follows the predictions more closely and needs more iterations (published:
    25)."""

    iterations: PositiveInt = 100
    """Sinkhorn-Knopp iterations of a labelling."""

    reassign: PositiveInt = 1
    """Epochs from one labelling to the next."""


def balanced_labels(scores: Tensor, *, sharpness: float, iterations: int) -> Tensor:
    """[B] int64: the largest entry of the transport plan between the samples of all ranks and K equal
    clusters.

    Args:
        scores: [B, K] logits; B may differ from rank to rank.

    [[4, 0], [3, 0]] gives [0, 1]: both would rather be in the first, and the second sample less so.
    """
    log_p = at_least_float32(scores).log_softmax(dim=1)
    return sinkhorn(log_p, epsilon=1 / sharpness, iterations=iterations).argmax(dim=1)


class Sela(Objective):
    tied_to_rows = ("labels", "changed")
    labels: Tensor  # [H, N] int64
    changed: Tensor  # [] share of the labels that the last labelling changed; NaN after the first

    def __init__(self, config: SelaConfig, encoder: Encoder, rows: int, size: int = 0) -> None:
        super().__init__()
        enough(rows, config.clusters, "sela")
        self.config = config
        self.views = (("global", config.views),)
        self.body = trunk(encoder.feature_dim, config.hidden)
        self.top = nn.Linear(config.hidden or encoder.feature_dim, config.heads * config.clusters)
        self.register_buffer("labels", torch.full((config.heads, rows), UNKNOWN))
        self.register_buffer("changed", torch.tensor(float("nan"), dtype=torch.float64))

    @property
    def collapse_loss(self) -> float:
        """ln K: the loss where nothing is told apart."""
        return math.log(self.config.clusters)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Mean over views and heads of the cross-entropy with the samples' labels -> total: [] nats."""
        scores = self._scores(torch.cat(encode(encoder, batch.views)))
        labels = self.labels[:, batch.index.to(self.labels.device)].repeat(1, len(batch.views))
        with torch.autocast(scores.device.type, enabled=False):
            return Losses(cluster_cross_entropy(scores, labels, temperature=1.0))

    @torch.no_grad()
    def before_epoch(self, epoch: int, features: FeatureSource) -> None:
        """Labels the whole set anew, each rank a stretch of it.

        Raises:
            UserError: features are not [N, D] or not finite.
        """
        known = not bool((self.labels == UNKNOWN).any())
        if known and epoch % self.config.reassign:
            return
        points = features()
        if points.ndim != 2 or len(points) != self.labels.shape[1] or not bool(torch.isfinite(points).all()):
            raise UserError(
                "array-invalid",
                f"sela needs finite features [{self.labels.shape[1]}, D], got {list(points.shape)}; "
                "where they are not finite, lower the learning rate",
            )
        found = in_shares(len(points), lambda own: self._label(points[own])).T
        self.changed.fill_((found != self.labels).double().mean() if known else float("nan"))
        self.labels.copy_(found)

    def figures(self) -> dict[str, float]:
        """imbalance: K sum n^2 / N^2, mean over heads; changed: share of labels that changed (none at
        first)."""
        if bool((self.labels == UNKNOWN).any()):
            return {}
        each = [imbalance(head, self.config.clusters) for head in self.labels]
        found = {"imbalance": sum(each) / len(each), "changed": float(self.changed)}
        return {name: value for name, value in found.items() if not math.isnan(value)}

    def _scores(self, features: Tensor) -> Tensor:
        """[B, D] -> [H, B, K]."""
        scores: Tensor = self.top(self.body(features))
        return scores.reshape(len(scores), self.config.heads, self.config.clusters).transpose(0, 1)

    def _label(self, points: Tensor) -> Tensor:
        """[M, D] features of this rank's stretch -> [M, H] labels."""
        training = self.body.training
        self.body.eval()  # a label is of the sample alone
        scores = self._scores(points.to(self.top.weight))
        self.body.train(training)
        sharpness, iterations = self.config.sharpness, self.config.iterations
        each = [balanced_labels(s, sharpness=sharpness, iterations=iterations) for s in scores]
        return torch.stack(each, dim=1)
