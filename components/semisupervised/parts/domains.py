"""Which rows of a batch are of which domain, for the methods that make two domains alike.

Where the recipe names the column of its tables that says where a sample comes from (ingest.source), batch.domains
tells it; else labelled rows are the source domain and unlabelled ones the target.
Letters: see base; B = L + U rows of this process, S and T rows of the source and target domain of all processes.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from components.collectives import gather
from components.objectives.base import Batch
from components.precision import at_least_float32


def split_domains(x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """[B, ...] -> [S, ...] and [T, ...], at least float32, with gradient to the rows of every process."""
    domains = batch.domains
    if domains is None:
        domains = (torch.arange(len(x), device=x.device) >= (batch.labelled or 0)).long()
    with torch.autocast(x.device.type, enabled=False):
        x, domains = gather(at_least_float32(x)), gather(domains)
    return x[domains == 0], x[domains != 0]


def between(distance: Callable[[Tensor, Tensor], Tensor], x: Tensor, batch: Batch) -> Tensor:
    """[] distance(source, target) of x [B, ...].

    Which sources a step brings is chance where batch.domains tells them: with fewer than two rows of either domain
    it is 0, with a gradient of 0.
    """
    source, target = split_domains(x, batch)
    if batch.domains is not None and min(len(source), len(target)) < 2:
        return 0 * at_least_float32(x).sum()
    return distance(source, target)
