"""What the consistency methods share: one unsupervised term beside the labels and the given pseudo-labels.

Letters: see base; V views.
"""

from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat
from torch import Tensor, nn

from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.precision import at_least_float32
from components.semisupervised.base import Method, Parts, Settings, weighted_cross_entropy


class ConsistencyConfig(Settings):
    """Options that every method with one unsupervised term has."""

    weight: NonNegativeFloat = 1.0
    """Lambda: weight of the unsupervised term."""

    pseudo_weight: NonNegativeFloat = 0.5
    """Weight of the pseudo-labels of the stage pseudo_label at the start; it falls linearly to 0 at the end,
    because the network becomes better than they are."""


class WeakStrongConfig(ConsistencyConfig):
    """Options of the methods whose targets come from weak views and whose predictions come from strong ones."""

    together: bool = True
    """Weak and strong views pass the network in one batch, as published, so that batch norm sees both; false
    computes the unlabelled weak views in eval mode without gradient, which is about a third cheaper."""


@dataclass(frozen=True)
class Seen:
    """Logits. own: [L, K] of labelled weak views, weak: [U, K] of unlabelled ones, both without gradient;
    strong: [U, K]. rows: [U] of the unlabelled samples in the data set."""

    own: Tensor
    weak: Tensor
    strong: Tensor
    rows: Tensor


def squared_difference(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over rows and classes of (softmax(logits) - target)^2.

    Args:
        logits, target: [B, K]; the rows of target sum to 1. Gradient goes wherever they came from.

    Returns:
        [] >= 0; 2 / K where both are sure, of different classes.
    """
    return (at_least_float32(logits).softmax(dim=1) - target).square().mean()


def encoded(encoder: nn.Module, first: Tensor, second: Tensor) -> Tensor:
    """[A + B, D] features of [A, C, S, S] and [B, C, S', S'], in one batch where both are of a size."""
    if first.shape[1:] == second.shape[1:]:
        found: Tensor = encoder(torch.cat([first, second]))
        return found
    return torch.cat([encoder(first), encoder(second)])


def look(
    encoder: nn.Module, head: nn.Module, weak: Tensor, strong: Tensor, labelled: int, together: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """[L, K], [U, K], [U, K] logits of labelled weak, unlabelled weak (no gradient) and strong views.

    Args:
        weak: [L + U, C, S, S]; strong: [U, C, S', S']; labelled: L.
    """
    if together:
        own, quiet, loud = head(encoded(encoder, weak, strong)).split([labelled, len(strong), len(strong)])
        return own, quiet.detach(), loud
    was = encoder.training
    encoder.eval()
    with torch.no_grad():
        quiet = head(encoder(weak[labelled:]))
    encoder.train(was)
    own, loud = head(encoded(encoder, weak[:labelled], strong)).split([labelled, len(strong)])
    return own, quiet, loud


class Consistency(Method):
    config: ConsistencyConfig

    def __init__(
        self,
        config: ConsistencyConfig,
        encoder: Encoder,
        classes: int,
        rows: int = 0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__(encoder, classes, prior, config, rows)
        self.config = config

    def supervised(self, own: Tensor, parts: Parts) -> Tensor:
        """[] from [L, K] logits of the labelled rows."""
        return self.label_loss(own, parts)

    def combined(
        self,
        parts: Parts,
        own: Tensor,
        guessed: Tensor,
        unsupervised: Tensor,
        figures: dict[str, Tensor],
        ramp: Tensor | float = 1.0,
    ) -> Losses:
        """supervised + weight * ramp * unsupervised + pseudo_weight * (1 - progress) * pseudo-labels + entropy.

        Args:
            own: [L, K] logits of labelled rows. guessed: [U, K] of unlabelled views, with gradient: the
                pseudo-labels are their targets.
            ramp: factor of the unsupervised term. figures: to log beside.
        """
        supervised = self.supervised(own, parts)
        pseudo = weighted_cross_entropy(guessed, parts.pseudo_targets, parts.pseudo_weights)
        fading = self.config.pseudo_weight * (1 - self.progress)
        total = supervised + self.config.weight * ramp * unsupervised + fading * pseudo
        found = {"supervised": supervised, "consistency": unsupervised, "pseudo": pseudo, **figures}
        if self.settings.entropy:
            found["entropy"] = self.entropy_loss(guessed)
            total = total + found["entropy"]
        return Losses(total, {name: value.detach() for name, value in found.items()})


class WeakStrong(Consistency):
    """A method whose targets come from weak views and whose predictions come from strong ones."""

    config: WeakStrongConfig

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        parts = self.parts(batch)
        labelled, together = len(parts.weights), self.config.together
        own, weak, strong = look(encoder, self.head, parts.weak[0], parts.strong[0], labelled, together)
        with torch.autocast(own.device.type, enabled=False):
            seen = Seen(
                at_least_float32(own.detach()),
                at_least_float32(weak),
                at_least_float32(strong),
                batch.index[labelled:],
            )
            unsupervised, figures = self.consistency(seen)
            return self.combined(parts, own, strong, unsupervised, figures)

    def consistency(self, seen: Seen) -> tuple[Tensor, dict[str, Tensor]]:
        """The unsupervised term, [], and figures to log."""
        raise TypeError(f"{type(self).__name__} defines no consistency")
