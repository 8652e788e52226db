"""A torch.distributed process group for the forked processes of one machine, over memory that they share.

Each process copies its tensor into its own slot, all wait for each other, and each reads the others' slots. There are
two sets of slots, used in turn: who writes to one set has passed the wait in which everybody finished reading it, so
one wait a collective is enough. Tensors larger than a slot go in pieces.

Source of the wait: the dissemination barrier (Hensgen, Finkel and Manber 1988, "Two algorithms for barrier
synchronization"): in round k process r signals process r + 2^k and waits for r - 2^k, log2 W rounds for W processes. A
signal is a semaphore with one sender and one receiver; it orders memory on every architecture and cannot be lost.
Differs from gloo: no sockets, no threads; tens of microseconds a collective instead of a millisecond. Sums run in order
of rank, so every process gets the same bytes.
Letters: W processes.
"""

import mmap
import multiprocessing
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.synchronize import Semaphore
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

NAME = "shared_memory"
SLOT = 1 << 20  # bytes; pieces of this size stay in a core's cache
HEADER = struct.Struct("=qqq")  # which collective, bytes in all, number of the collective
SPIN = 50e-6  # seconds of looking for a signal before sleeping: about what it takes to wake up
REDUCE, GATHER, BROADCAST, BARRIER = range(4)


class Room:
    """Memory and semaphores of one group; made before the fork."""

    def __init__(self, processes: int, slot: int = SLOT) -> None:
        """slot: bytes, a multiple of 8."""
        fork = multiprocessing.get_context("fork")
        self.processes, self.slot = processes, slot
        self.headers = mmap.mmap(-1, 2 * processes * HEADER.size)
        self.slots = mmap.mmap(-1, 2 * processes * slot)
        rounds = (processes - 1).bit_length()
        self.signals = [[fork.Semaphore(0) for _ in range(rounds)] for _ in range(processes)]


@contextmanager
def joined(room: Room, rank: int, timeout: timedelta) -> Iterator[None]:
    """Within it this process is one of the room's group. All must leave it together."""
    dist.Backend.register_backend(NAME, _create, extended_api=True, devices=["cpu"])
    store = dist.HashStore()  # type: ignore[attr-defined]
    dist.init_process_group(
        NAME, store=store, rank=rank, world_size=room.processes, timeout=timeout, pg_options=room
    )
    yield
    dist.destroy_process_group()


def _create(options: Any, room: Room) -> "Group":
    return Group(room, options.group_rank, options.timeout.total_seconds())


