"""Each objective's configuration for the data at hand."""

import pytest

from components.augmentations.image import ViewConfig
from components.objectives import OBJECTIVES
from components.objectives.mae import MaeConfig
from components.objectives.simclr import SimclrConfig
from components.training.candidates import candidate

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


def test_prototypes_and_queue_follow_the_rule():
    swav = candidate("swav", VIEW, 5000, 10)
    assert (swav.prototypes, swav.queue) == (30, 0)
    assert candidate("deepcluster", VIEW, 5000, 10).clusters == 30
    many = candidate("swav", VIEW, 600, 100)  # batch 64
    assert (many.prototypes, many.queue) == (300, 256)
    assert candidate("moco", VIEW, 600, 100).queue > 256  # of negatives: another thing
