"""DeepCluster: cluster the features of the whole set, predict each sample's cluster from its view, cluster
again.

Source: Caron et al. 2018 (arXiv:1807.05520), section 3, and its published code: PCA, whitening, unit length,
k-means with a new seed each time, a new last layer N(0, 0.01), samples drawn uniformly over clusters.
Differs from it: k-means++ starts; cluster ids are matched to the previous ones by the samples they share, so
that the last layer can be kept ("matched"); a perceptron between the features and that layer, where AlexNet had its
own above the kept features; clusters go by row and are a part of the state, so that a training resumes exactly.
Letters: N samples, B samples in a batch, D feature size, P principal components, K clusters.
"""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import trunk
from components.errors import UserError
from components.objectives.base import Batch, FeatureSource, Losses, Objective
from components.objectives.parts.clusters import enough, imbalance, on_first_rank
from components.objectives.parts.multicrop import encode


class DeepclusterConfig(Config):
    """Options of DeepCluster."""

    name: Literal["deepcluster"] = "deepcluster"
    """Selects DeepCluster (Caron et al. 2018, arXiv:1807.05520)."""

    clusters: PositiveInt = 100
    """Number of clusters K; 3 to 10 times the number of expected classes."""

    components: NonNegativeInt = 64
    """Number of principal components P that are clustered; 0: features are clustered without PCA."""

    whiten: bool = True
    """Whiten the principal components before clustering, as published."""

    iterations: PositiveInt = 20
    """Iterations of k-means."""

    restarts: PositiveInt = 1
    """Initialisations of k-means, of which the best result is kept."""

    reassign: PositiveInt = 1
    """Epochs from one clustering to the next (published: 1)."""

    head: Literal["fresh", "matched"] = "fresh"
    """`fresh` initialises the last layer anew after each clustering, as published; `matched` keeps it."""

    hidden: NonNegativeInt = 256
    """Width of the hidden layer before the last layer; 0: none."""

    uniform: bool = True
    """Draw samples uniformly over clusters, as published."""

    seed: NonNegativeInt = 0
    """Seed of the clusterings."""

    views: PositiveInt = 1
    """Number of views of a sample in each step."""


def reduce(features: Tensor, components: int, whiten: bool) -> Tensor:
    """[N, D] -> [N, min(P, D)] float32: centred, on the main components, whitened to variance 1, rows at
    length 1.

    Components that carry nothing (variance below 1e-7 of the largest) are 0, not noise blown up. P = 0: only
    the rows' length. A sample at the very centre stays 0.
    """
    x = features.double()
    if components:
        x = x - x.mean(dim=0)
        variance, axes = torch.linalg.eigh(x.T @ x / len(x))
        variance, axes = variance.flip(0)[:components], axes.flip(1)[:, :components]
        x = x @ axes
        if whiten:
            alive = variance > 1e-7 * variance[0].clamp(min=1e-30)
            x = x * torch.where(alive, variance.clamp(min=1e-30).rsqrt(), torch.zeros_like(variance))
    return F.normalize(x, dim=1).float()


def uniform_rows(assignment: Tensor, generator: torch.Generator) -> Tensor:
    """[M] int64 rows, floor(N / K) + 1 of each of the K clusters in use; drawn with replacement where it is
    smaller.

    M = K (floor(N / K) + 1); the two clusters [0, 0, 0, 1] give 3 rows each, row 3 three times.
    """
    members = torch.argsort(assignment, stable=True)
    sizes = torch.bincount(assignment)
    sizes = sizes[sizes > 0]
    draws = len(assignment) // len(sizes) + 1
    picked = []
    for own in torch.split(members, sizes.tolist()):
        if len(own) >= draws:
            choice = torch.randperm(len(own), generator=generator)[:draws]
        else:
            choice = torch.randint(len(own), (draws,), generator=generator)
        picked.append(own[choice])
    return torch.cat(picked)