class Group(dist.ProcessGroup):
    """all_reduce (SUM, AVG, MIN, MAX), all_gather of equal shapes, broadcast and barrier, each done when it returns.

    Raises:
        RuntimeError: the processes called different collectives or brought different shapes, or one kept the others
        waiting longer than `timeout` seconds.
    """

    def __init__(self, room: Room, rank: int, timeout: float) -> None:
        super().__init__(rank, room.processes)  # type: ignore[call-arg]
        self.room, self.number, self.timeout, self.calls = room, rank, timeout, 0
        own, size = room.signals, room.processes
        self.heard = own[rank]
        self.told = [own[(rank + (1 << k)) % size][k] for k in range(len(self.heard))]
        self.parity = 0
        self.views: dict[torch.dtype, list[list[Tensor]]] = {}
        done: torch.futures.Future[list[Tensor]] = torch.futures.Future()
        done.set_result([])
        self.finished = torch._C._distributed_c10d._create_work_from_future(done)  # type: ignore[attr-defined]

    def getBackendName(self) -> str:  # noqa: N802
        return NAME

    def allreduce(self, tensors: Any, opts: Any = None) -> Any:  # type: ignore[override]
        op = dist.ReduceOp.SUM if opts is None else opts.reduceOp
        for tensor in tensors:
            flat = tensor.detach().contiguous().view(-1)
            for start, stop, slots in self._pieces(REDUCE, flat):
                reduce_in_order(slots, op, flat[start:stop])
            _give_back(flat, tensor)
        return self.finished

    def allgather(self, outputs: Any, inputs: Any, opts: Any = None) -> Any:
        for parts, tensor in zip(outputs, inputs, strict=True):
            flats = [part.detach().contiguous().view(-1) for part in parts]
            for start, stop, slots in self._pieces(GATHER, tensor.detach().contiguous().view(-1)):
                for flat, slot in zip(flats, slots, strict=True):
                    flat[start:stop].copy_(slot)
            for flat, part in zip(flats, parts, strict=True):
                _give_back(flat, part)
        return self.finished

    def broadcast(self, tensors: Any, opts: Any) -> Any:  # type: ignore[override]
        root = opts.rootRank
        for tensor in tensors:
            flat = tensor.detach().contiguous().view(-1)
            for start, stop, slots in self._pieces(BROADCAST, flat, self.number == root):
                if self.number != root:
                    flat[start:stop].copy_(slots[root])
            _give_back(flat, tensor)
        return self.finished

    def barrier(self, opts: Any = None) -> Any:
        self._announce(BARRIER, 0)
        self._meet(check=True)
        return self.finished

    def _pieces(
        self, collective: int, flat: Tensor, brings: bool = True
    ) -> Iterator[tuple[int, int, list[Tensor]]]:
        """(start, stop, everybody's slot of that piece) of a flat tensor, in order of rank."""
        slots = self._slots(flat.dtype)
        length = self.room.slot // flat.element_size()
        self._announce(collective, flat.nbytes)
        for start in range(0, max(1, len(flat)), length):
            stop = min(start + length, len(flat))
            piece = [slot[: stop - start] for slot in slots[self.parity]]
            if brings:
                piece[self.number].copy_(flat[start:stop])
            self._meet(check=start == 0)
            yield start, stop, piece

    def _slots(self, dtype: torch.dtype) -> list[list[Tensor]]:
        """[parity][rank] -> the slot as a flat tensor of that dtype."""
        if dtype not in self.views:
            whole = torch.frombuffer(self.room.slots, dtype=dtype).view(2, self.room.processes, -1)
            self.views[dtype] = [list(half) for half in whole]
        return self.views[dtype]

    def _announce(self, collective: int, size: int) -> None:
        self.calls += 1
        self.own = HEADER.pack(collective, size, self.calls)
        start = (self.parity * self.room.processes + self.number) * HEADER.size
        self.room.headers[start : start + HEADER.size] = self.own

    def _meet(self, check: bool) -> None:
        """Wait for all others, then turn to the other set of slots. check: that they announced the same collective."""
        for told, heard in zip(self.told, self.heard, strict=True):
            told.release()
            if not self._arrived(heard):
                raise RuntimeError(f"a process kept the others waiting longer than {self.timeout:.0f} s")
        start, size = self.parity * self.room.processes * HEADER.size, self.room.processes * HEADER.size
        if check and self.room.headers[start : start + size] != self.own * self.room.processes:
            raise RuntimeError("the processes of a group must call the same collectives with equal shapes")
        self.parity = 1 - self.parity

    def _arrived(self, signal: Semaphore) -> bool:
        if signal.acquire(block=False):
            return True
        until = time.perf_counter() + SPIN
        while time.perf_counter() < until:
            if signal.acquire(block=False):
                return True
        return signal.acquire(timeout=self.timeout)


def reduce_in_order(parts: list[Tensor], op: Any, out: Tensor) -> None:
    """out <- ((parts[0] op parts[1]) op parts[2]) ...

    Args:
        parts: W tensors of one shape and dtype. op: SUM, AVG, MIN or MAX. out: of their shape and dtype.
    """
    mean = op == dist.ReduceOp.AVG
    if mean or op == dist.ReduceOp.SUM:
        combine: Any = torch.add
    elif op == dist.ReduceOp.MAX:
        combine = torch.maximum
    elif op == dist.ReduceOp.MIN:
        combine = torch.minimum
    else:
        raise RuntimeError(f"{NAME} reduces by SUM, AVG, MIN or MAX, got {op}")
    first, *others = parts
    if not others:
        out.copy_(first)
    for number, part in enumerate(others):
        combine(out if number else first, part, out=out)
    if mean:
        out.div_(len(parts))


def _give_back(flat: Tensor, tensor: Tensor) -> None:
    """Where `flat` was a copy because `tensor` is not contiguous, the values go where they belong."""
    if flat.data_ptr() != tensor.data_ptr():
        tensor.detach().copy_(flat.view(tensor.shape))
