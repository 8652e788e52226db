"""What a fine-tuning for numbers is asked, beside the references of what it starts from."""

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from components.config import Config
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.modalities.views import ViewsConfig, views_for
from components.semisupervised.regression import MeanteacherNumbersConfig, NumberMethodConfig, fits_numbers
from components.training.finetune import FitConfig

Name = Literal["plain", "boosting", "knn", "probe", "alone"]
METHOD = "method"


class NumberPortfolioConfig(Config):
    """The method's network and simpler models, weighted by their predictions for labels that they were not given
    (components.evaluation.regression.stacking) and served as one, or the one that leads."""

    candidates: tuple[Name, ...] = ("plain", "boosting", "knn", "probe", "alone")
    """Candidates beside the method: ridge regression on plain features, gradient boosting (of tables), the mean of
    the nearest labels, ridge regression on the frozen encoder (`probe`), the encoder on the labels alone."""

    strength: PositiveFloat = 10.0
    """Number of labels for which equal weights count."""

    least: float = Field(default=0.05, ge=0, lt=0.5)
    """Weight below which a candidate is left out of the mean."""

    lead: float = Field(default=0.9, gt=0.5, le=1)
    """Weight from which on a candidate is served alone."""


class NumberFinetuneConfig(FitConfig):
    """What a recipe's section finetune may contain where the task is regression."""

    method: NumberMethodConfig = MeanteacherNumbersConfig()
    """Semi-supervised method for numbers."""

    steps: PositiveInt = 400
    """Steps of the training of all layers."""

    learning_rate: PositiveFloat = 2e-3
    """Peak learning rate of AdamW."""

    encoder_rate: NonNegativeFloat = 0.3
    """Multiplies the learning rate of the encoder."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    views: str | None = None
    """Policy of the views (docs/methods.md); null: the usual one of the kind of data."""

    weak: ViewsConfig | None = None
    """Weak views; null: those of the policy."""

    strong: ViewsConfig | None = None
    """Strong views; null: those of the policy."""

    folds: int = Field(default=5, ge=2)
    """Folds of the labels, each predicted by trainings on the others: what the candidates are weighted by and the
    intervals are made of."""

    fold_steps: PositiveInt = 200
    """Steps of the training of each fold."""

    miss: float = Field(default=0.1, gt=0, lt=1)
    """Share of samples whose true number may lie outside of the interval around its prediction."""

    false_alarms: float = Field(default=0.05, gt=0, lt=1)
    """Share of in-distribution samples that the model may report as outliers."""

    portfolio: NumberPortfolioConfig | None = NumberPortfolioConfig()
    """Simpler models beside the method's network; null serves the method's network alone."""

    @model_validator(mode="before")
    @classmethod
    def _views_of_the_modality(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        fits_numbers(given.get("method"))
        return views_for(given, ("weak", "strong"), ("views",))