class Deepcluster(Objective):
    """State beyond the head: assignment [N] int64 (-1 before the first clustering), its NMI with the one
    before (NaN for the first), how many empty clusters were repaired."""

    tied_to_rows = ("assignment", "agreement", "empties")
    assignment: Tensor
    agreement: Tensor
    empties: Tensor

    def __init__(self, config: DeepclusterConfig, encoder: Encoder, rows: int, size: int = 0) -> None:
        super().__init__()
        enough(rows, config.clusters, "deepcluster")
        self.config = config
        self.views = (("global", config.views),)
        self.body = trunk(encoder.feature_dim, config.hidden)
        self.top = nn.Linear(config.hidden or encoder.feature_dim, config.clusters)
        self.register_buffer("assignment", torch.full((rows,), -1, dtype=torch.int64))
        self.register_buffer("agreement", torch.tensor(float("nan"), dtype=torch.float64))
        self.register_buffer("empties", torch.tensor(0, dtype=torch.int64))
        self._restart(0)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Mean over views of the cross-entropy (nats) with the samples' clusters; log K for equal scores.

        `before_epoch` assigns them first: cross_entropy itself refuses -1 (as an index out of bounds).
        """
        targets = self.assignment[batch.index.to(self.assignment.device)]
        losses = []
        for features in encode(encoder, batch.views):
            scores = self.top(self.body(features))
            with torch.autocast(scores.device.type, enabled=False):
                losses.append(F.cross_entropy(scores.float(), targets))
        total = torch.stack(losses).mean()
        return Losses(total, {"loss": total.detach()})

    @torch.no_grad()
    def before_epoch(self, epoch: int, features: FeatureSource) -> None:
        """Clusters the whole set anew, on the first rank for all.

        Raises:
            UserError: features are not [N, D], not finite, or have fewer distinct rows than clusters.
        """
        self.fresh_parameters = ()
        known = bool((self.assignment >= 0).all())
        if known and epoch % self.config.reassign:
            return
        points = features()  # every rank brings its share
        if points.shape[:1] != self.assignment.shape or points.ndim != 2:
            raise UserError(
                "array-invalid",
                f"deepcluster needs features [{len(self.assignment)}, D], got {list(points.shape)}",
            )
        found = (self.assignment, self.agreement, self.empties)
        on_first_rank(lambda: self._cluster(epoch, points), found)
        if self.config.head == "fresh" or not known:
            self._restart(epoch)
            self.fresh_parameters = list(self.top.parameters())

    def epoch_rows(self, rows: Tensor, seed: int, epoch: int) -> Tensor | None:
        """`uniform_rows` of the given ones; a pure function of these, seed, epoch and the clusters."""
        if not self.config.uniform or bool((self.assignment < 0).any()):
            return None
        generator = torch.Generator().manual_seed(_draw(seed, epoch))
        return rows[uniform_rows(self.assignment.cpu()[rows], generator)]

    def figures(self) -> dict[str, float]:
        """empties, imbalance (K sum n^2 / N^2), nmi with the clusters before (none at first)."""
        if bool((self.assignment < 0).any()):
            return {}
        found = {
            "empties": float(self.empties),
            "imbalance": imbalance(self.assignment, self.config.clusters),
            "nmi": float(self.agreement),
        }
        return {name: value for name, value in found.items() if value == value}

    def _cluster(self, epoch: int, points: Tensor) -> None:
        try:  # here, not above: the other objectives run where there is torch alone
            from components.clustering import kmeans, matching, quality
        except ImportError as error:
            raise UserError(
                "package-missing", f"deepcluster needs faiss, scipy and scikit-learn; {error}: install them"
            ) from None

        c, before = self.config, self.assignment.cpu().numpy()
        if not bool(torch.isfinite(points).all()):
            raise UserError(
                "values-not-finite",
                "deepcluster needs finite features, got NaN or infinity; lower the learning rate",
            )
        found = kmeans.kmeans(
            reduce(points, c.components, c.whiten).numpy(),
            c.clusters,
            spherical=False,
            restarts=c.restarts,
            iterations=c.iterations,
            seed=_draw(c.seed, epoch),
        )
        ids = np.arange(c.clusters)
        if (before >= 0).all():
            self.agreement.fill_(quality.nmi(before, found.assignment))
            ids = matching.match_samples(before, found.assignment, c.clusters, c.clusters)
            ids[ids < 0] = np.setdiff1d(np.arange(c.clusters), ids)
        self.assignment.copy_(torch.from_numpy(ids[found.assignment]))
        self.empties.fill_(found.repaired)

    def _restart(self, epoch: int) -> None:
        """The last layer as new, N(0, 0.01) and no bias: the same on every rank."""
        generator = torch.Generator().manual_seed(_draw(self.config.seed, epoch))
        with torch.no_grad():
            self.top.weight.copy_(torch.randn(self.top.weight.shape, generator=generator) * 0.01)
            self.top.bias.zero_()


def _draw(seed: int, epoch: int) -> int:
    """Another seed for every epoch, and none shared by neighbouring seeds."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint32)[0])
