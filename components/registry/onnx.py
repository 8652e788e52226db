"""The encoder as ONNX: a clean view [B, ...] -> feature [B, D], any B; checked against torch.

Two exporters: the one through TorchScript takes half a second and is announced to go; the one through
torch.export takes ten, most of it imports. The first is tried, the second is what remains where it fails.
"""

import re
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from components.encoders.base import Encoder
from components.errors import UserError

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TOLERANCE = 1e-4  # largest difference of a feature, relative to the largest feature where that is above 1


def export_encoder(encoder: Encoder, view: Tensor, file: Path) -> float:
    """Write `file` and return the largest difference from torch on batches of 1 and 5.

    view: a clean view [n, ...] of some samples; the input is called by the modality's name.

    Raises:
        UserError: the encoder cannot be exported, or differs by more than TOLERANCE.
    """
    encoder = encoder.eval()
    example = _batch(view, 2)
    failed = ""
    for export in (_through_script, _through_export):
        try:
            export(encoder, example, file)
            error = difference(encoder, view, file)
        except Exception as problem:  # either exporter raises what it likes
            failed = f"{type(problem).__name__}: {_sentence(str(problem))}"
            continue
        if error <= TOLERANCE:
            return error
        failed = f"features differ by {error:.2g}, at most {TOLERANCE:.0e} is right"
    file.unlink(missing_ok=True)
    raise UserError(
        "onnx-export-failed",
        f"this encoder cannot be exported to ONNX ({failed}); set `onnx: false` in register",
    )


def _sentence(text: str) -> str:
    """The first sentence of what an exporter says, without the colours of a terminal."""
    first = COLOUR.sub("", text.strip()).partition("\n")[0]
    return first.partition(". ")[0].rstrip(".:")


def difference(encoder: Encoder, view: Tensor, file: Path) -> float:
    """Largest difference between onnxruntime and torch, at batches of 1 and 5."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in (1, 5):
        x = _batch(view, batch)
        with torch.inference_mode():
            expected = encoder(x).numpy()
        found = session.run(None, {encoder.packing.name: x.numpy()})[0]
        if found.shape != expected.shape:
            raise ValueError(f"features of shape {expected.shape} needed, got {found.shape}")
        gap = np.abs(found - expected).max() / max(1.0, float(np.abs(expected).max()))
        worst = max(worst, float(gap)) if np.isfinite(gap) else float("inf")
    return worst


def _batch(view: Tensor, size: int) -> Tensor:
    """So many samples of a view, repeated where it has fewer."""
    return view[torch.arange(size) % len(view)]


def _through_script(encoder: Encoder, example: Tensor, file: Path) -> None:
    name = encoder.packing.name
    axes = {name: {0: "batch"}, "feature": {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says of itself that it will go
        torch.onnx.export(
            encoder,
            (example,),
            str(file),
            dynamo=False,
            input_names=[name],
            output_names=["feature"],
            dynamic_axes=axes,
        )


def _through_export(encoder: Encoder, example: Tensor, file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            encoder,
            (example,),
            dynamo=True,
            input_names=[encoder.packing.name],
            output_names=["feature"],
            dynamic_shapes=({0: "batch"},),
            verbose=False,
        )
    assert program is not None
    program.save(str(file))
