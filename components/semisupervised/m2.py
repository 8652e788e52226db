"""M2: a picture is made of its class and a rest; what explains unlabelled pictures well is their class.

Source: Kingma et al. 2014 (arXiv:1406.5298), equations 6 to 9. The bounds are divided by the number of pixel
values and weighed against the classification loss, not the other way round: weight 1 is alpha = pixels per
sample in equation 9 (published: alpha = .1 N). Classifier and q(z|x, y) share the encoder, as a network of its
own for each would be too dear; pixels are Bernoulli, as published for MNIST.
Letters: see base; Z size of the rest, P = C S S pixel values.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from components.encoders.base import Encoder, image_encoder
from components.encoders.decoder import FeatureDecoder
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.parts.sample_rng import Chance
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig
from components.semisupervised.parts.smoothing import shares


class M2Config(ConsistencyConfig):
    """Options of M2."""

    name: Literal["m2"] = "m2"
    """Selects M2 (Kingma et al. 2014, arXiv:1406.5298)."""

    side: PositiveInt = 32
    """Side of the weak views in pixels, which are what is decoded."""

    latent: PositiveInt = 50
    """Size Z of the latent variable (published: 50)."""

    width: PositiveInt = 64
    """Channels of the decoder's smallest maps."""


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """[N] nats, KL(N(mean, variance) | N(0, 1)) summed over [N, Z]; .5 for mean 1 and variance 1, Z = 1."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)


def class_bound(pixels: Tensor, decoded: Tensor, kl: Tensor, log_prior: Tensor) -> Tensor:
    """[N] nats: L(x, y) = -log p(x | y, z) - log p(y) + KL of equation 6.

    pixels: [N, C, S, S] in [0, 1]. decoded: the same, logits. kl: [N]. log_prior: [N] or [] of the class.
    """
    each = F.binary_cross_entropy_with_logits(decoded, pixels, reduction="none")
    return each.flatten(1).sum(dim=1) + kl - log_prior


def unlabelled_bound(logits: Tensor, bounds: Tensor) -> Tensor:
    """[U] nats: U(x) = sum_y q(y|x) L(x, y) - H(q(y|x)) of equation 7.

    logits: [U, K] of q(y|x). bounds: [U, K] of each class. At its best, q ~ e^-L, it is -log sum_y e^-L(x, y).
    """
    log_q = logits.log_softmax(dim=1)
    return (log_q.exp() * (bounds + log_q)).sum(dim=1)


class M2(Consistency):
    needs = "image"
    config: M2Config
    strong = 0

    def __init__(
        self,
        config: M2Config,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.rest = nn.Linear(encoder.feature_dim + classes, 2 * config.latent)
        self.decoder = FeatureDecoder(
            config.latent + classes, image_encoder(encoder).channels, config.side, config.width
        )
        self.chance = Chance()

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """The unsupervised term is (labelled bound + unlabelled bound) / P, each a mean over its rows.

        Raises:
            UserError: the views are not of `side` pixels.
        """
        parts = self.parts(batch)
        labelled, x = len(parts.weights), parts.weak[0]
        if x.shape[2:] != (self.config.side, self.config.side):
            raise UserError(
                "view-size-refused",
                f"m2 decodes {self.config.side} x {self.config.side} pixels and got weak views of "
                f"{list(x.shape[2:])}; set method.side to the size of the weak view",
            )
        features = encoder(x)
        logits = self.head(features)
        with torch.autocast(x.device.type, enabled=False):
            bounds = self.bounds(at_least_float32(features), at_least_float32(x.detach()), parts.index)
            known = shares(parts.targets, len(self.prior)) * parts.weights.unsqueeze(1)
            given = (known * bounds[:labelled]).sum(dim=1).mean()
            unknown = unlabelled_bound(at_least_float32(logits[labelled:]), bounds[labelled:]).mean()
        figures = {"labelled_bound": given, "unlabelled_bound": unknown}
        own, other = logits.tensor_split([labelled])
        return self.combined(parts, own, other, (given + unknown) / x[0].numel(), figures)

    def bounds(self, features: Tensor, pixels: Tensor, index: Tensor) -> Tensor:
        """[N, K] L(x, y) of every class, with the same noise for all classes of a row."""
        rows, classes = len(features), len(self.prior)
        kinds = torch.eye(classes, device=features.device).repeat(rows, 1)  # [N K, K]
        repeated = features.repeat_interleave(classes, dim=0)
        mean, log_variance = self.rest(torch.cat([repeated, kinds], dim=1)).chunk(2, dim=1)
        noise = self.chance.normal(index, self.config.latent).repeat_interleave(classes, dim=0)
        z = mean + (0.5 * log_variance).exp() * noise.to(mean.dtype)
        decoded = self.decoder(torch.cat([z, kinds], dim=1))
        log_prior = self.prior.clamp(min=1e-6).log().repeat(rows)
        whole = pixels.repeat_interleave(classes, dim=0)
        return class_bound(whole, decoded, gaussian_kl(mean, log_variance), log_prior).reshape(rows, classes)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.chance.tick()
