"""Clusters of the whole data set: found by all processes together, predicted by one head or several.

Letters: N samples, M of them on this rank, B rows of scores on this rank, H heads, K clusters.
"""

from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from components.collectives import all_reduce_sum, rank, world
from components.errors import UserError
from components.precision import at_least_float32

UNKNOWN = -100  # the cluster of a sample that has none yet


def enough(rows: int, clusters: int, name: str, what: str = "clusters") -> None:
    """Raises UserError: more clusters are asked for than there are samples. what: the configuration's word."""
    if clusters > rows:
        raise UserError(
            "too-many-clusters", f"{name} needs {what} <= samples, got {clusters} for {rows}; ask for fewer"
        )


def cluster_cross_entropy(scores: Tensor, clusters: Tensor, *, temperature: float) -> Tensor:
    """Mean cross-entropy over the heads and over the rows of all ranks whose cluster is known.

    Args:
        scores: [H, B, K]. clusters: [H, B] int64 in [0, K), or UNKNOWN, which costs nothing.
        temperature: > 0; divides the scores.

    Returns:
        [] nats; ln K when every row of scores is constant, 0 when no cluster is known.
    """
    logits = at_least_float32(scores) / temperature
    here = F.cross_entropy(logits.flatten(0, 1), clusters.flatten(), ignore_index=UNKNOWN, reduction="sum")
    known = all_reduce_sum((clusters != UNKNOWN).sum().to(logits.dtype))
    return here * world() / known.clamp(min=1)


def imbalance(clusters: Tensor, count: int) -> float:
    """[...] int64 in [0, K) -> K sum n^2 / N^2 of the clusters' sizes n: 1 when all are equal, K when one has
    all."""
    sizes = torch.bincount(clusters.flatten(), minlength=count).double()
    return float(count * (sizes**2).sum() / sizes.sum() ** 2)


def perplexity(clusters: Tensor, count: int) -> float:
    """[...] int64 in [0, K) -> exp of the entropy of the clusters' shares: K when all are equal, 1 when one has all."""
    shares = torch.bincount(clusters.flatten(), minlength=count).double() / clusters.numel()
    return float((-torch.xlogy(shares, shares).sum()).exp())


def on_first_rank(work: Callable[[], None], found: Sequence[Tensor]) -> None:
    """Run `work` on the first rank; what it wrote into the tensors `found` reaches all, and so does its
    mistake.

    Raises:
        UserError: `work` raised one; on every rank, so that none waits for the others.
    """
    failure: UserError | None = None
    if rank() == 0:
        try:
            work()
        except UserError as error:
            failure = error
    if world() > 1:
        failed = torch.tensor(int(failure is not None), device=found[0].device)
        for state in (failed, *found):
            dist.broadcast(state, src=0)
        if bool(failed) and failure is None:
            failure = UserError(
                "clustering-failed-elsewhere",
                "the first rank could not cluster the samples; its message says why",
            )
    if failure is not None:
        raise failure


def in_shares(rows: int, work: Callable[[slice], Tensor]) -> Tensor:
    """[N, ...] int64, each rank having worked out a stretch of M rows: work(rows of the stretch) -> [M, ...]."""
    low, high = (rows * r // world() for r in (rank(), rank() + 1))
    own = work(slice(low, high))
    if world() == 1:
        return own
    whole = own.new_zeros(rows, *own.shape[1:])
    whole[low:high] = own
    dist.all_reduce(whole)
    return whole
