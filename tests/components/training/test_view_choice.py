"""Which views keep the classes, by the labels: known cases, and a rule that distrusts thin evidence."""

import numpy as np
import pytest

from components.training import view_choice
from components.training.view_choice import choose_views, decide, table


def test_an_equal_or_slightly_better_policy_changes_nothing() -> None:
    base = np.array([1.0, 0, 1, 0, 1, 0, 1, 0, 1, 0])
    better = base.copy()
    better[1] = 1.0  # one label of ten: +10 %, standard error 10 %
    choice = decide(("upright", "photo"), np.stack([base, better]))
    assert choice.policy == "upright"
    assert (choice.evidence[1].difference, choice.evidence[1].error) == pytest.approx((0.1, 0.1))
    assert "more than a standard error, on 10 labels" in choice.reason


def test_a_clearly_better_policy_is_taken() -> None:
    base = np.zeros(20)
    better = np.array([1.0] * 8 + [0.0] * 12)
    choice = decide(("upright", "photo"), np.stack([base, better]))
    assert (choice.policy, choice.suggested) == ("photo", "upright")
    assert choice.reason.startswith("+40.0% accuracy over the suggested one")
    assert table(choice)[0] == "upright: 0.0%"
    assert table(choice)[1].startswith("photo: 40.0% (+40.0%, standard error 11.2%)")


def arrows(n: int) -> tuple[np.ndarray, np.ndarray]:
    """[n, 1, 12, 12] bars whose light end is on the left (class 0) or on the right (class 1)."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    images = rng.integers(0, 90, (n, 1, 12, 12), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        ramp = np.linspace(60, 250, 12).astype(np.uint8)
        image[0, 5:8] = ramp if label else ramp[::-1]
    return images, labels


def test_labels_see_what_symmetry_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many arrows to the left as to the right: mirror images look like the data, and are of the other class."""
    monkeypatch.setattr(view_choice, "STEPS", 40)
    images, labels = arrows(70)
    rows = np.arange(10, 70)
    choice = choose_views(lambda some: images[some], rows, labels[rows], 2, "photo", cores=2)
    assert choice.policy == "upright"
    shares = {e.policy: e.accuracy for e in choice.evidence}
    assert shares["upright"] > 0.9
    assert shares["photo"] < 0.75
    assert (
        choose_views(lambda some: images[some], rows, labels[rows], 2, "photo", cores=1) == choice
    )  # one after the other, the same


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 0, 0]])
def test_nothing_to_measure_on_leaves_what_was_suggested(labels: list[int]) -> None:
    images, _ = arrows(3)
    choice = choose_views(lambda some: images[some], np.arange(3), np.array(labels), 3, "photo")
    assert (choice.policy, choice.evidence) == ("photo", [])
    assert "nothing could be measured" in choice.reason
