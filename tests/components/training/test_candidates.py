"""Each objective's configuration for the data at hand."""

import pytest

from components.objectives import OBJECTIVES
from components.objectives.dino import DinoConfig
from components.objectives.simclr import SimclrConfig
from components.training.candidates import candidate
from components.training.loop import TrainConfig


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_has_one_that_is_valid(name):
    config = candidate(name, 5000, 10)
    assert config.name == name
    assert type(config).model_validate(config.model_dump()) == config


def test_what_no_rule_is_about_stays_the_default():
    assert candidate("simclr", 5000, 10) == SimclrConfig()


def test_prototypes_queue_freeze_and_epsilon_follow_the_rule():
    swav = candidate("swav", 5000, 10)
    assert (swav.prototypes, swav.queue, swav.freeze, swav.epsilon) == (30, 0, 0.1, 0.03)
    many = candidate("swav", 1600, 100, TrainConfig(batch_size=64))
    assert (many.prototypes, many.queue) == (300, 384)
    long = candidate("swav", 1_281_167, 1000, TrainConfig(epochs=100))
    assert (long.prototypes, long.queue, long.freeze, long.epsilon) == (3000, 3840, 0.0006, 0.05)
    assert candidate("deepcluster", 5000, 10).clusters == 30
    assert candidate("deepclusterv2", 5000, 10).prototypes == 30
    assert candidate("capi", 5000, 10).clusters == 30
    assert candidate("scan", 5000, 10).clusters == 10  # they are to be the classes
    assert candidate("scan", 5000, None).clusters == 70
    assert candidate("moco", 600, 100).queue is None  # of negatives: it follows the samples by itself
    assert candidate("dino", 5000, 10).freeze == DinoConfig().freeze  # of a layer, not of prototypes


def test_a_teachers_memory_fits_into_the_training():
    train = TrainConfig(epochs=10, batch_size=100)  # 500 steps
    for name in ("byol", "moco", "mocov3", "dino", "ijepa", "capi"):
        assert candidate(name, 5000, 10, train).momentum == 0.98
    assert candidate("ibot", 5000, 10, train).dino.momentum == 0.98
