"""Notices that a training has become slow, and finds out why, as far as the system shows it.

Linux: /proc/self/schedstat (time spent waiting for a core), /proc/vmstat, /proc/meminfo; elsewhere only the load.
"""

import os
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

import torch

from components.cores import available
from components.errors import coded

RECENT = 5.0  # seconds that must be slow, and as many that must have been faster before
WAITING = 0.25  # share of the time that this process waited for a core or for data
PROC = Path("/proc")


class Reading(NamedTuple):
    """Counters since the start of process and machine. waited: seconds for a core. swapped: pages read back."""

    at: float
    waited: float
    swapped: int


class Look(NamedTuple):
    """What passed since the look before. data: seconds waiting for data. before: the counters when it began."""

    seconds: float
    samples: int
    data: float
    before: Reading


class Slowdown:
    """Give it the speed now and then; it returns one sentence, once, when that has fallen below half."""

    def __init__(self) -> None:
        self.recent = deque[Look]()
        self.seconds, self.samples = 0.0, 0  # of all looks before the recent ones
        self.last, self.warned = read(), False

    def seen(self, seconds: float, samples: int, data: float) -> str | None:
        """The warning, if it is time for it.

        Args:
            seconds: since the last call. samples: trained on in them. data: of these seconds, waiting for data.
        """
        self.recent.append(Look(seconds, samples, data, self.last))
        self.last = read()
        taken = sum(look.seconds for look in self.recent)
        while taken - self.recent[0].seconds >= RECENT:
            old = self.recent.popleft()
            taken -= old.seconds
            self.seconds, self.samples = self.seconds + old.seconds, self.samples + old.samples
        if self.warned or taken < RECENT or self.seconds < RECENT:
            return None
        now, earlier = sum(look.samples for look in self.recent) / taken, self.samples / self.seconds
        if now >= 0.5 * earlier:
            return None
        self.warned = True
        reason = self._cause(self.recent[0].before, sum(look.data for look in self.recent) / taken)
        text = f"training has slowed down to {now:.0f} of {earlier:.0f} samples a second: {reason}"
        return f"warning {coded('training-slowed-down', text)}"

    def _cause(self, since: Reading, data: float) -> str:
        return cause(
            swapped=self.last.swapped - since.swapped,
            memory=memory_left(PROC),
            data=data,
            waited=(self.last.waited - since.waited) / max(self.last.at - since.at, 1e-9),
            load=os.getloadavg()[0],
            cores=available(),
            threads=torch.get_num_threads(),
        )


def cause(
    *, swapped: int, memory: float, data: float, waited: float, load: float, cores: int, threads: int
) -> str:
    """Why a training is slow, and what to do.

    Args:
        swapped: pages read back from the swap space. memory: share that is free. data, waited: shares of the time
            that were spent waiting for data and for a core. load: processes that want a core. threads: of this one.
    """
    if swapped:
        return "memory is being swapped to disk; end other programs or use a smaller batch_size"
    if memory < 0.05:
        return f"{memory:.0%} of the memory is left; end other programs or use a smaller batch_size"
    if data > WAITING:
        return f"{data:.0%} of the time it waits for data; put SELFSUP_HOME on a faster disk"
    if waited > WAITING or load > cores + 0.5:
        text = f"other programs use the {cores} cores (load {load:.1f})"
        if threads > 1:
            return f"{text} and {threads} threads of this process wait for each other; set OMP_NUM_THREADS=1"
        return f"{text}; it goes on at this speed until they end"
    return "no cause was found (not memory, data or other programs; perhaps the processor is throttled)"


def read() -> Reading:
    """The counters now; 0 where the system has none."""
    return Reading(time.perf_counter(), _waited(PROC), _swapped(PROC))


def memory_left(proc: Path) -> float:
    """Share of the machine's memory that is free, 1 where that is unknown."""
    try:
        lines = dict(line.split(":", 1) for line in (proc / "meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) / int(lines["MemTotal"].split()[0])
    except (OSError, KeyError, ValueError):
        return 1.0


def _waited(proc: Path) -> float:
    try:
        return int((proc / "self" / "schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _swapped(proc: Path) -> int:
    try:
        lines = (line.split() for line in (proc / "vmstat").read_text().splitlines())
        return next((int(value) for name, value in lines if name == "pswpin"), 0)
    except OSError:
        return 0
