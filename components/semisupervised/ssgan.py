"""A classifier that also tells made-up pictures from real ones, against a generator that matches its features.

Source: Salimans et al. 2016 (arXiv:1606.03498), section 3.1 (feature matching) and section 5 (K + 1 classes;
the logit of the made-up class is 0, for a softmax does not see a constant).
One loss for one optimiser: the classifier sees made-up pictures as constants, and the generator's term sees
encoder and real features as constants. Made-up pictures leave the running statistics of batch norm alone, which
are for real ones. Differs: no weight norm, no noise layers, one optimiser for both sides.
Letters: see base; Z size of the generator's noise.
"""

from typing import Literal

import torch.nn.functional as F
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor
from torch.func import functional_call

from components.collectives import all_reduce_sum, world
from components.encoders.base import Encoder, image_encoder
from components.encoders.decoder import FeatureDecoder
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.parts.sample_rng import Chance
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig


class SsganConfig(ConsistencyConfig):
    """Options of the semi-supervised GAN."""

    name: Literal["ssgan"] = "ssgan"
    """Selects the semi-supervised GAN with feature matching (Salimans et al. 2016, arXiv:1606.03498)."""

    side: PositiveInt = 32
    """Side of the weak views in pixels, which is what is generated."""

    latent: PositiveInt = 100
    """Size Z of the generator's noise (published: 100)."""

    width: PositiveInt = 64
    """Channels of the generator's smallest maps."""

    matching: NonNegativeFloat = 1.0
    """Weight of the generator's feature matching loss, beside the loss of real against generated images."""


def real_or_made(real: Tensor, made: Tensor) -> Tensor:
    """[] nats: -log p(real | x) of unlabelled rows and -log p(made up | x) of made-up ones, each a mean.

    real, made: [U, K] logits, with p(made up) = 1 / (1 + sum_k e^l_k). K = 1, logits 0: 2 log 2.
    """
    known, fake = at_least_float32(real).logsumexp(dim=1), at_least_float32(made).logsumexp(dim=1)
    return F.softplus(-known).mean() + F.softplus(fake).mean()


def feature_matching(real: Tensor, made: Tensor) -> Tensor:
    """[] squared distance of the mean features [U, D] of all processes; no gradient to the real side."""
    difference = at_least_float32(real.detach()).mean(dim=0) - at_least_float32(made).mean(dim=0)
    return (all_reduce_sum(difference) / world()).square().sum()


class Ssgan(Consistency):
    needs = "image"
    config: SsganConfig
    strong = 0

    def __init__(
        self,
        config: SsganConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(config, encoder, classes, rows, prior)
        self.generator = FeatureDecoder(
            config.latent, image_encoder(encoder).channels, config.side, config.width
        )
        self.chance = Chance()

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """The unsupervised term is real or made up + matching * generator.

        Raises:
            UserError: the views are not of `side` pixels.
        """
        parts, config = self.parts(batch), self.config
        labelled, x = len(parts.weights), parts.weak[0]
        if x.shape[2:] != (config.side, config.side):
            raise UserError(
                "view-size-refused",
                f"ssgan makes {config.side} x {config.side} pixels and got weak views of {list(x.shape[2:])}; "
                f"set method.side to the size of the weak view",
            )
        features = encoder(x)
        own, other = self.head(features).tensor_split([labelled])
        noise = self.chance.normal(parts.index[labelled:], config.latent).to(x)
        made = self.generator(noise).sigmoid()
        telling = real_or_made(other, self.head(looked_at(encoder, made.detach(), learning=True)))
        matching = feature_matching(features[labelled:], looked_at(encoder, made, learning=False))
        figures = {"telling": telling, "matching": matching}
        return self.combined(parts, own, other, telling + config.matching * matching, figures)

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.chance.tick()


def looked_at(encoder: Encoder, x: Tensor, *, learning: bool) -> Tensor:
    """[B, D] features of x; the encoder's buffers stay as they are, and its parameters take gradient only
    when `learning`."""
    state = {name: buffer.clone() for name, buffer in encoder.named_buffers()}
    for name, parameter in encoder.named_parameters():
        state[name] = parameter if learning else parameter.detach()
    features: Tensor = functional_call(encoder, state, (x,))
    return features
