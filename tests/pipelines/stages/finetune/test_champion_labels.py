from pathlib import Path

import numpy as np

from components.data.packed import PackedArray
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import image_packing
from components.modalities.image.views import ImageViews
from components.semisupervised.fixmatch import FixmatchConfig
from components.training.device import place
from components.training.finetune import Material
from pipelines.stages.finetune.champion_labels import filled
from pipelines.stages.finetune.config import FinetuneConfig


def test_the_champion_answers_where_nobody_else_does() -> None:
    """5 samples: 1 labelled, 3 with a pseudo-label; 0, 2, 4 get the champion's class and its confidence."""
    view = ViewConfig(size=4)
    material = Material(
        packed=PackedArray(np.zeros((5, 1, 4, 4), dtype=np.uint8), np.arange(5)),
        views=ImageViews(image_packing(1, size=4)),
        classes=2, labelled=np.array([1]), labels=np.array([0]),
        kept=np.array([3]), kept_labels=np.array([0]), confidence=np.array([0.9]),
        weak=view, strong=view, placement=place("cpu"), folder=Path("none"),
    )  # fmt: skip
    answers = np.array([[0.75, 0.25], [0, 1], [0.5, 0.5], [0, 1], [0.125, 0.875]], dtype=np.float32)
    made = filled(material, answers)
    assert made.kept.tolist() == [0, 2, 3, 4]
    assert made.kept_labels.tolist() == [0, 0, 0, 1]
    assert made.confidence.tolist() == [0.75, 0.5, 0.9, 0.875]
    assert made.labelled is material.labelled


def test_where_it_answers_pseudo_labels_weigh_as_the_recipe_says_and_nothing_else_changes() -> None:
    asked = FinetuneConfig(method=FixmatchConfig(threshold=0.8, pseudo_weight=0.25), handed_weight=0.75)
    made = asked.handed()
    assert made.method == FixmatchConfig(threshold=0.8, pseudo_weight=0.75)
    assert made.model_copy(update={"method": asked.method}) == asked
