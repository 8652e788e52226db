"""Variational autoencoder: say the image from a noisy code whose distribution is kept near a standard one.

Source: Kingma & Welling 2014 (arXiv:1312.6114), equations 7 and 10; beta of Higgins et al. 2017 (beta-VAE).
Published: codes of 2 to 200 numbers, beta 1 (beta-VAE: 4 and more, on other images).
The feature is what the code's mean and variance are linear in: it is larger than the code and is kept.
Pixels are Gaussian with deviation 1 after the encoder has standardised them; nats are given per pixel value,
which moves no optimum and makes the figure comparable between sizes.
Letters: B samples on this rank, C channels, S side, D feature size, L size of the code.
"""

import math
from typing import Literal

from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder, image_encoder
from components.encoders.decoder import FeatureDecoder
from components.objectives.autoencoder import squared_error
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view
from components.precision import at_least_float32


class VaeConfig(Config):
    """Options of the variational autoencoder."""

    name: Literal["vae"] = "vae"
    """Selects the variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114)."""

    code: PositiveInt = 64
    """Size L of the code (published: 2 to 200)."""

    beta: PositiveFloat = 1.0
    """Weight of the KL divergence; 1 is the evidence lower bound itself (beta-VAE: 4 and more)."""

    width: PositiveInt = 64
    """Channels of the decoder's smallest maps."""


def divergence(mu: Tensor, log_variance: Tensor) -> Tensor:
    """KL of N(mu, e^log_variance) from N(0, 1), summed over the code: both [B, L] -> [B] nats.

    mu = 1, log_variance = 0 gives .5 a number of the code.
    """
    return 0.5 * (mu.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)


def negative_bound(
    target: Tensor, prediction: Tensor, mu: Tensor, log_variance: Tensor, beta: float = 1.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """What -log p(x) is not above, in expectation over the code that the prediction was made from.

    Args:
        target, prediction: [B, C, S, S], prediction being the mean of Gaussians of deviation 1.
        mu, log_variance: [B, L], of the code.
        beta: > 0; weight of the divergence.

    Returns:
        [] nats per value, mean over samples; ln(2 pi) / 2 = .9189385332 where the target is met and the code
        is standard. And its two parts, without gradient.
    """
    values = target[0].numel()
    reconstruction = 0.5 * (squared_error(prediction, target) + math.log(2 * math.pi))
    coded = divergence(at_least_float32(mu), at_least_float32(log_variance)).mean() / values
    return reconstruction + beta * coded, {
        "reconstruction": reconstruction.detach(),
        "divergence": coded.detach(),
    }


class Vae(Drawing):
    needs = "image"

    def __init__(self, config: VaeConfig, encoder: Encoder, rows: int, size: int) -> None:
        super().__init__()
        self.config = config
        self.code = nn.Linear(encoder.feature_dim, 2 * config.code)
        self.decoder = FeatureDecoder(config.code, image_encoder(encoder).channels, size, config.width)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats per pixel value.

        Raises:
            UserError: not one view, or not of the size that the decoder was built for.
        """
        x = only_view(batch, "vae")
        mu, log_variance = at_least_float32(self.code(encoder(x))).chunk(2, dim=1)
        noise = self.chance.normal(batch.index, self.config.code).to(x.device, mu.dtype)
        prediction = self.decoder(mu + (log_variance / 2).exp() * noise)
        target = image_encoder(encoder).standardised(x).detach()
        total, parts = negative_bound(target, prediction, mu, log_variance, self.config.beta)
        return Losses(total, parts)
