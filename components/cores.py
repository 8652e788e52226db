"""How many cores there are to compute on, and one thread for each process that does.

Threads inside an operator wait for each other after every operator, several hundred times a training step: one
busy program beside them costs a time slice at each of these barriers. Processes that share a batch wait once a
step (measured: docs/architecture.md). So every process that computes has one thread, and work is spread over
processes (components.forks).
"""

import ctypes
import math
import os
import sys
from pathlib import Path

# Read by OpenMP (torch, faiss, pyarrow's pool), OpenBLAS, MKL, Accelerate and numexpr when they are loaded.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
}
CGROUPS = Path("/sys/fs/cgroup")
KEPT = 64 << 20  # bytes of freed memory that a process keeps for its next step or batch
LARGE = (
    32 << 20
)  # bytes of a block that goes straight back to the system all the same, as glibc's default has it
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def available() -> int:
    """Cores that this process may use: those of its affinity, and no more than its cgroup's quota, rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        own = Path("/proc/self/cgroup").read_text()
    except OSError:  # not Linux
        return cores
    return max(1, math.ceil(min(cores, quota(CGROUPS, own))))


def keep_freed_memory() -> None:
    """Have glibc keep up to KEPT bytes that are freed, for the rest of this process; elsewhere it does nothing.

    A training step, and ingest's next batch of files, need again what the last one freed. Given back to the system and
    fetched anew, that is a page fault for every 4 KiB: about a thousand a step of the quickstart (measured:
    docs/log.md).
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE)
        mallopt(M_TRIM_THRESHOLD, KEPT)


def quota(root: Path, own: str) -> float:
    """CPUs that the cgroups of a process grant it, infinity where none limits it.

    Args:
        root: where cgroups are mounted. own: text of /proc/self/cgroup. A group's ancestors limit it too; in a
            container its own group is often mounted as the root.
    """
    granted = math.inf
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / controllers if controllers else root
        group = top / path.strip("/")
        for folder in (group, *group.parents):
            granted = min(granted, _limit(folder))
            if folder == top:
                break
    return granted


def _limit(group: Path) -> float:
    """CPUs by cpu.max (version 2) or cpu.cfs_quota_us and cpu.cfs_period_us (version 1)."""
    try:
        limit, period = (group / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            limit, period = (
                (group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period")
            )
        except OSError:
            return math.inf
    return float(limit) / float(period) if limit not in ("max", "-1") else math.inf
