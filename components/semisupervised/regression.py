"""Methods for numbers instead of classes: labels alone, and Mean Teacher.

Source: Tarvainen & Valpola 2017 (arXiv:1703.01780); with numbers, the difference of predictions takes the place of that
of probabilities (as in Meanteacher of meanteacher.py, which says the rest). Targets are standardised, so that a
difference of 1 is one standard deviation of the labels. What balances classes, counts confidence or mixes classes has
no counterpart here.
The batch is that of components.semisupervised.base, with targets [L + U] of any number, without meaning where there is
no label.
Letters: L labelled, U unlabelled samples in a batch, D feature size.
"""

from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.implementations import Implementations
from components.objectives.base import Batch, Losses, Objective
from components.objectives.parts.teacher import follow, teacher_of
from components.precision import at_least_float32
from components.semisupervised.base import take_apart
from components.semisupervised.parts.ramps import gaussian


class NumbersConfig(Config):
    """Options that every method for numbers has."""

    loss: Literal["huber", "squared"] = "huber"
    """Loss of a labelled sample: `huber` (Huber 1964), which grows linearly beyond `delta`, or `squared`."""

    delta: PositiveFloat = 1.0
    """Residual from which the Huber loss is linear, in standard deviations of the labels."""


class SupervisedNumbersConfig(NumbersConfig):
    """Options of training on labels alone."""

    name: Literal["supervised"] = "supervised"
    """Selects training on labels alone."""


class MeanteacherNumbersConfig(NumbersConfig):
    """Options of Mean Teacher on numbers."""

    name: Literal["meanteacher"] = "meanteacher"
    """Selects Mean Teacher (Tarvainen & Valpola 2017, arXiv:1703.01780)."""

    weight: NonNegativeFloat = 1.0
    """Largest weight of the consistency term, the mean squared difference to the teacher's prediction."""

    rampup: float = Field(default=0.27, ge=0, le=1)
    """Share of training in which that weight grows."""

    momentum: float = Field(default=0.95, ge=0, lt=1)
    """EMA momentum of the teacher; its first updates are the mean of all so far."""

    student: Literal["weak", "strong"] = "strong"
    """View of unlabelled samples that the student learns from."""


class NumbersMethod(Objective):
    """head: nn.Linear(D, 1), the layer that is exported with the encoder. weak, strong: how many of these views it
    wants. uses_unlabelled: whether it looks at unlabelled rows."""

    weak: int = 1
    strong: int = 0
    uses_unlabelled: bool = False

    def __init__(self, config: NumbersConfig, encoder: Encoder) -> None:
        super().__init__()
        self.loss, self.delta = config.loss, config.delta
        self.head = nn.Linear(encoder.feature_dim, 1)

    def predicted(self, encoder: Encoder, view: Tensor) -> Tensor:
        """A view [B, ...] -> [B] standardised numbers, float32 at least."""
        found: Tensor = at_least_float32(self.head(encoder(view))).squeeze(1)
        return found

    def label_loss(self, predicted: Tensor, targets: Tensor) -> Tensor:
        """[L], [L] -> [] mean over the labelled rows. Residuals of 1 and 3 with delta 1: Huber 1 / 2 and 5 / 2."""
        if self.loss == "squared":
            return (predicted - targets).square().mean()
        return F.huber_loss(predicted, targets, delta=self.delta)


class SupervisedNumbers(NumbersMethod):
    """Labels alone."""

    def __init__(self, config: SupervisedNumbersConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        parts = take_apart(batch, self.weak, self.strong)
        labelled = len(parts.targets)
        loss = self.label_loss(self.predicted(encoder, parts.weak[0][:labelled]), parts.targets.float())
        return Losses(loss, {"supervised": loss.detach()})


class MeanteacherNumbers(NumbersMethod):
    """The student's prediction for one view of an unlabelled sample should be the teacher's for another.

    teacher: encoder and head, whose parameters follow the student's. updates: [] int64, how often they did.
    """

    weak = 2
    uses_unlabelled = True
    updates: Tensor

    def __init__(self, config: MeanteacherNumbersConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        self.options = config
        self.strong = int(config.student == "strong")
        self.teacher = teacher_of(nn.Sequential(encoder, self.head))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        parts = take_apart(batch, self.weak, self.strong)
        labelled = len(parts.targets)
        if not self.updates:
            follow(self.teacher, nn.Sequential(encoder, self.head), 0.0)
        with torch.no_grad():
            target = at_least_float32(self.teacher(parts.weak[1][labelled:])).squeeze(1)
        shown = parts.strong[0] if self.strong else parts.weak[0][labelled:]
        both = self.predicted(encoder, torch.cat([parts.weak[0][:labelled], shown]))
        own, others = both[:labelled], both[labelled:]
        supervised = self.label_loss(own, parts.targets.float())
        consistency = (others - target).square().mean() if len(shown) else others.sum()
        ramp = gaussian(self.progress, self.options.rampup)
        total = supervised + self.options.weight * ramp * consistency
        figures = {"supervised": supervised, "consistency": consistency, "ramp": ramp}
        return Losses(total, {name: value.detach() for name, value in figures.items()})

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        self.updates += 1
        tau = min(1 - 1 / (int(self.updates) + 1), self.options.momentum)
        follow(self.teacher, nn.Sequential(encoder, self.head), tau)


NUMBER_METHODS = Implementations[NumbersMethod](
    "components.semisupervised",
    "selfsup.number_methods",
    {"meanteacher": "regression:MeanteacherNumbers", "supervised": "regression:SupervisedNumbers"},
)


if TYPE_CHECKING:
    NumberMethodConfig = NumbersConfig
else:
    NumberMethodConfig = NUMBER_METHODS.config_type()


def number_method(config: Config, encoder: Encoder) -> NumbersMethod:
    """The method of `config` for this encoder, which it may copy as a teacher."""
    return NUMBER_METHODS.build(config, encoder)


def fits_numbers(given: Any) -> Any:
    """A method of a recipe as it came, unless it is one that needs classes.

    Raises:
        ValueError: it needs classes, naming those that do not.
    """
    from components.semisupervised import METHODS  # the union of all methods: half a second

    name = given.get("name") if isinstance(given, dict) else getattr(given, "name", given)
    if name in METHODS and name not in NUMBER_METHODS:
        raise ValueError(
            f"method {name} needs classes, and the task is regression; for regression: {', '.join(NUMBER_METHODS)}"
        )
    return given
