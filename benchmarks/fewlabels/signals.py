"""Views of signals: a whole batch at once, in plain torch, and the sources that serve them.

A signal is kept as a picture of one row, its zero at the grey .5. A view is the signal told faster or slower and
from another place in a circle, louder or softer, on a slope, with noise, and with a stretch of it silenced: the
ways in which MNIST-1D's signals of a class differ (circular shift, dilation, amplitude, shear, noise).
Letters: B samples, T length of a signal.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from components.objectives.base import Batch, ViewSpec
from components.training.labelled_source import LabelledSource
from components.training.view_source import ViewSource


@dataclass(frozen=True)
class SignalView:
    """stretch: factors of time from e^-v to e^v. shift: share of the length, -v to v. scale: factors of the
    amplitude from 1 - v to 1 + v. slope: rise from end to end, -v to v of the grey scale. noise: deviation of what
    is added. silence: longest share of the signal that is set to zero."""

    stretch: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    slope: float = 0.0
    noise: float = 0.0
    silence: float = 0.0


def view(x: Tensor, config: SignalView, generator: torch.Generator) -> Tensor:
    """[B, 1, 1, T] in [0, 1] -> another look at each, the same shape. A view of zeros alone changes nothing."""
    length = x.shape[3]
    draws = torch.rand(6, len(x), 1, generator=generator, device=generator.device).to(x.device)
    around = 2 * draws - 1
    steps = torch.arange(length, device=x.device) - (length - 1) / 2
    places = (
        steps * torch.exp(config.stretch * around[0]) + (length - 1) / 2 + config.shift * length * around[1]
    )
    before = places.floor()
    signal = x[:, 0, 0] - 0.5
    low, high = (signal.gather(1, (before.long() + later) % length) for later in (0, 1))
    y = (low + (places - before) * (high - low)) * (1 + config.scale * around[2])
    y = y + config.slope * around[3] * steps / length
    centre, reach = (length - 1) * draws[4], config.silence * length * draws[5] / 2
    y = y.masked_fill((steps + (length - 1) / 2 - centre).abs() < reach, 0.0)
    noise = torch.randn(y.shape, generator=generator, device=generator.device).to(x.device)
    return (y + config.noise * noise + 0.5).clamp(0, 1)[:, None, None]


class SignalSource(LabelledSource):
    """Batches of labelled and unlabelled signals; `looks`: the weak and the strong view."""

    looks: tuple[SignalView, SignalView]

    def batch(self, step: int, generator: torch.Generator) -> Batch:
        index = self.indices(step)
        pixels, labelled = self.clean(index), self.sizes[0]
        views = [view(pixels, self.looks[0], generator) for _ in range(self.weak[1])]
        views += [view(pixels[labelled:], self.looks[1], generator) for _ in range(self.strong[1])]
        given = self.supervision
        return Batch(views, index.to(self.device), given.targets[index], given.weights[index], labelled)


class SignalViews(ViewSource):
    """Batches of signals for an objective; `look`: the view."""

    look: SignalView

    def augmented(self, images: Tensor, generator: torch.Generator, spec: ViewSpec) -> list[Tensor]:
        pixels = images.float() / 255
        return [view(pixels, self.look, generator) for _, count in spec for _ in range(count)]
