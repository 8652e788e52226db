"""Does the representation settle? How many samples belong elsewhere than at the last look.

A sample belongs to the anchor that is nearest by cosine; the anchors are a few of the samples themselves. So
no clustering has to be matched with the one before, and turning the features round changes nothing.
Letters: n samples, A anchors, D feature size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

ANCHORS = 32  # A, at most


def nearest_anchor(features: Tensor) -> Tensor:
    """[n, D] -> [n] int64, the number of the nearest anchor; between equals the first. Anchors are A samples,
    evenly spaced."""
    z = F.normalize((x := features.double()) - x.mean(dim=0), dim=1)
    anchors = z[torch.linspace(0, len(z) - 1, min(ANCHORS, len(z))).long()]
    return (z @ anchors.T).argmax(dim=1)


def churn(before: Tensor, now: Tensor) -> float:
    """[n], [n] anchors -> share of samples that changed theirs; 0 settled, 1 - 1 / A where nothing is kept."""
    return float((before != now).double().mean())
