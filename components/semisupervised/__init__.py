"""Every semi-supervised method, by the name its configuration carries. Adding one is a line here."""

from typing import TYPE_CHECKING

from torch import Tensor

from components.encoders.base import Encoder
from components.errors import UserError
from components.implementations import Implementations, name_of
from components.objectives.needs import GIVEN, check_needs
from components.semisupervised.base import Method, Settings

METHODS = Implementations[Method](
    "components.semisupervised",
    "selfsup.methods",
    {
        "adamatch": "adamatch:Adamatch",
        "coral": "coral:Coral",
        "dann": "dann:Dann",
        "distillation": "distillation:Distillation",
        "feature_mixup": "feature_mixup:FeatureMixup",
        "fixmatch": "fixmatch:Fixmatch",
        "flexmatch": "flexmatch:Flexmatch",
        "freematch": "freematch:Freematch",
        "m2": "m2:M2",
        "meanteacher": "meanteacher:Meanteacher",
        "mixmatch": "mixmatch:Mixmatch",
        "mmd": "mmd:Mmd",
        "pimodel": "pimodel:Pimodel",
        "pseudolabel": "pseudolabel:Pseudolabel",
        "s4l": "s4l:S4l",
        "selftraining": "selftraining:Selftraining",
        "setfit": "setfit:Setfit",
        "simmatch": "simmatch:Simmatch",
        "softmatch": "softmatch:Softmatch",
        "ssgan": "ssgan:Ssgan",
        "supervised": "supervised:Supervised",
        "temporal": "temporal:Temporal",
        "uda": "uda:Uda",
        "vat": "vat:Vat",
        "vime_semi": "vime_semi:VimeSemi",
    },
)
if TYPE_CHECKING:
    MethodConfig = Settings
else:
    MethodConfig = METHODS.config_type()


def build_method(
    config: MethodConfig, encoder: Encoder, classes: int, rows: int, prior: Tensor | None = None
) -> Method:
    """The method of `config`, for this encoder (it may copy it as a teacher) and a data set of `rows` samples.

    prior: [K] class shares of the labels, for methods that balance by them.
    """
    return METHODS.build(config, encoder, classes, rows, prior)


def check_method(config: MethodConfig, modality: str) -> None:
    """Raises UserError where a method, or how it mixes samples, does not work on this kind of data."""
    check_needs("method", name_of(config), modality, METHODS)
    if config.mix is not None and "continuous" not in GIVEN.get(modality, ()):
        raise UserError(
            "modality-unsuitable",
            f"method.mix: {config.mix.name} mixes views of continuous values, and the recipe's modality is {modality}; "
            "leave it out",
        )
