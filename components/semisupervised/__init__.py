"""Every semi-supervised method, by the name its configuration carries. Adding one is a line here."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field
from torch import Tensor

from components.encoders.base import Encoder
from components.semisupervised.base import Method
from components.semisupervised.fixmatch import Fixmatch, FixmatchConfig
from components.semisupervised.supervised import Supervised, SupervisedConfig

MethodConfig = Annotated[FixmatchConfig | SupervisedConfig, Field(discriminator="name")]

METHODS: dict[str, Callable[..., Method]] = {"fixmatch": Fixmatch, "supervised": Supervised}


def build_method(
    config: MethodConfig, encoder: Encoder, classes: int, rows: int, prior: Tensor | None = None
) -> Method:
    """The method of `config`, for this encoder (it may copy it as a teacher) and a data set of `rows` samples.

    prior: [K] class shares of the labels, for methods that balance by them.
    """
    return METHODS[config.name](config, encoder, classes, rows, prior)
