"""Checkpoints that survive a power cut, and the encoder alone for everyone else.

A checkpoint is written beside its name, flushed to the disk and renamed; the last two are kept, so that there
is always one to fall back to. It loads with torch.load(weights_only=True): tensors and plain values, no code.
"""

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import nn

from components.crash import point
from components.encoders.lora import merged
from components.files import write_atomically

KEEP = 2


def save_checkpoint(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write `state` as the checkpoint of `step` and remove all but the last two."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name_of(step)
    plain = canonical(state)

    def write(stream: BinaryIO) -> None:
        torch.save(plain, stream)
        point("train.checkpoint")

    write_atomically(file, write)
    for old in checkpoints(folder)[:-KEEP]:
        old.unlink()
    for half in folder.glob(".step-*.tmp"):  # what an earlier process was killed over
        half.unlink()
    return file


def canonical(value: Any) -> Any:
    """The same values, with equal strings made one object: pickle tells one string from two equal ones."""
    if isinstance(value, dict):
        return {canonical(key): canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(canonical(item) for item in value)
    return sys.intern(value) if isinstance(value, str) else value


def name_of(step: int) -> str:
    """The file name of the checkpoint after `step` steps."""
    return f"step-{step:09d}.pt"


def checkpoints(folder: Path) -> list[Path]:
    """The finished checkpoints, oldest first."""
    return sorted(folder.glob("step-*.pt"))


def load_checkpoint(folder: Path, device: torch.device, say: Callable[[str], None]) -> dict[str, Any] | None:
    """The newest checkpoint that can be read, None if there is none; `say` hears of each that cannot."""
    for file in reversed(checkpoints(folder)):
        try:
            with zipfile.ZipFile(file) as archive:
                torn = archive.testzip()  # torch.load itself does not look at the checksums
                if torn is not None:
                    raise zipfile.BadZipFile(f"wrong checksum of {torn}")
            state: dict[str, Any] = torch.load(
                file, map_location=device, weights_only=True, mmap=device.type == "cpu"
            )
            return state
        except Exception as error:  # torn: BadZipFile, RuntimeError, UnpicklingError, KeyError, OSError
            say(f"checkpoint {file.name} cannot be read ({error!s:.80}); falling back to the one before it")
    return None


def processes_of(folder: Path) -> int | None:
    """How many processes wrote the newest checkpoint that can be read; None where there is none."""
    state = load_checkpoint(folder, torch.device("cpu"), lambda text: None)
    return None if state is None else max(1, len(state["own"]))


def export_encoder(file: Path, encoder: nn.Module) -> None:
    """The encoder's weights and buffers as safetensors, low-rank deltas merged: same weights, same bytes."""
    from safetensors.torch import save  # here: training itself runs on torch alone

    tensors = {name: value.detach().cpu().contiguous() for name, value in merged(encoder).items()}
    data = save(tensors)
    write_atomically(file, lambda stream: stream.write(data))
