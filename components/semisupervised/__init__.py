"""Every semi-supervised method, by the name its configuration carries. Adding one is a line here."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field
from torch import Tensor

from components.encoders.base import Encoder
from components.semisupervised.adamatch import Adamatch, AdamatchConfig
from components.semisupervised.base import Method
from components.semisupervised.coral import Coral, CoralConfig
from components.semisupervised.dann import Dann, DannConfig
from components.semisupervised.distillation import Distillation, DistillationConfig
from components.semisupervised.fixmatch import Fixmatch, FixmatchConfig
from components.semisupervised.flexmatch import Flexmatch, FlexmatchConfig
from components.semisupervised.freematch import Freematch, FreematchConfig
from components.semisupervised.m2 import M2, M2Config
from components.semisupervised.meanteacher import Meanteacher, MeanteacherConfig
from components.semisupervised.mixmatch import Mixmatch, MixmatchConfig
from components.semisupervised.mmd import Mmd, MmdConfig
from components.semisupervised.pimodel import Pimodel, PimodelConfig
from components.semisupervised.pseudolabel import Pseudolabel, PseudolabelConfig
from components.semisupervised.s4l import S4l, S4lConfig
from components.semisupervised.selftraining import Selftraining, SelftrainingConfig
from components.semisupervised.simmatch import Simmatch, SimmatchConfig
from components.semisupervised.softmatch import Softmatch, SoftmatchConfig
from components.semisupervised.ssgan import Ssgan, SsganConfig
from components.semisupervised.supervised import Supervised, SupervisedConfig
from components.semisupervised.temporal import Temporal, TemporalConfig
from components.semisupervised.uda import Uda, UdaConfig
from components.semisupervised.vat import Vat, VatConfig

MethodConfig = Annotated[
    AdamatchConfig
    | FixmatchConfig
    | FlexmatchConfig
    | FreematchConfig
    | MeanteacherConfig
    | MixmatchConfig
    | PimodelConfig
    | SimmatchConfig
    | SoftmatchConfig
    | CoralConfig
    | DannConfig
    | DistillationConfig
    | M2Config
    | MmdConfig
    | PseudolabelConfig
    | S4lConfig
    | SelftrainingConfig
    | SsganConfig
    | SupervisedConfig
    | TemporalConfig
    | UdaConfig
    | VatConfig,
    Field(discriminator="name"),
]

METHODS: dict[str, Callable[..., Method]] = {
    "adamatch": Adamatch,
    "fixmatch": Fixmatch,
    "flexmatch": Flexmatch,
    "freematch": Freematch,
    "meanteacher": Meanteacher,
    "mixmatch": Mixmatch,
    "pimodel": Pimodel,
    "simmatch": Simmatch,
    "softmatch": Softmatch,
    "coral": Coral,
    "dann": Dann,
    "distillation": Distillation,
    "m2": M2,
    "mmd": Mmd,
    "pseudolabel": Pseudolabel,
    "s4l": S4l,
    "selftraining": Selftraining,
    "ssgan": Ssgan,
    "supervised": Supervised,
    "temporal": Temporal,
    "uda": Uda,
    "vat": Vat,
}


def build_method(
    config: MethodConfig, encoder: Encoder, classes: int, rows: int, prior: Tensor | None = None
) -> Method:
    """The method of `config`, for this encoder (it may copy it as a teacher) and a data set of `rows` samples.

    prior: [K] class shares of the labels, for methods that balance by them.
    """
    return METHODS[config.name](config, encoder, classes, rows, prior)
