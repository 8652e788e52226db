"""A teacher for distillation: an encoder's random weights in a file of this process."""

import tempfile
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import save_file

from components.encoders import build_encoder
from components.encoders.start import Start, digest


@cache
def _folder():
    return tempfile.TemporaryDirectory(prefix="selfsup-teacher-")


def teacher(config, packing, seed=7):
    """The configuration with a `start`: the same weights in every process."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = build_encoder(config, packing)
    written = Path(_folder().name) / "written"
    save_file(encoder.state_dict(), written)
    found = digest(written)
    file = written.rename(written.with_name(f"{found}.safetensors"))
    return config.model_copy(update={"start": Start(weights=str(file), sha256=found)})
