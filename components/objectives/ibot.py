"""iBOT: DINO, and beside it each hidden patch is to be described as a slow teacher describes it, who sees all.

Source: Zhou et al. 2021 (arXiv:2111.07832), equations 2 and 3; the head is shared by features and tokens, and
each has a centre of its own (section 3.2 and the paper's code). All else is DINO's: see dino.
Published: of half of the images nothing is hidden, of the others 10 to 50 %, in blocks; both terms weigh 1.
Differs: every global view has the same share hidden, 30 % (see masks, for the blocks too); the centre of the
tokens is that of the hidden ones, whose targets it centres.
Letters: B samples on this rank, T patches, n hidden ones of the two global views together, D feature size, K
outputs of the head.
"""

import math
from typing import Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.dino import Dino, DinoConfig, health, targets, warmed
from components.objectives.parts.masks import largest, priorities, token_encoder
from components.objectives.parts.multicrop import encode
from components.objectives.parts.sample_rng import Chance
from components.objectives.swav import swapped_prediction
from components.precision import at_least_float32


class IbotConfig(Config):
    """Options of iBOT."""

    name: Literal["ibot"] = "ibot"
    """Selects iBOT (Zhou et al. 2021, arXiv:2111.07832)."""

    dino: DinoConfig = DinoConfig()
    """Options shared with DINO."""

    hidden: float = Field(default=0.3, gt=0, lt=1)
    """Share of the patches of a global view that are masked (published: 0.1 to 0.5 of half of the images)."""

    block: PositiveInt = 2
    """Side, in patches, of the blocks that are masked together."""

    tokens: NonNegativeFloat = 1.0
    """Weight of the patch loss; that of DINO has weight 1 (published: 1)."""


def token_loss(scores: Tensor, codes: Tensor, temperature: float) -> Tensor:
    """[] mean cross-entropy of softmax(scores / temperature) from the codes; ln K nats for constant scores.

    scores: [n, K] of the student. codes: [n, K], rows sum to 1, no gradient.
    """
    with torch.autocast(scores.device.type, enabled=False):
        return -(codes * (at_least_float32(scores) / temperature).log_softmax(dim=1)).sum(dim=1).mean()


class Ibot(Dino):
    """centre: [2, K], of features and of hidden tokens. token: [E] stands for a hidden patch."""

    needs = "patches"

    def __init__(self, config: IbotConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens."""
        tokens = token_encoder(encoder, "ibot")
        super().__init__(config.dino, encoder, rows)
        self.hiding = config
        self.token = nn.Parameter(0.02 * torch.randn(tokens.token_dim))
        self.chance = Chance()
        self.register_buffer("centre", torch.zeros(2, config.dino.outputs))
        if tokens.token_dim != tokens.feature_dim:
            raise UserError(
                "encoder-unsuitable",
                f"ibot needs tokens as wide as features, got {tokens.token_dim} and {tokens.feature_dim}",
            )

    @property
    def collapse_loss(self) -> float | None:
        """(1 + weight of tokens) ln K: the loss when student and teacher are uniform."""
        return None if self.config.koleo else (1 + self.hiding.tokens) * math.log(self.config.outputs)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two global views a sample, then any number of local ones -> total: [] nats.

        Raises:
            UserError: fewer than two views, a size that patches do not fill, or an encoder without tokens.
        """
        if len(batch.views) < 2:
            raise UserError(
                "view-count-differs", f"ibot needs 2 views or more of each sample, got {len(batch.views)}"
            )
        config, student, both = self.config, token_encoder(encoder, "ibot"), torch.cat(batch.views[:2])
        hidden = torch.cat([self.hidden(batch.index, both, student.patch, view) for view in range(2)])
        temperature = warmed(config.teacher_temperature, config.warm, self.progress)
        with torch.no_grad():
            seen, its = token_encoder(self.exported(encoder), "ibot").both(both)
            answers, teacher_answers = self.teacher[1](seen), self.teacher[1](its[hidden])
            codes = list(targets(answers, self.centre[0], temperature).chunk(2))
            tokens_codes = targets(teacher_answers, self.centre[1], temperature)
        frozen = self.progress < config.freeze
        feature, tokens = student.both(both, masked=hidden, token=self.token)
        features = [*feature.chunk(2), *encode(encoder, batch.views[2:])]
        scores = list(self.head(torch.cat(features), frozen=frozen).split([len(f) for f in features]))
        of_features = swapped_prediction(scores, codes, temperature=config.temperature)
        guesses = self.head(tokens[hidden], frozen=frozen)
        of_tokens = token_loss(guesses, tokens_codes, config.temperature)
        total = of_features + self.hiding.tokens * of_tokens
        if self.training:
            both_means = torch.stack(
                [at_least_float32(answers).mean(dim=0), at_least_float32(teacher_answers).mean(dim=0)]
            )
            self._seen = both_means, health(tokens_codes, of_tokens)
        parts = {"dino": of_features.detach(), "tokens": of_tokens.detach()}
        return self.with_koleo(total, parts, features)

    def hidden(self, index: Tensor, x: Tensor, patch: int, view: int) -> Tensor:
        """[B, T] bool: what is hidden of a global view."""
        grid = x.shape[2] // patch, x.shape[3] // patch
        coarse = self.chance.uniform(
            index, *(-(-side // self.hiding.block) for side in grid), stream=2 * view
        )
        fine = self.chance.uniform(index, *grid, stream=2 * view + 1)
        return largest(priorities(fine, coarse, self.hiding.block), self.hiding.hidden).to(x.device)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.chance.tick()
