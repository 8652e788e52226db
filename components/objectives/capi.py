"""CAPI: from the visible patches of an image, predict the clusters that a slow teacher's tokens of the hidden ones
belong to.

Source: Darcet et al. 2025 (arXiv:2502.08769), section 3, and the authors' code. The clusters are a linear
layer on the teacher's tokens at length 1, learnt online: its own predictions are drawn towards assignments that
Sinkhorn-Knopp balances for each place in the image by itself, so that a place alone tells nothing of the cluster. The
predictor attends to the visible patches alone, and its answers are cosines with K learnt directions.
Published: 16384 clusters, 65 % hidden (all but a block that may wrap around), 5 % of those predicted, temperatures .06
of the assignments and .12 of both predictions, 3 iterations, momentum .999 rising to 1, a predictor of 12 layers of
1024 beside an encoder of 24. Here: 100 clusters, all hidden patches predicted, .99 for short runs (see byol), 2 layers
of 64.
Differs: visible patches are cells of a coarser grid (see masks); the layer of clusters has the recipe's learning rate
(published: half of it); the mean of the tokens is the feature, not that of the predictor's first layer.
Letters: B samples on this rank, T patches, n hidden ones, E token size, W predictor width, K clusters.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn

from components.clustering.sinkhorn import sinkhorn
from components.collectives import all_reduce_sum, world
from components.config import Config
from components.encoders.base import Encoder
from components.encoders.vit import begin, positions
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.parts.masks import largest, priorities, token_encoder, visible
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.teacher import follow, rising, teacher_of
from components.objectives.parts.two_views import unit
from components.precision import at_least_float32


class CapiConfig(Config):
    """Options of CAPI."""

    name: Literal["capi"] = "capi"
    """Selects CAPI (Darcet et al. 2025, arXiv:2502.08769)."""

    hidden: float = Field(default=0.65, gt=0, lt=1)
    """Share of the patches that are masked (published: 0.65)."""

    block: PositiveInt = 2
    """Side, in patches, of the blocks that stay visible together."""

    clusters: int = Field(default=100, ge=2)
    """Number of clusters K (published: 16384)."""

    assignment_temperature: PositiveFloat = 0.06
    """Entropy regularisation of Sinkhorn; smaller values give sharper assignments (published: 0.06)."""

    temperature: PositiveFloat = 0.12
    """Temperature of the predictions of the predictor and of the clusters (published: 0.12)."""

    iterations: PositiveInt = 3
    """Sinkhorn iterations (published: 3)."""

    width: int = Field(default=64, multiple_of=4, gt=0)
    """Token size of the predictor (published: that of the encoder, 1024)."""

    depth: PositiveInt = 2
    """Number of the predictor's layers (published: 12)."""

    heads: PositiveInt = 4
    """Attention heads of the predictor (published: 16)."""

    momentum: float = Field(default=0.99, ge=0, le=1)
    """EMA momentum of the teacher at the start; it rises to 1 (published: 0.999)."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "CapiConfig":
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")
        return self


def assigned(scores: Tensor, *, epsilon: float, iterations: int) -> Tensor:
    """[B, T, K] scores -> [B, T, K] assignments, no gradient: balanced over the samples of all ranks, each place alone.

    Each row sums to 1; the same of every sample where their scores are the same: 1 / K.
    """
    return sinkhorn(scores.transpose(0, 1), epsilon=epsilon, iterations=iterations).transpose(0, 1)


def cross_entropy(targets: Tensor, scores: Tensor, temperature: float) -> Tensor:
    """[] mean over all rows of -sum q log softmax(scores / temperature); ln K nats for constant scores.

    targets, scores: [..., K]; the rows of the targets q sum to 1 and have no gradient.
    """
    log_p = (at_least_float32(scores) / temperature).log_softmax(dim=-1)
    return -(targets * log_p).sum(dim=-1).mean()


class Clusters(nn.Module):
    """[..., E] tokens -> [..., K] scores of the clusters: a linear layer on the tokens at length 1."""

    def __init__(self, token_dim: int, clusters: int) -> None:
        super().__init__()
        self.layer = nn.Linear(token_dim, clusters)
        nn.init.normal_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        with torch.autocast(tokens.device.type, enabled=False):
            scores: Tensor = self.layer(unit(tokens).to(self.layer.weight.dtype))
            return scores


class CrossBlock(nn.Module):
    """[B, n, W] queries and [B, m, W] what is seen -> [B, n, W]: no query sees another."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2, self.norm_seen = (nn.LayerNorm(width, eps=1e-6) for _ in range(3))
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.leave = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        q = self.query(self.norm1(x)).unflatten(2, (self.heads, -1)).transpose(1, 2)
        k, v = self.key_value(self.norm_seen(seen)).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.leave(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        found: Tensor = x + self.mlp(self.norm2(x))
        return found


class Predictor(nn.Module):
    """Tokens of visible patches, and places -> scores of the clusters there."""

    def __init__(self, config: CapiConfig, token_dim: int) -> None:
        super().__init__()
        width = self.width = config.width
        self.enter = nn.Linear(token_dim, width)
        self.token = nn.Parameter(0.02 * torch.randn(width))
        self.blocks = nn.ModuleList([CrossBlock(width, config.heads) for _ in range(config.depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.apply(begin)
        self.directions = nn.Parameter(torch.randn(config.clusters, width))

    def forward(self, seen: Tensor, kept: Tensor, wanted: Tensor, grid: tuple[int, int]) -> Tensor:
        """[B, m, E] tokens of the patches `kept` [B, m] -> [B, n, K] cosines at `wanted` [B, n]."""
        where = positions(*grid, self.width).to(seen)
        known = self.enter(seen) + where[kept]
        x = self.token.to(known.dtype) + where[wanted]
        for block in self.blocks:
            x = block(x, known)
        with torch.autocast(x.device.type, enabled=False):
            return unit(self.norm(at_least_float32(x))) @ unit(self.directions).T


class Capi(Drawing):
    """teacher: an encoder that follows the student's. clusters: the layer on the teacher's tokens. sums: [3] entropy of
    the assignments, divergence of the predictor from them, and steps since the epoch began."""

    needs = "patches"
    sums: Tensor

    def __init__(self, config: CapiConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens."""
        super().__init__()
        self.config, tokens = config, token_encoder(encoder, "capi")
        self.predictor = Predictor(config, tokens.token_dim)
        self.clusters = Clusters(tokens.token_dim, config.clusters)
        self.teacher = teacher_of(encoder)
        self.register_buffer("sums", torch.zeros(3))
        self._seen: Tensor | None = None

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats, of the predictor and of the clusters.

        Raises:
            UserError: not one view, one sample alone, a size that patches do not fill, or an encoder without tokens.
        """
        x, student, config = only_view(batch, "capi"), token_encoder(encoder, "capi"), self.config
        if len(x) * world() < 2:
            raise UserError(
                "batch-too-small",
                "capi balances clusters over samples and needs 2 samples or more, got 1; raise batch_size",
            )
        grid = x.shape[2] // student.patch, x.shape[3] // student.patch
        hidden = self.hidden(batch.index, grid).to(x.device)
        kept, wanted = visible(hidden), visible(~hidden)
        with torch.no_grad():
            told = token_encoder(self.teacher, "capi").tokens(x)
        scores = self.clusters(told)
        targets = assigned(scores, epsilon=config.assignment_temperature, iterations=config.iterations)
        clustering = cross_entropy(targets, scores, config.temperature)
        asked = targets[hidden].view(*wanted.shape, -1)
        guesses = self.predictor(student.tokens(x, kept=kept), kept, wanted, grid)
        prediction = cross_entropy(asked, guesses, config.temperature)
        if self.training:
            entropy = torch.special.entr(asked).sum(dim=-1).mean()
            self._seen = torch.stack([entropy, prediction.detach() - entropy, torch.ones_like(entropy)])
        parts = {"prediction": prediction.detach(), "clustering": clustering.detach()}
        return Losses(prediction + clustering, parts)

    def hidden(self, index: Tensor, grid: tuple[int, int]) -> Tensor:
        """[B, T] bool: what is hidden of the samples `index` [B] at this step."""
        block = self.config.block
        coarse = self.chance.uniform(index, *(-(-side // block) for side in grid))
        fine = self.chance.uniform(index, *grid, stream=1)
        return ~largest(priorities(fine, coarse, block), 1 - self.config.hidden)

    @torch.no_grad()
    def after_step(self, encoder: Encoder, progress: float) -> None:
        """The teacher follows."""
        super().after_step(encoder, progress)
        follow(self.teacher, encoder, rising(self.config.momentum, progress))
        if self._seen is not None:
            self.sums += (all_reduce_sum(self._seen) / world()).to(self.sums.dtype)
            self._seen = None

    def before_epoch(self, epoch: int, features: object) -> None:
        self.sums.zero_()

    def figures(self) -> dict[str, float]:
        """Means over this epoch, in nats: what assignments of hidden patches leave open (ln K where tokens cannot be
        told apart), and how far the predictor is from them."""
        entropy, divergence, steps = (self.sums / self.sums[2].clamp(min=1)).tolist()
        return {"assignment_entropy": entropy, "divergence": divergence} if steps else {}

    def exported(self, encoder: Encoder) -> Encoder:
        """The teacher's encoder, as in the paper's last evaluation."""
        return self.teacher
