import pytest
import torch
import torch.nn.functional as F

from components.semisupervised.meanteacher import MeanteacherConfig, ema_decay
from tests.components.semisupervised.by_hand import Pixels, batch, logits, made

PUBLISHED = MeanteacherConfig(weight=100, early=0.99, momentum=0.999)


def test_by_default_the_teacher_remembers_twenty_of_some_hundred_steps():
    config = MeanteacherConfig()
    assert (config.weight, config.rampup, config.early, config.momentum) == (10, PUBLISHED.rampup, 0.9, 0.95)


def test_the_teacher_is_a_mean_at_first_then_quick_then_slow():
    config = PUBLISHED
    assert [ema_decay(n, 0.0, config) for n in (1, 2, 3)] == pytest.approx([1 / 2, 2 / 3, 3 / 4])
    assert ema_decay(10**6, 0.2, config) == 0.99
    assert ema_decay(10**6, 0.28, config) == 0.999


def test_the_loss_by_hand_and_the_gradient_on_the_student_alone():
    first, second = logits(5, 5)
    views = [first.clone().requires_grad_(), second.clone().requires_grad_()]
    method, encoder = made(PUBLISHED), Pixels()
    losses = method(encoder, batch(views, 2, [0, 2, -1, -1, -1]))
    square = (first.softmax(1) - second.softmax(1)).square().mean()
    expected = F.cross_entropy(first[:2], torch.tensor([0, 2])) + 100 * 0.0067379470 * square
    assert losses.total.item() == pytest.approx(expected.item(), rel=1e-5)
    losses.total.backward()
    assert views[0].grad[2:].abs().sum() > 0
    assert views[1].grad is None
    assert all(p.grad is None for p in method.teacher.parameters())


def test_the_student_moves_towards_the_teacher():
    student, teacher = torch.zeros(2, 3, requires_grad=True), torch.tensor([[5.0, 0, 0]] * 2)
    made(PUBLISHED)(Pixels(), batch([student, teacher], 1, [1, -1])).total.backward()
    assert student.grad[1, 0] < 0 < student.grad[1, 1]


def test_the_teacher_begins_as_the_student_and_follows_it():
    method, encoder = made(PUBLISHED), Pixels()
    with torch.no_grad():
        method.head.weight.mul_(3)  # a head that was fitted after the method was built
        encoder.gain.fill_(2)
    views = logits(5, 5)
    losses = method(encoder, batch(views, 2, [0, 2, -1, -1, -1]))
    square = ((6 * views[0]).softmax(1) - (6 * views[1]).softmax(1)).square().mean()
    torch.testing.assert_close(losses.parts["consistency"], square)
    with torch.no_grad():
        encoder.gain.fill_(4)
    method.after_step(encoder, 0.1)
    assert method.teacher[0].gain.item() == pytest.approx(3)
    with torch.no_grad():
        encoder.gain.fill_(9)
    method.after_step(encoder, 0.1)
    assert method.teacher[0].gain.item() == pytest.approx(5)  # the mean of 2, 4 and 9
    method(encoder, batch(views, 2, [0, 2, -1, -1, -1]))
    assert method.teacher[0].gain.item() == pytest.approx(5)


def test_a_student_of_strong_views_learns_from_them_what_the_teacher_says_of_weak_ones():
    first, second, strong = logits(5, 5, 3)
    leaf = strong.clone().requires_grad_()
    method = made(PUBLISHED.model_copy(update={"student": "strong"}))
    losses = method(Pixels(), batch([first, second, leaf], 2, [0, 2, -1, -1, -1]))
    said = torch.cat([first[:2], strong])
    square = (said.softmax(1) - second.softmax(1)).square().mean()
    torch.testing.assert_close(losses.parts["consistency"], square)
    torch.testing.assert_close(losses.parts["supervised"], F.cross_entropy(first[:2], torch.tensor([0, 2])))
    losses.total.backward()
    assert (leaf.grad.abs().sum(dim=1) > 0).all()
