"""MMD: features of two domains shall be equally distributed, measured by a sum of Gaussian kernels.

Sources: Gretton et al. 2012 (JMLR 13), equation 5 (the biased estimate, which is never negative); several
bandwidths around the mean squared distance, Long et al. 2015 (arXiv:1502.02791), section 4.1.
The two domains: see domains.
Letters: see base; k kernels.
"""

from typing import Literal

import torch
from torch import Tensor

from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.precision import at_least_float32
from components.semisupervised.consistency import Consistency, ConsistencyConfig
from components.semisupervised.parts.domains import between

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the mean squared distance


class MmdConfig(ConsistencyConfig):
    """Options of MMD."""

    name: Literal["mmd"] = "mmd"
    """Selects MMD (Gretton et al. 2012; Long et al. 2015, arXiv:1502.02791)."""


def mmd_loss(source: Tensor, target: Tensor) -> Tensor:
    """Squared distance of the two means in feature space, averaged over the kernels.

    Kernel: exp(-|x - y|^2 / (factor * mean |x - y|^2)), the mean over all pairs of both sets and a constant
    for the gradient.

    Args:
        source: [S, D]; target: [T, D].

    Returns:
        [] in [0, 2]; 0 for equal sets.
    """
    with torch.autocast(source.device.type, enabled=False):
        source, target = at_least_float32(source), at_least_float32(target)
        both = torch.cat([source, target])
        squares = (both.unsqueeze(1) - both.unsqueeze(0)).square().sum(dim=2)  # exact where a product is not
        width = squares.detach().mean().clamp(min=1e-12)
        kernel = torch.stack([(-squares / (factor * width)).exp() for factor in FACTORS]).mean(dim=0)
        signs = torch.cat(
            [both.new_full((len(source),), 1 / len(source)), both.new_full((len(target),), -1 / len(target))]
        )
        return signs @ kernel @ signs


class Mmd(Consistency):
    config: MmdConfig
    strong = 0

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """The unsupervised term is the distance of the two sets of features."""
        parts = self.parts(batch)
        features = encoder(parts.weak[0])
        own, other = self.head(features).tensor_split([len(parts.weights)])
        distance = between(mmd_loss, features, batch)
        return self.combined(parts, own, other, distance, {})
