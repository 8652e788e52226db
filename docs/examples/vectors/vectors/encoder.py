"""A multilayer perceptron over vectors.

Letters: B samples of a batch, D numbers of a vector.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from vectors.config import VectorPacking


class VectorMlpConfig(Config):
    """A multilayer perceptron."""

    name: Literal["vector_mlp"] = "vector_mlp"
    """Selects the perceptron."""

    width: int = Field(default=64, ge=0)
    """Size of the hidden layer and of the feature; 0: the vector itself is the feature."""


class VectorMlp(Encoder):
    """[B, D] -> [B, width]"""

    modality = "vectors"

    def __init__(self, config: VectorMlpConfig, packing: VectorPacking) -> None:
        super().__init__(packing)
        size, width = packing.read_as.size, config.width
        self.feature_dim, self.config = width or size, config
        layers = [nn.Linear(size, width), nn.ReLU(), nn.Linear(width, width)] if width else []
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.body(x)
        return found
