"""Two processes that compute together over gloo: a test file, run as a script, is each of them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

ROOT = str(Path(__file__).resolve().parent.parent)


def two_processes(script: str, folder: Path) -> list[Any]:
    """What each of the two has traced. script: a file that ends in `if __name__ == "__main__": be_a_rank(...)`"""
    environ = {**os.environ, "PYTHONPATH": ROOT, "GLOO_SOCKET_IFNAME": "lo"}
    logs, children = [folder / "0.log", folder / "1.log"], []
    for rank, log in enumerate(logs):
        with log.open("w") as errors:
            command = [sys.executable, script, str(folder), str(rank)]
            children.append(subprocess.Popen(command, env=environ, stderr=errors))
    try:
        for child, log in zip(children, logs, strict=True):
            assert child.wait(timeout=300) == 0, log.read_text()
    finally:
        for child in children:
            child.kill()
            child.wait()
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def be_a_rank(trace: Callable[[int, int], Any]) -> None:
    """trace: (rank, world) -> tensors and plain values."""
    folder, rank = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.save(trace(rank, 2), folder / f"{rank}.pt")
    dist.destroy_process_group()
