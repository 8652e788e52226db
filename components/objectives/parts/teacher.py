"""A teacher: a copy of a module that follows it slowly and is never trained itself.

Source: Grill et al. 2020 (arXiv:2006.07733), section 3.1: xi <- tau xi + (1 - tau) theta with
tau = 1 - (1 - tau0) (cos(pi p) + 1) / 2, p the share of training that is done. He et al. 2019
(arXiv:1911.05722) keep tau as it is.
"""

import copy
import math
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def teacher_of(student: M) -> M:
    """An equal copy whose parameters take no gradient."""
    return copy.deepcopy(student).requires_grad_(False)


def rising(start: float, progress: float) -> float:
    """tau at progress 0..1, from `start` to 1. .996 at 0, .998 at .5, 1 at 1 for start = .996."""
    return 1 - (1 - start) * (math.cos(math.pi * progress) + 1) / 2


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, tau: float) -> None:
    """teacher <- tau * teacher + (1 - tau) * student, parameters alone; buffers (batch norm's) are the
    teacher's own, as in the papers' code."""
    for its, mine in zip(teacher.parameters(), student.parameters(), strict=True):
        its.lerp_(mine.to(its.dtype), 1 - tau)
