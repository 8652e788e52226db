"""The rule by which hyperparameters follow the amount of data, the batch and the time there is.

Sources: learning rate, linear in the batch for SGD and LARS (Goyal et al. 2017, arXiv:1706.02677), by its
root for Adam (Malladi et al. 2022, arXiv:2205.10287); prototypes, queue and freeze: SwAV's own (Caron et al.
2020, arXiv:2006.09882, with its code) and what its authors advise for small data (threads 23, 37 and 62 of its
code): about three a class, 10 to 300, a longer freeze, a smaller epsilon; momentum of a teacher: byol's rule.
On 1,437 digits (30 prototypes, 12 epochs, one seed) epsilon .03 gave kNN .928 to .931, .05 gave .800 to .808, the
freeze of a tenth or a fiftieth no difference.
The queues of MoCo and NNCLR follow the samples by themselves: components.objectives.parts.queue. Everything here is a
place to begin: `selfsup choose` measures.
Letters: N training samples, B batch, K prototypes, C classes.
"""

import math
from dataclasses import dataclass
from typing import Literal

REFERENCE = 256  # B at which the base rates hold
BASE = {"adamw": 2e-3, "sgd": 0.05, "lars": 0.3}  # learning rate there
MANY = 500_000  # samples from which on a larger batch and the published numbers of prototypes fit
BALANCE = 4 / 3  # samples a prototype that codes are balanced over: SwAV's 4096 for 3000
FROZEN = 313  # steps for which SwAV's prototypes stay put
STEPS = 1000  # that an objective needs at least (docs/log.md: SimCLR on glyphs, 500 / 1,000 / 1,500 steps)
MEMORY = 10  # times a teacher's memory, 1 / (1 - momentum) steps, fits into a training


@dataclass(frozen=True)
class Numbers:
    """What objectives take. queue: beside prototypes, 0 for none. freeze: of prototypes, share of the training.
    epsilon: of Sinkhorn. momentum: of a teacher at the start."""

    prototypes: int
    queue: int
    freeze: float
    epsilon: float
    momentum: float


@dataclass(frozen=True)
class Defaults:
    """steps: in all. seconds: they take, as far as the speed given is true."""

    batch_size: int
    epochs: int
    steps: int
    seconds: float
    numbers: Numbers


def defaults(
    samples: int, *, classes: int | None, speed: float, seconds: float, least: int = 5, most: int = 400
) -> Defaults:
    """For N = `samples`.

    A small set is visited often enough for STEPS steps, if that takes no more than twice the seconds.

    Args:
        classes: C that are expected; None if nobody knows.
        speed: samples a second that the machine trains on.
        seconds: to spend; epochs fill them, but are at least `least` and at most `most`.

    Known values, for 10 classes at 1,000 samples a second and 300 seconds: 5,000 samples: batch 256, 60
    epochs, 30 prototypes, no queue, prototypes frozen for .1, epsilon .03, momentum .991; 5 million: batch 1024,
    5 epochs (7 hours), 300 prototypes, no queue, frozen for .0128, epsilon .05, momentum .996.
    """
    batch = batch_of(samples)
    filled, each = speed * seconds / max(1, samples), max(1, samples // batch)
    wanted = max(round(filled), min(math.ceil(STEPS / each), round(2 * filled)))
    epochs = max(least, min(most, wanted))
    return Defaults(
        batch_size=batch,
        epochs=epochs,
        steps=epochs * each,
        seconds=epochs * samples / speed,
        numbers=numbers(samples, classes=classes, batch=batch, epochs=epochs),
    )


def numbers(samples: int, *, classes: int | None, batch: int, epochs: int) -> Numbers:
    """For N = `samples` in so many epochs of batches of B = `batch`."""
    steps = epochs * max(1, samples // batch)
    prototypes = prototypes_of(samples, classes)
    return Numbers(
        prototypes=prototypes,
        queue=queue_of(samples, batch, prototypes),
        freeze=round(min(0.1, FROZEN / steps), 4),
        epsilon=0.05 if samples >= MANY else 0.03,
        momentum=round(min(0.996, max(0.9, 1 - MEMORY / steps)), 4),
    )


def batch_of(samples: int) -> int:
    """B: 256 (1024 from half a million samples on), halved until an epoch has 8 steps, 8 at least."""
    batch = 1024 if samples >= MANY else 256
    while batch > 8 and batch * 8 > samples:
        batch //= 2
    return batch


def learning_rate(optimiser: Literal["adamw", "sgd", "lars"], batch: int) -> float:
    """base * sqrt(B / 256) for AdamW, base * B / 256 for SGD and LARS; two digits."""
    ratio = batch / REFERENCE
    exact = BASE[optimiser] * (math.sqrt(ratio) if optimiser == "adamw" else ratio)
    return float(f"{exact:.2g}")


def prototypes_of(samples: int, classes: int | None) -> int:
    """K: three a class; 10 to 300, with much data 300 to 3000. Classes unknown: the root of N in those bounds."""
    low, high = (300, 3000) if samples >= MANY else (10, 300)
    return max(low, min(high, 3 * classes if classes else math.isqrt(samples)))


def queue_of(samples: int, batch: int, prototypes: int) -> int:
    """Whole batches that, with the one at hand, make 4/3 samples a prototype; none where the batch does
    already, and never more than a quarter of the samples. SwAV's 3840 for K = 3000, B = 256."""
    wanted = math.ceil((BALANCE * prototypes - batch) / batch)
    return batch * max(0, min(wanted, samples // 4 // batch))
