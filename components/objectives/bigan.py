"""BiGAN: encoder and generator together make pairs of image and code that a critic cannot tell apart.

Source: Donahue et al. 2017 (arXiv:1605.09782), equation 3; Dumoulin et al. 2017 (arXiv:1606.00704), the same
idea. The critic sees (x, E(x)) and (G(z), z); where it is fooled best, E inverts G.
Published: codes of 50 uniform numbers (MNIST) or 64 normal ones (CIFAR), Adam at 1e-4 to 2e-4 with a first
moment of .5. Here: a tenth of the recipe's rate (.002 in most), which makes the published one; at all
of it the features kept 5 directions instead of 24 (docs/objectives.md). The first moment made no difference.
Differs: one loss for one optimiser. The critic descends it; encoder and generator climb it through reversed
gradients. That is the game of equation 3 itself, without the published change of the climbers' loss that
gives them more gradient while the critic is ahead. Codes are normal and the encoder is deterministic.
Letters: B samples on this rank, C channels, S side, D feature size, L size of the code.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder, image_encoder
from components.encoders.decoder import FeatureDecoder
from components.encoders.reversal import reverse
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view
from components.precision import at_least_float32

SLOPE = 0.2  # of the critic's activation below 0


class BiganConfig(Config):
    """Options of BiGAN."""

    name: Literal["bigan"] = "bigan"
    """Selects BiGAN (Donahue et al. 2017, arXiv:1605.09782)."""

    code: PositiveInt = 64
    """Size L of the code (published: 50 for MNIST, 64 for CIFAR)."""

    width: PositiveInt = 64
    """Channels of the generator's smallest maps and of the critic's last ones."""

    lr_scale: PositiveFloat = 0.1
    """Multiplies the learning rate of the recipe; a tenth of the usual 0.002 is the published rate."""


def game(real: Tensor, made: Tensor) -> Tensor:
    """What the critic pays: mean of -log p(real) - log(1 - p(made)), p the sigmoid of its scores [B].

    Returns:
        [] nats; 2 ln 2 where it cannot tell (all scores 0), 0 where it always can.
    """
    return F.softplus(-at_least_float32(real)).mean() + F.softplus(at_least_float32(made)).mean()


class Critic(nn.Module):
    """(image [B, C, S, S], code [B, L]) -> score [B], above 0 for a pair of the encoder's. Without batch norm,
    so that no pair's score tells of the others."""

    def __init__(self, channels: int, side: int, code: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for outputs in (max(width // 2, 1), width, width):
            layers += [nn.Conv2d(channels, outputs, 3, 2, 1), nn.LeakyReLU(SLOPE, inplace=True)]
            channels, side = outputs, (side + 1) // 2
        self.look = nn.Sequential(*layers, nn.Flatten())
        self.judge = nn.Sequential(
            nn.Linear(width * side**2 + code, 4 * width),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Linear(4 * width, 1),
        )

    def forward(self, image: Tensor, code: Tensor) -> Tensor:
        score: Tensor = self.judge(torch.cat([self.look(image), code], dim=1))
        return score[:, 0]


class Bigan(Drawing):
    needs = "image"

    def __init__(self, config: BiganConfig, encoder: Encoder, rows: int, size: int) -> None:
        super().__init__()
        self.config, self.lr_scale = config, config.lr_scale
        self.code = nn.Linear(encoder.feature_dim, config.code)
        self.generator = FeatureDecoder(config.code, image_encoder(encoder).channels, size, config.width)
        self.critic = Critic(image_encoder(encoder).channels, size, config.code, config.width)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats. parts: right, the share of pairs that the critic tells rightly,
        .5 at the end of the game.

        Raises:
            UserError: not one view.
        """
        x = only_view(batch, "bigan")
        code = reverse(self.code(encoder(x)))
        drawn = self.chance.normal(batch.index, self.config.code).to(x.device, x.dtype)
        image = reverse(self.generator(drawn))
        real = self.critic(image_encoder(encoder).standardised(x), code)
        made = self.critic(image, drawn)
        right = (torch.cat([real.detach(), -made.detach()]) > 0).float().mean()
        return Losses(game(real, made), {"right": right})
