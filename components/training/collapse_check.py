"""A look at the representation after each epoch, without labels: is it alive?

Letters: n samples looked at, B samples in a batch, C channels, S side in pixels, D feature size.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from components.evaluation.classification.churn import nearest_anchor
from components.evaluation.representation.collapse import REMEDIES, symptoms
from components.evaluation.representation.diagnostics import diagnose, feature_std
from components.objectives.base import Objective
from components.training.device import Placement
from components.training.learner import Learner, derive_seed
from components.training.training_log import Check
from components.training.view_source import ViewSource

SAMPLES = 1024  # n, at most


class Look:
    """Looks at the same training samples each time, clean and, every second one, in two views that stay the
    same, too.

    Takes .27 s of one thread for 1024 samples of 28 x 28 through the small ResNet, of which the figures .05 s.
    """

    def __init__(self, learner: Learner, source: ViewSource, placement: Placement, seed: int) -> None:
        self.learner, self.source, self.placement, self.seed = (
            learner,
            source,
            placement,
            derive_seed(seed, -1),
        )
        count = min(SAMPLES, source.rows)
        self.index = torch.from_numpy(np.linspace(0, source.rows - 1, count).astype(np.int64))

    @torch.no_grad()
    def __call__(self, loss: float) -> Check:
        stored = self.source.packed.gather(self.index).to(self.placement.device)
        generator = torch.Generator(self.placement.device).manual_seed(self.seed)
        spec = ((self.source.spec[0][0], 2),)
        views = self.source.augmented(stored[::2], generator, spec)
        encoder = self.learner.encoder
        training = encoder.training
        encoder.eval()
        clean, *others = (self._features(encoder, x) for x in (self.source.maker.clean(stored), *views))
        encoder.train(training)
        figures, objective = diagnose(clean, (others[0], others[1])), self.learner.objective
        figures.update(self._predicted(objective, clean.to(self.placement.device)))
        found = symptoms(
            figures, loss=loss, collapse_loss=objective.collapse_loss, objective=objective.figures()
        )
        shown = {name: value for name, value in figures.items() if math.isfinite(value)}
        return Check(shown, f"{'; '.join(found)}; {REMEDIES}" if found else None, nearest_anchor(clean))

    def _features(self, encoder: nn.Module, x: Tensor) -> Tensor:
        """A view [n, ...] -> [n, D] float32 on the CPU."""
        with self.placement.autocast():
            return torch.cat([encoder(part).float() for part in torch.split(x, 256)]).cpu()

    def _predicted(self, objective: Objective, features: Tensor) -> dict[str, float]:
        """The spread of the predictions, where there are such."""
        training = objective.training
        objective.eval()
        found = objective.predictions(features)
        objective.train(training)
        if found is None:
            return {}
        return {"embedding_spread": feature_std(found.cpu()) * math.sqrt(found.shape[1])}
