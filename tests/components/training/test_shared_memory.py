"""Collectives over shared memory against sums, extremes and concatenations that torch computes in one process."""

import os
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from components.forks import WorkerDiedError, at_once
from components.training.shared_memory import SLOT, Room, joined

SMALL = 64  # bytes of a slot: 16 float32, so that most tensors go in pieces
SHAPES = ((), (0,), (1,), (3, 5), (16,), (17,), (7, 11), (64, 3))
FLOATS = (torch.float32, torch.float64, torch.bfloat16)
DTYPES = (*FLOATS, torch.int64, torch.uint8, torch.bool)


def group(work: Callable[[int], Any], processes: int, slot: int = SMALL, timeout: float = 60) -> Any:
    """What the first of these processes returns; an assertion that fails in any of them fails here."""
    room = Room(processes, slot)

    def member(rank: int) -> Any:
        torch.set_num_threads(1)
        with joined(room, rank, timedelta(seconds=timeout)):
            return work(rank)

    return at_once(member, processes)


def values(rank: int, shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(1000 * seed + rank)
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return torch.randint(0, 2 if dtype == torch.bool else 50, shape, generator=generator).to(dtype)


def in_order(everyones: list[Tensor], op: dist.ReduceOp.RedOpType) -> Tensor:
    total, *others = everyones
    for other in others:
        if op == dist.ReduceOp.MAX:
            total = torch.maximum(total, other)
        elif op == dist.ReduceOp.MIN:
            total = torch.minimum(total, other)
        else:
            total = total + other
    return total / len(everyones) if op == dist.ReduceOp.AVG else total


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_every_operation_on_every_type_and_size(processes: int) -> None:
    def work(rank: int) -> None:
        for dtype in DTYPES:
            for number, shape in enumerate(SHAPES):
                everyones = [values(r, shape, dtype, number) for r in range(processes)]
                ops = [dist.ReduceOp.SUM, dist.ReduceOp.MAX, dist.ReduceOp.MIN]
                for op in [*ops, dist.ReduceOp.AVG] if dtype in FLOATS else ops:
                    own = everyones[rank].clone()
                    dist.all_reduce(own, op=op)
                    assert torch.equal(own, in_order(everyones, op)), (op, dtype, shape)
                parts = [torch.empty_like(own) for _ in range(processes)]
                dist.all_gather(parts, everyones[rank])
                assert all(map(torch.equal, parts, everyones)), (dtype, shape)
                root = number % processes
                own = everyones[rank].clone()
                dist.broadcast(own, root)
                assert torch.equal(own, everyones[root]), (dtype, shape)
            dist.barrier()

    group(work, processes)


def test_large_tensors_and_other_memory_orders() -> None:
    """Several pieces of the usual slot, and tensors that are no contiguous block."""

    def work(rank: int) -> None:
        large = [values(r, (3 * SLOT // 4 + 5,), torch.float32) for r in range(2)]
        own = large[rank].clone()
        dist.all_reduce(own)
        assert torch.equal(own, large[0] + large[1])
        images = [values(r, (4, 3, 5, 6), torch.float32) for r in range(2)]
        own = images[rank].clone(memory_format=torch.channels_last)
        dist.all_reduce(own)
        assert torch.equal(own, images[0] + images[1])
        turned, wide = images[rank][0, 0].T, torch.zeros(2, 12, 5)
        parts = [wide[0, ::2], wide[1, ::2]]  # [6, 5], every second row
        dist.all_gather(parts, turned)
        assert torch.equal(wide[:, ::2], torch.stack([image[0, 0].T for image in images]))
        assert not wide[:, 1::2].any()
        own = images[rank].clone()[:, ::2]
        dist.broadcast(own, 1)
        assert torch.equal(own, images[1][:, ::2])

    group(work, 2, SLOT)


def test_two_processes_get_the_bytes_that_gloo_gives_them(tmp_path: Path) -> None:
    def sums(rank: int) -> list[Tensor]:
        found = [values(rank, (1000,), dtype) for dtype in (*FLOATS, torch.int64)]
        for tensor in found:
            dist.all_reduce(tensor)
        return found

    def over_gloo(rank: int) -> list[Tensor]:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=rank, world_size=2)
        found = sums(rank)
        dist.barrier()
        dist.destroy_process_group()
        return found

    assert all(map(torch.equal, group(sums, 2), at_once(over_gloo, 2)))


def test_hundreds_of_calls_with_random_delays_stay_in_step() -> None:
    def work(rank: int) -> None:
        delays = random.Random(rank)
        for number in range(600):
            if delays.random() < 0.3:
                time.sleep(delays.choice((0, 1e-5, 1e-4, 1e-3)))
            size = 1 + 7 * number % 40
            if number % 3:
                own = torch.full((size,), float(number * (rank + 1)))
                dist.all_reduce(own)
                assert own.tolist() == [6.0 * number] * size
            else:
                parts = [torch.zeros(size) for _ in range(3)]
                dist.all_gather(parts, torch.full((size,), float(number + rank)))
                assert [part.tolist() for part in parts] == [[float(number + r)] * size for r in range(3)]

    group(work, 3)


@pytest.mark.parametrize("victim", [0, 2])
def test_the_death_of_one_ends_those_that_wait_for_it(victim: int) -> None:
    def work(rank: int) -> None:
        for number in range(50):
            if (rank, number) == (victim, 20):
                os.kill(os.getpid(), signal.SIGKILL)
            dist.all_reduce(torch.zeros(100))

    began = time.monotonic()
    with pytest.raises(WorkerDiedError, match="signal 9"):
        group(work, 3)
    assert time.monotonic() - began < 20


def test_a_process_that_does_not_come_is_reported() -> None:
    def work(rank: int) -> None:
        if rank == 0:
            dist.barrier()
        time.sleep(3)

    with pytest.raises(RuntimeError, match="kept the others waiting longer than 1 s"):
        group(work, 2, timeout=1)


@pytest.mark.parametrize("mistake", ["shape", "collective"])
def test_processes_that_call_different_things_are_told(mistake: str) -> None:
    def work(rank: int) -> None:
        if mistake == "collective" and rank:
            dist.broadcast(torch.zeros(4), 0)
        else:
            dist.all_reduce(torch.zeros(4 + rank))

    with pytest.raises(RuntimeError, match="same collectives with equal shapes"):
        group(work, 2)


def test_another_operation_is_refused() -> None:
    with pytest.raises(RuntimeError, match="SUM, AVG, MIN or MAX"):
        group(lambda rank: dist.all_reduce(torch.ones(3), op=dist.ReduceOp.PRODUCT), 2)


def test_a_process_that_waits_does_not_use_the_core() -> None:
    def work(rank: int) -> float:
        dist.barrier()
        if rank == 1:
            time.sleep(1)
        used = time.process_time()
        dist.barrier()
        return time.process_time() - used

    assert group(work, 2) < 0.1
