"""What a fine-tuning is asked, beside the references of what it starts from."""

from typing import Any, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from components.config import Config
from components.encoders import EncoderConfig
from components.evaluation.classification.conformal import Score
from components.implementations import name_of
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.modalities.views import MEASURED, VIEW_MAKERS, ViewsConfig, views_for
from components.semisupervised import MethodConfig
from components.semisupervised.distillation import DistillationConfig
from components.semisupervised.fixmatch import FixmatchConfig
from components.semisupervised.supervised import labels_alone
from components.training.finetune import FitConfig


class CrossFitConfig(Config):
    """Cross-fitting: predictions for labels that a training was not given, which calibrate the model."""

    folds: NonNegativeInt = 3
    """Folds of the labels, each predicted by a training on the others; 0 (as with one label a class):
    confidence is calibrated by how often the method's network and one trained on the labels alone agree, and
    there are no prediction sets."""

    steps: PositiveInt = 100
    """Steps of the training of each fold."""

    miss: float = Field(default=0.1, gt=0, lt=1)
    """Share of samples whose prediction set may lack the true class."""

    score: Score = "lac"
    """How prediction sets are made, `lac` or `aps`; see components/evaluation/classification/conformal.py."""

    by_class: bool = False
    """Keep `miss` within each class, not on average over all samples."""


class ScratchConfig(Config):
    """The baseline of the same network from random initialisation, on the labels alone."""

    steps: NonNegativeInt = 200
    """Steps of the training; 0: no such baseline."""

    learning_rates: tuple[PositiveFloat, ...] = Field(default=(0.001, 0.004), min_length=1)
    """Peak learning rates, of which cross-validation on the labels chooses one."""

    folds: int = Field(default=3, ge=2)
    """Folds of that cross-validation."""


Name = Literal["plain", "probe", "alone", "scratch", "boosting", "knn"]
USUAL: tuple[Name, ...] = ("plain", "probe", "alone", "scratch")  # for every kind of data


class PortfolioConfig(Config):
    """The method's network and simpler models, weighted by their predictions for labels that they were not given
    (components.evaluation.classification.stacking) and served as one, or the one that leads.
    """

    candidates: tuple[Name, ...] | None = None
    """Candidates beside the method: regression on plain features, a head on the frozen encoder (`probe`), the encoder
    on the labels alone, the same network from random initialisation (`scratch`), gradient boosting (tables), nearest
    neighbours on plain features (`knn`); null: the first four, and for tables boosting. Those left out may not be
    served, but are trained all the same where evaluation compares the model with them: `plain`, `boosting`, `knn`;
    `scratch` unless `finetune.scratch.steps` is 0; `alone` unless `finetune.method` is supervised."""

    challengers: tuple[Literal["model"]] | tuple[Literal["model"], Literal["baseline"]] = (
        "model",
        "baseline",
    )
    """Whether a baseline (regression on plain features, boosting, nearest neighbours) that has more of the held-out
    labels right than what would be served, by more than two standard errors, is served and registered in its place."""

    favour: float | None = Field(default=None, gt=0, lt=1)
    """Weight of the method before any evidence, of which the others share the rest equally; null: 0.4, and for tables
    0.3 each for regression on plain features and boosting, with equal shares of the rest."""

    strength: NonNegativeFloat = 100.0
    """Number of labels for which the weights before the evidence count."""

    lead: float = Field(default=0.9, gt=0.5, le=1)
    """Weight from which on a candidate is served alone."""

    published: Literal["efficientnet_lite0"] | None = None
    """A published encoder whose frozen features a head is fitted on, as one more candidate
    (components.encoders.published); null: none."""


class DistillConfig(DistillationConfig):
    """The third step: a student learns the fine-tuned model's predictions for all samples and replaces the model."""

    encoder: EncoderConfig | None = None
    """Encoder of the student, which begins at random initialisation or at the weights of its `start`; null:
    the student begins as the pretrained encoder."""

    steps: PositiveInt = 400
    """Steps of the training."""

    learning_rate: PositiveFloat | None = None
    """Peak learning rate; null: that of the fine-tuning."""


class FinetuneConfig(FitConfig):
    """What a recipe's section finetune may contain."""

    method: MethodConfig = FixmatchConfig(threshold=0.8)
    """Semi-supervised method."""

    steps: PositiveInt = 400
    """Steps of the training of all layers."""

    learning_rate: PositiveFloat = 2e-3
    """Peak learning rate of AdamW."""

    encoder_rate: NonNegativeFloat = 0.3
    """Multiplies the learning rate of the encoder."""

    head_steps: PositiveInt = 100
    """Largest number of L-BFGS iterations of the head on the frozen encoder."""

    pseudo_share: NonNegativeFloat = 1.0
    """Largest total weight of the pseudo-labels in the fit of that head, relative to that of the labels."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    views: str = MEASURED
    """Policy of the views (docs/methods.md); `measured`: the policy that keeps the classes, measured on the
    labels."""

    weak: ViewsConfig | None = None
    """Weak views; null: those of the policy."""

    strong: ViewsConfig | None = None
    """Strong views; null: those of the policy."""

    false_alarms: float = Field(default=0.05, gt=0, lt=1)
    """Share of in-distribution samples that the model may report as outliers."""

    cross_fit: CrossFitConfig = CrossFitConfig()
    """Cross-fitting of the labels, for calibration and prediction sets."""

    scratch: ScratchConfig = ScratchConfig()
    """Baseline from random initialisation."""

    portfolio: PortfolioConfig | None = PortfolioConfig()
    """Simpler models beside the method's network; null serves the method's network alone."""

    distill: DistillConfig | None = None
    """Distillation after fine-tuning; null: none."""

    handed_weight: NonNegativeFloat = 1.0
    """`pseudo_weight` of the method where the champion's predictions are among the pseudo-labels
    (docs/retrain.md: 1 gains 0.6 points over five seeds, 0.5 gains 0.4)."""

    @model_validator(mode="before")
    @classmethod
    def _views_of_the_modality(cls, given: Any) -> Any:
        return views_for(given, ("weak", "strong"), ("views",)) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _candidates_of_the_modality(self) -> Self:
        kind = name_of(self.modality)
        there = (*USUAL, *getattr(VIEW_MAKERS[kind], "simple", ()))
        for name in (self.portfolio and self.portfolio.candidates) or ():
            if name not in there:
                raise ValueError(
                    f"portfolio.candidates: {name} is no model of {kind} samples; for {kind}: {', '.join(there)}"
                )
        return self

    def handed(self) -> Self:
        """The same where the champion's answers are among the pseudo-labels."""
        if "pseudo_weight" not in type(self.method).model_fields:
            return self
        method = self.method.model_copy(update={"pseudo_weight": self.handed_weight})
        return self.model_copy(update={"method": method})

    @property
    def labels_alone(self) -> bool:
        """Whether the method looks at nothing but labels: then there is nothing to compare it with."""
        return self.method == labels_alone(self.method)
