"""Every semi-supervised method, by the name its configuration carries. Adding one is a line here."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field
from torch import Tensor

from components.semisupervised.base import Method
from components.semisupervised.fixmatch import Fixmatch, FixmatchConfig
from components.semisupervised.supervised import Supervised, SupervisedConfig

MethodConfig = Annotated[FixmatchConfig | SupervisedConfig, Field(discriminator="name")]

METHODS: dict[str, Callable[..., Method]] = {"fixmatch": Fixmatch, "supervised": Supervised}


def build_method(config: MethodConfig, feature_dim: int, classes: int, prior: Tensor | None = None) -> Method:
    """The method of `config`. prior: [K] class shares of the labels, for methods that balance by them."""
    return METHODS[config.name](config, feature_dim, classes, prior)
