"""Each objective's configuration for the data at hand."""

import pytest

from components.errors import UserError
from components.modalities.image.augment import ViewConfig
from components.objectives import OBJECTIVES
from components.objectives.dino import DinoConfig
from components.objectives.ibot import IbotConfig
from components.objectives.jigsaw import JigsawConfig
from components.objectives.mae import MaeConfig
from components.objectives.simclr import SimclrConfig
from components.objectives.swav import SwavConfig
from components.training.candidates import candidate, sized
from components.training.loop import TrainConfig

VIEW = ViewConfig(size=20, scale=(0.3, 1.0), gamma=0.4, flip=0.0)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_has_one_that_is_valid(name):
    config = candidate(name, VIEW, 5000, 10)
    assert config.name == name
    assert type(config).model_validate(config.model_dump()) == config


def test_the_views_are_those_of_the_data_but_for_what_the_objective_needs_otherwise():
    assert candidate("simclr", VIEW, 5000, 10) == SimclrConfig(view=VIEW)
    own = MaeConfig().view
    assert (own.jitter, own.grayscale) == (0.0, 0.0)
    assert candidate("mae", VIEW, 5000, 10).view == VIEW.model_copy(update={"jitter": 0.0, "grayscale": 0.0})
    assert candidate("jigsaw", VIEW, 5000, 10).view.size == 36
    assert candidate("ibot", VIEW, 5000, 10).dino.view == VIEW


def test_a_view_that_names_no_size_has_that_of_the_data():
    swav = sized(SwavConfig(), 28)
    assert (swav.view.size, swav.view.scale) == (28, ViewConfig().scale)
    assert sized(SwavConfig(view=ViewConfig(scale=(0.5, 1.0))), 28).view == ViewConfig(
        size=28, scale=(0.5, 1.0)
    )
    assert sized(SwavConfig(view=ViewConfig(size=20)), 28).view.size == 20
    assert sized(JigsawConfig(), 28).view.size == 36  # its own
    assert sized(IbotConfig(), 48).dino.view.size == 48
    with pytest.raises(
        UserError, match=r"objective jigsaw on images of 8 pixels: .*got 10; make view.size larger"
    ):
        sized(JigsawConfig(view=ViewConfig(scale=(0.5, 1.0)), tile=10), 8)


def test_prototypes_queue_freeze_and_epsilon_follow_the_rule():
    swav = candidate("swav", VIEW, 5000, 10)
    assert (swav.prototypes, swav.queue, swav.freeze, swav.epsilon) == (30, 0, 0.1, 0.03)
    many = candidate("swav", VIEW, 1600, 100, TrainConfig(batch_size=64))
    assert (many.prototypes, many.queue) == (300, 384)
    long = candidate("swav", VIEW, 1_281_167, 1000, TrainConfig(epochs=100))
    assert (long.prototypes, long.queue, long.freeze, long.epsilon) == (3000, 3840, 0.0006, 0.05)
    assert candidate("deepcluster", VIEW, 5000, 10).clusters == 30
    assert candidate("deepclusterv2", VIEW, 5000, 10).prototypes == 30
    assert candidate("scan", VIEW, 5000, 10).clusters == 10  # they are to be the classes
    assert candidate("scan", VIEW, 5000, None).clusters == 70
    assert candidate("moco", VIEW, 600, 100).queue is None  # of negatives: it follows the samples by itself
    assert candidate("dino", VIEW, 5000, 10).freeze == DinoConfig().freeze  # of a layer, not of prototypes


def test_a_teachers_memory_fits_into_the_training():
    train = TrainConfig(epochs=10, batch_size=100)  # 500 steps
    for name in ("byol", "moco", "mocov3", "dino"):
        assert candidate(name, VIEW, 5000, 10, train).momentum == 0.98
    assert candidate("ibot", VIEW, 5000, 10, train).dino.momentum == 0.98
