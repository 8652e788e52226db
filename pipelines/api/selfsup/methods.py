"""Consistency of semi-supervised methods on plain tensors, for a training loop of your own; needs torch alone.

Letters: U unlabelled samples, K classes.
"""

from torch import Tensor, nn

from components.errors import UserError
from components.semisupervised.fixmatch import fixmatch_loss


class FixMatch(nn.Module):
    """Unsupervised loss of FixMatch: a confident prediction for the weak view is the target of the strong view.

    Add it to the cross-entropy of the labelled samples. `used` is the share of samples whose prediction was confident
    enough in the last call.
    Source: Sohn et al. 2020 (arXiv:2001.07685), equation 4.

    >>> import torch
    >>> weak = torch.tensor([[4.0, 0.0], [0.1, 0.0], [0.0, 0.1], [0.0, 0.0]])  # confidence .98, .52, .52, .5
    >>> loss = FixMatch(threshold=0.95)
    >>> round(float(loss(weak, torch.zeros(4, 2))), 4), float(loss.used)  # log 2 / 4
    (0.1733, 0.25)
    """

    used: Tensor

    def __init__(self, threshold: float = 0.95) -> None:
        super().__init__()
        if not 0 < threshold < 1:
            raise UserError("value-out-of-range", f"threshold must be in (0, 1), got {threshold}")
        self.threshold = threshold

    def forward(self, weak: Tensor, strong: Tensor) -> Tensor:
        """Logits [U, K] of weak views, which take no gradient, and of strong views -> [] nats.

        Raises:
            ValueError: the shapes differ.
        """
        loss, mask = fixmatch_loss(weak, strong, self.threshold)
        self.used = mask.float().mean()
        return loss
