"""Methods for numbers: losses by hand, where the gradient goes, and how the teacher follows."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from components.objectives.base import Batch
from components.semisupervised.regression import (
    NUMBER_METHODS,
    MeanteacherNumbersConfig,
    SupervisedNumbersConfig,
    fits_numbers,
    number_method,
)


class Number(nn.Module):
    """A view [B, 1] times a gain."""

    feature_dim = 1

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * x


def made(config: Any) -> Any:
    """A head that hands the feature on: a view is its own prediction."""
    method = number_method(config, Number())  # type: ignore[arg-type]
    with torch.no_grad():
        method.head.weight.fill_(1.0)
        method.head.bias.zero_()
    if hasattr(method, "teacher"):
        method.teacher[1].load_state_dict(method.head.state_dict())
    return method


def batch(views: list[list[float]], labelled: int, targets: list[float]) -> Batch:
    shown = [torch.tensor(view)[:, None].requires_grad_() for view in views]
    return Batch(shown, torch.arange(len(targets)), torch.tensor(targets), torch.ones(len(targets)), labelled)


def test_labels_alone_by_hand() -> None:
    """Residuals 1 and 3: Huber 1 / 2 and 5 / 2, squared 1 and 9; the unlabelled row has no part."""
    given = batch([[2.0, -1.0, 50.0]], 2, [1.0, 2.0, -1.0])
    assert made(SupervisedNumbersConfig())(Number(), given).total.item() == pytest.approx(1.5)
    assert made(SupervisedNumbersConfig(loss="squared"))(Number(), given).total.item() == pytest.approx(5.0)
    assert made(SupervisedNumbersConfig(delta=10))(Number(), given).total.item() == pytest.approx(2.5)


@pytest.mark.parametrize("student", ["weak", "strong"])
def test_mean_teacher_by_hand_and_the_gradient_on_the_student_alone(student: str) -> None:
    config = MeanteacherNumbersConfig(weight=3, student=student, loss="squared")  # type: ignore[arg-type]
    views = [[2.0, 1.0, 4.0], [9.0, 0.0, 2.0]] + ([[5.0, 4.0]] if student == "strong" else [])
    given = batch(views, 1, [1.0, -1.0, -1.0])
    losses = made(config)(Number(), given)
    shown = views[2] if student == "strong" else views[0][1:]
    consistency = ((shown[0] - 0.0) ** 2 + (shown[1] - 2.0) ** 2) / 2
    assert losses.parts["consistency"].item() == pytest.approx(consistency)
    assert losses.total.item() == pytest.approx(1.0 + 3 * 0.0067379470 * consistency, rel=1e-5)
    losses.total.backward()
    assert given.views[1].grad is None
    own = given.views[2] if student == "strong" else given.views[0][1:]
    assert (given.views[2] if student == "strong" else given.views[0]).grad is not None
    assert own is not None


def test_the_weight_of_the_consistency_grows_to_its_full_size() -> None:
    method = made(MeanteacherNumbersConfig(weight=2, loss="squared", student="weak"))
    given = batch([[1.0, 3.0], [1.0, 1.0]], 1, [1.0, -1.0])
    method.progress.fill_(0.27)
    assert method(Number(), given).total.item() == pytest.approx(2 * 4.0)


def test_the_teacher_begins_as_the_student_and_is_the_mean_of_its_first_steps() -> None:
    method, encoder = made(MeanteacherNumbersConfig(student="weak")), Number()
    with torch.no_grad():
        encoder.gain.fill_(2.0)
    losses = method(encoder, batch([[1.0, 3.0], [1.0, 3.0]], 1, [2.0, -1.0]))
    assert losses.parts["consistency"].item() == 0
    with torch.no_grad():
        encoder.gain.fill_(4.0)
    method.after_step(encoder, 0.1)
    assert method.teacher[0].gain.item() == pytest.approx(3.0)
    with torch.no_grad():
        encoder.gain.fill_(9.0)
    method.after_step(encoder, 0.2)
    assert method.teacher[0].gain.item() == pytest.approx(5.0)  # the mean of 2, 4 and 9
    method.updates.fill_(10**6)
    method.after_step(encoder, 0.3)
    assert method.teacher[0].gain.item() == pytest.approx(0.95 * 5.0 + 0.05 * 9.0)


def test_a_batch_without_unlabelled_rows_is_no_trouble() -> None:
    losses = made(MeanteacherNumbersConfig(student="weak"))(Number(), batch([[1.0], [1.0]], 1, [0.0]))
    assert losses.total.item() == pytest.approx(0.5)


def test_methods_that_need_classes_are_named_and_those_that_do_not_pass() -> None:
    assert set(NUMBER_METHODS) == {"meanteacher", "supervised"}
    for given in ("meanteacher", {"name": "supervised"}, None, "unheard_of"):
        assert fits_numbers(given) == given
    with pytest.raises(
        ValueError, match="method uda needs classes, and the task is regression; for regression: mean"
    ):
        fits_numbers({"name": "uda", "weight": 2})
