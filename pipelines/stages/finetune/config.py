"""What a fine-tuning is asked, beside the references of what it starts from."""

from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from components.augmentations.image import ViewConfig
from components.augmentations.policies import Policy
from components.config import Config
from components.encoders import EncoderConfig
from components.evaluation.classification.conformal import Score
from components.semisupervised import MethodConfig
from components.semisupervised.distillation import DistillationConfig
from components.semisupervised.fixmatch import FixmatchConfig
from components.semisupervised.supervised import labels_alone
from components.training.finetune import FitConfig


class CrossFitConfig(Config):
    """folds of the labels, each judged by a training of `steps` on the others; with 0 folds, as with one label a
    class, the model is as sure as it agrees with the labels alone, and names no sets of classes. miss: share of samples
    whose set may lack the true one; score, by_class: how sets are made
    (components.evaluation.classification.conformal)."""

    folds: NonNegativeInt = 3
    steps: PositiveInt = 100
    miss: float = Field(default=0.1, gt=0, lt=1)
    score: Score = "lac"
    by_class: bool = False


class ScratchConfig(Config):
    """The same network from random initialisation, labels alone. The rate is chosen by cross-validation on
    the labels."""

    steps: NonNegativeInt = 200  # 0: no such baseline
    learning_rates: tuple[PositiveFloat, ...] = Field(default=(0.001, 0.004), min_length=1)
    folds: int = Field(default=3, ge=2)


class PortfolioConfig(Config):
    """The method's network and simpler models, weighted by what they answer on labels that they were not given
    (components.evaluation.classification.stacking) and served as one, or the one that leads.

    candidates: beside the method. favour: weight of the method before any evidence; the others share the rest.
    strength: labels that the weights before the evidence count for. lead: weight from which on a candidate is served
    alone. published: a published encoder (components.encoders.published) whose frozen features a head is fitted on, as
    one more candidate.
    """

    candidates: tuple[Literal["pixels", "probe", "alone", "scratch"], ...] = (
        "pixels",
        "probe",
        "alone",
        "scratch",
    )
    favour: float = Field(default=0.4, gt=0, lt=1)
    strength: NonNegativeFloat = 100.0
    lead: float = Field(default=0.9, gt=0.5, le=1)
    published: Literal["efficientnet_lite0"] | None = None


class DistillConfig(DistillationConfig):
    """The third step: a student learns what the fine-tuned model says of all samples, and is kept in its place.

    encoder: of the student, a smaller one perhaps, which begins at random; None: the pretrained one again.
    learning_rate: None is that of the fine-tuning.
    """

    encoder: EncoderConfig | None = None
    steps: PositiveInt = 400
    learning_rate: PositiveFloat | None = None


class FinetuneConfig(FitConfig):
    """steps of all layers; encoder_rate: factor of the encoder's learning rate. head_steps: of L-BFGS, at most.

    pseudo_share: weight of all pseudo-labels together in the head's fit, against all labels. views: a policy
    (components.augmentations.policies), or the one that keeps the classes, measured on the labels. weak, strong: views
    in place of the policy's. false_alarms: share of ordinary samples that the model may call strange. portfolio: None
    serves the method's network as it is. handed_weight: pseudo_weight of the method where the champion's answers are
    among the pseudo-labels (docs/retrain.md: 1 gains .6 points over five seeds, .5 gains .4).
    """

    method: MethodConfig = FixmatchConfig(threshold=0.8)
    steps: PositiveInt = 400
    learning_rate: PositiveFloat = 2e-3
    encoder_rate: NonNegativeFloat = 0.3
    head_steps: PositiveInt = 100
    pseudo_share: NonNegativeFloat = 1.0
    views: Policy | Literal["measured"] = "measured"
    weak: ViewConfig | None = None
    strong: ViewConfig | None = None
    false_alarms: float = Field(default=0.05, gt=0, lt=1)
    cross_fit: CrossFitConfig = CrossFitConfig()
    scratch: ScratchConfig = ScratchConfig()
    portfolio: PortfolioConfig | None = PortfolioConfig()
    distill: DistillConfig | None = None
    handed_weight: NonNegativeFloat = 1.0

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
