"""What the network gives when it is trained on: all of it, with the layers near the pixels held back; a low-rank
delta beside each layer; or nothing of it but the head.

Sources: layer-wise decay of the learning rate, Clark et al. 2020 (arXiv:2003.10555), as He et al. 2021
(arXiv:2111.06377), table 9 use it (.65 to .75): layer i of n learns at rate * decay^(n - i), the head at the full
rate, since what the first layers see is common to all tasks. LoRA: components.encoders.lora, with its rank 8 and
alpha 16.
Letters: N samples, B in a batch, C channels, S side in pixels, K classes, D features.
"""

import copy
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.encoders.base import Encoder
from components.encoders.lora import adapt, freeze
from components.errors import UserError
from components.evaluation.classification.descent import descend

How = Literal["full", "frozen", "lora"]
RANK, ALPHA = 8, 16.0


def layers(encoder: nn.Module) -> list[list[nn.Parameter]]:
    """Trainable parameters from the pixels up: one list a block of a stack of blocks, else one a part of the encoder.

    Parameters of the encoder itself (tokens, positions) go with the first.
    """
    found: list[list[nn.Parameter]] = []
    for part in encoder.children():
        stack = isinstance(part, nn.Sequential | nn.ModuleList) and any(list(b.children()) for b in part)
        for unit in part.children() if stack else [part]:
            if own := [p for p in unit.parameters() if p.requires_grad]:
                found.append(own)
    loose = [p for p in encoder.parameters(recurse=False) if p.requires_grad]
    return [loose + found[0], *found[1:]] if found else [loose]


def groups(encoder: nn.Module, rate: float, decay: float) -> list[tuple[list[nn.Parameter], float]]:
    """Each layer with its rate. Three layers, rate 1, decay .5: .125, .25, .5."""
    found = layers(encoder)
    return [(own, rate * decay ** (len(found) - i)) for i, own in enumerate(found)]


class Tuned(nn.Module):
    """Encoder and one linear layer: [B, C, S, S] -> [B, K]."""

    def __init__(self, encoder: Encoder, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.feature_dim, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(x))
        return logits


def fine_tune(
    encoder: Encoder,
    images: Tensor,
    labels: Tensor,
    classes: int,
    *,
    how: How = "full",
    rate: float = 1e-3,
    decay: float = 0.75,
    steps: int = 200,
    batch: int = 64,
    seed: int = 0,
) -> Tuned:
    """A copy of the encoder with a head, trained on images [N, C, S, S] in [0, 1]; the encoder stays as it is.

    how: all layers learn (full), low-rank deltas beside them (lora), or the head alone (frozen); but for full, batch
    norm keeps to its statistics. decay: 1 trains all layers alike. steps suit a few thousand labels or fewer.

    Raises:
        UserError: shapes do not fit, a decay outside (0, 1], or LoRA for an encoder without a layer to adapt.
    """
    if len(images) != len(labels) or not len(labels) or not 0 < decay <= 1:
        raise UserError(
            "array-invalid",
            f"as many labels as images and a decay from 0 to 1 needed, got {len(labels)}, {len(images)}, {decay}",
        )
    started = copy.deepcopy(encoder)
    if how != "full":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # of the deltas
            started = freeze(started) if how == "frozen" else adapt(started, RANK, ALPHA)
    model = Tuned(started, classes).to(images.device).train()
    chance = torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        rows = torch.randint(len(labels), (min(batch, len(labels)),), generator=chance).to(images.device)
        return F.cross_entropy(model(images[rows]).float(), labels[rows])

    descend(loss, [*groups(model.encoder, rate, decay), (list(model.head.parameters()), rate)], steps)
    return model.eval()
