"""The order in which training sees its samples: a pure function of seed and epoch, with a position to resume.

Every rank computes the same global order and takes its own contiguous slice of each global batch, so two
processes together see exactly the batches that one would.

Letters: N rows of the data set, M rows that an epoch visits, B rows of a global batch, W processes.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from components.errors import UserError


def order(rows: int, seed: int, epoch: int) -> Tensor:
    """[rows] int64: a permutation of 0..rows-1 that depends on rows, seed and epoch and on nothing else."""
    digest = hashlib.sha256(f"{seed} {epoch}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
    return torch.randperm(rows, generator=generator)


class Loader:
    """Batches of row numbers, epoch after epoch.

        loader = Loader(rows=16000, batch_size=256, seed=0)
        while loader.epoch < epochs:
            if loader.step == 0:
                loader.visit(objective.epoch_rows(...))    # optional: which rows this epoch sees
            for index in loader:                           # what is left of the epoch; then the epoch is over
                ...                                        # state_dict() here counts this batch as done

    The position counts batches handed out: a state taken while one is worked on resumes with the next.
    """

    def __init__(
        self, rows: int, batch_size: int, seed: int, drop_last: bool = True, rank: int = 0, world: int = 1
    ) -> None:
        """rows: N. batch_size: B, of all processes together.

        Raises:
            UserError: no rows, a batch larger than the data (with drop_last), or one that W does not divide.
        """
        if rows < 1:
            raise UserError(
                "no-samples", "a loader needs at least one sample and got none; deliver data first"
            )
        if batch_size < 1 or batch_size % world:
            raise UserError(
                "batch-not-divisible",
                f"batch_size must be a positive multiple of the number of processes {world}, got {batch_size}",
            )
        assert 0 <= rank < world
        self.rows, self.batch_size, self.seed, self.drop_last = rows, batch_size, seed, drop_last
        self.rank, self.world = rank, world
        self.epoch, self.step = 0, 0
        self._visited: Tensor | None = None
        self._check(rows)

    @property
    def position(self) -> tuple[int, int]:
        """(epoch, step) of the next batch."""
        return self.epoch, self.step

    @property
    def steps(self) -> int:
        """Batches in the current epoch, from its start."""
        count = self.rows if self._visited is None else len(self._visited)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def visit(self, rows: Tensor | None) -> None:
        """Say which rows the current epoch visits: [M] int64, repeats allowed; None is every row once.

        Before the epoch's first batch only. The choice is part of the state, so a resumed epoch keeps it.
        """
        assert self.step == 0, "an epoch's rows cannot change in its middle"
        if rows is not None:
            rows = rows.detach().to("cpu", torch.int64)
            self._check(len(rows))
            assert bool(((rows >= 0) & (rows < self.rows)).all()), "a row that the data set has not"
        self._visited = rows

    def epoch_order(self, epoch: int, rows: Tensor | None = None) -> Tensor:
        """[N] or [M] int64: the rows of an epoch in the order they are seen; pure in seed, epoch and rows."""
        if rows is None:
            return order(self.rows, self.seed, epoch)
        return rows[order(len(rows), self.seed, epoch)]

    def remaining(self) -> Iterator[Tensor]:
        """This rank's batches from the position to the end of the epoch; does not move the position."""
        sequence, first, steps = self.epoch_order(self.epoch, self._visited), self.step, self.steps
        for step in range(first, steps):
            batch = sequence[step * self.batch_size : (step + 1) * self.batch_size]
            start, stop = (len(batch) * r // self.world for r in (self.rank, self.rank + 1))
            yield batch[start:stop]

    def advance(self) -> None:
        """One batch has been handed out."""
        self.step += 1

    def finish(self) -> None:
        """The epoch is over: on to the next, which visits every row unless told otherwise."""
        self.epoch, self.step, self._visited = self.epoch + 1, 0, None

    def __iter__(self) -> Iterator[Tensor]:
        for index in self.remaining():
            self.advance()
            yield index
        self.finish()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next batch depends on; loads with torch.load(weights_only=True)."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "visited": self._visited,
            "rows": self.rows,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "drop_last": self.drop_last,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where the state was taken. The number of processes may differ: global batches stay the same.

        Raises:
            UserError: the state is of other data, another batch size or another seed.
        """
        for key in ("rows", "batch_size", "seed", "drop_last"):
            if state[key] != getattr(self, key):
                raise UserError(
                    "checkpoint-of-other-training",
                    f"the checkpoint was written with {key} {state[key]} and this run has "
                    f"{getattr(self, key)}: resume with the same value or start afresh",
                )
        self.epoch, self.step, self._visited = int(state["epoch"]), int(state["step"]), state["visited"]

    def _check(self, rows: int) -> None:
        if self.drop_last and rows < self.batch_size:
            raise UserError(
                "batch-too-large",
                f"an epoch of {rows} samples has no full batch of {self.batch_size}: "
                f"set batch_size to {rows} or less",
            )
