"""The rule for defaults: its values at 5,000 and 5 million samples, and the published settings it must give."""

import pytest

from components.training.defaults import (
    Defaults,
    Numbers,
    batch_of,
    defaults,
    learning_rate,
    prototypes_of,
    queue_of,
)


def test_at_5_thousand_samples():
    assert defaults(5_000, classes=10, speed=1000, seconds=300) == Defaults(
        batch_size=256, epochs=60, steps=1140, seconds=300.0,
        numbers=Numbers(prototypes=30, queue=0, freeze=0.1, epsilon=0.03, momentum=0.9912),
    )  # fmt: skip


def test_at_5_million_samples():
    assert defaults(5_000_000, classes=10, speed=1000, seconds=300) == Defaults(
        batch_size=1024, epochs=5, steps=24410, seconds=25000.0,
        numbers=Numbers(prototypes=300, queue=0, freeze=0.0128, epsilon=0.05, momentum=0.996),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("samples", "batch"), [(5, 8), (100, 8), (200, 16), (2048, 256), (400_000, 256), (500_000, 1024)]
)
def test_an_epoch_has_eight_steps_where_that_can_be(samples, batch):
    assert batch_of(samples) == batch


@pytest.mark.parametrize(
    ("optimiser", "batch", "rate"),
    [
        ("adamw", 256, 2e-3), ("adamw", 1024, 4e-3), ("adamw", 64, 1e-3), ("sgd", 256, 0.05), ("sgd", 1024, 0.2),
        ("lars", 4096, 4.8), ("lars", 64, 0.075),
    ],
)  # fmt: skip
def test_the_rate_follows_the_batch(optimiser, batch, rate):
    assert learning_rate(optimiser, batch) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("samples", "classes", "prototypes"),
    [
        (5000, 2, 10), (5000, 10, 30), (5000, 1000, 300), (5000, None, 70), (90_001, None, 300),
        (1_281_167, 1000, 3000), (5_000_000, None, 2236), (50_000_000, None, 3000),
    ],
)  # fmt: skip
def test_about_three_prototypes_a_class(samples, classes, prototypes):
    assert prototypes_of(samples, classes) == prototypes


@pytest.mark.parametrize(
    ("samples", "batch", "prototypes", "queue"),
    [
        (1_281_167, 256, 3000, 3840),  # as published
        (1_281_167, 4096, 3000, 0),  # as published
        (5000, 256, 192, 0), (5000, 256, 193, 256), (600, 64, 300, 128), (100, 8, 300, 24),
    ],
)  # fmt: skip
def test_a_queue_where_the_batch_is_too_small_to_balance_over(samples, batch, prototypes, queue):
    assert queue_of(samples, batch, prototypes) == queue
