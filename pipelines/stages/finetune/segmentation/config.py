"""What a fine-tuning for masks is asked, beside the references of what it starts from."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from components.config import Config
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.semisupervised.segmentation import MaskMethodConfig
from components.training.finetune import FitConfig

Name = Literal["frozen", "trained", "consistency"]


class ScratchMaskConfig(Config):
    """The baseline of the same network from random initialisation, on the same masks."""

    learning_rates: tuple[PositiveFloat, ...] = Field(default=(0.002, 0.006), min_length=1)
    """Peak learning rates, of which cross-validation on the masks chooses one."""


class MaskFinetuneConfig(FitConfig):
    """What a recipe's section finetune may contain where the task is segmentation."""

    method: MaskMethodConfig = MaskMethodConfig()
    """The losses, and what of unlabelled images is learnt from."""

    candidates: tuple[Name, ...] = Field(default=("frozen", "trained", "consistency"), min_length=1)
    """What is cross-validated on the masks, the best of which is served: a dense head on the encoder as it is, the
    encoder trained with it, and trained on unlabelled images too (pseudo-masks)."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    batch_size: PositiveInt = 8
    """Images with a mask in each step."""

    ratio: PositiveInt = 2
    """Unlabelled images in each step for each one with a mask."""

    width: PositiveInt = 48
    """Channels of the dense head."""

    steps: PositiveInt = 300
    """Steps of the training that is served, and of the baseline from random initialisation."""

    learning_rate: PositiveFloat = 4e-3
    """Peak learning rate of AdamW."""

    encoder_rate: NonNegativeFloat = 0.3
    """Multiplies the learning rate of the encoder."""

    folds: int = Field(default=2, ge=2)
    """Folds of the masks, each predicted by trainings on the others: what candidates are chosen by."""

    fold_steps: PositiveInt = 150
    """Steps of the training of each fold."""

    mirror: bool = True
    """Whether images and masks are mirrored, left and right exchanged, with a probability of one half."""

    shift: float = Field(default=0.125, ge=0, le=0.5)
    """Largest shift of images and masks, as a share of the side."""

    tone: float = Field(default=0.2, ge=0, le=1)
    """Largest relative change of brightness and contrast, in colour also of saturation, of images with a mask."""

    strong: float = Field(default=0.4, ge=0, le=1)
    """The same of unlabelled images that are learnt from, which are blurred and change in gamma too."""

    scratch: ScratchMaskConfig = ScratchMaskConfig()
    """The baseline of the same network from random initialisation."""
