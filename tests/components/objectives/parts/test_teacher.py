"""The momentum teacher: published values of tau, one step by hand, and that nothing trains it."""

import pytest
import torch
from torch import nn

from components.objectives.parts.teacher import follow, rising, teacher_of


def test_tau_rises_along_the_published_cosine():
    assert [rising(0.996, p) for p in (0, 0.5, 1)] == pytest.approx([0.996, 0.998, 1.0])


def test_a_teacher_starts_equal_takes_no_gradient_and_follows():
    student = nn.Linear(2, 1)
    teacher = teacher_of(student)
    assert torch.equal(teacher.weight, student.weight)
    assert teacher.weight is not student.weight
    assert not any(p.requires_grad for p in teacher.parameters())
    before = teacher.weight.clone()
    with torch.no_grad():
        student.weight += 1.0
    follow(teacher, student, 0.9)
    torch.testing.assert_close(teacher.weight, before + 0.1)
    assert student.weight.requires_grad


def test_buffers_are_the_teachers_own():
    student = nn.BatchNorm1d(2)
    teacher = teacher_of(student)
    student.running_mean += 5
    follow(teacher, student, 0.0)
    assert torch.equal(teacher.running_mean, torch.zeros(2))
