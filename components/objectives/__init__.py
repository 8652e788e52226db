"""Every objective, by the name its configuration carries. Adding one is a line here."""

from typing import Annotated

from pydantic import Field

from components.encoders import Encoder
from components.objectives.base import Objective
from components.objectives.deepcluster import Deepcluster, DeepclusterConfig
from components.objectives.simclr import Simclr, SimclrConfig
from components.objectives.swav import Swav, SwavConfig

OBJECTIVES: dict[str, type[Objective]] = {"deepcluster": Deepcluster, "simclr": Simclr, "swav": Swav}
ObjectiveConfig = Annotated[DeepclusterConfig | SimclrConfig | SwavConfig, Field(discriminator="name")]


def build_objective(config: ObjectiveConfig, encoder: Encoder, rows: int) -> Objective:
    """The objective for this encoder (it may copy it as a teacher) and a training set of `rows` samples."""
    build: type = OBJECTIVES[config.name]
    objective: Objective = build(config, encoder, rows)
    return objective
