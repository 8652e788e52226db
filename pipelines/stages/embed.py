"""Features of every sample of the snapshot by the pretrained encoder, in row order.

Ranges of rows travel, not pixels: each worker reads the packed array and writes its rows of the result
itself.
Letters: N samples, D feature size, B samples at once, C channels, S side in pixels.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import PositiveInt

from components.config import Config
from components.crash import point
from components.errors import UserError
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest
from pipelines.inference.ranges import Range, Report, cut, over_ranges
from pipelines.inference.samples import samples_of

if TYPE_CHECKING:
    from components.training.device import Precision

VERSION = 1
RANGE = 4  # batches a task: small enough to follow and to share out, large enough to cost nothing


class Request(Config):
    """What the stage embed is given."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    pretrain: str
    """Reference of the finished pretrain; the run fills it in."""

    batch_size: PositiveInt = 512
    """Samples in each batch."""


class Output(Config):
    """features: float32 [N, D], row i is row i of the snapshot. seconds: of computing; start-up: of the workers."""

    features: Artifact
    samples: int
    dim: int
    samples_per_second: float
    seconds: float
    startup_seconds: float


def run(request: Request, folder: Path, context: Context) -> Output:
    began = time.perf_counter()
    snapshot = read_manifest(request.snapshot, context.store).output
    pretrain = read_manifest(request.pretrain, context.store).output
    samples = samples_of(request.snapshot, snapshot, context)
    rows, dim = int(snapshot["samples"]), int(pretrain["feature_dim"])
    if rows == 0:
        raise UserError(
            "no-samples", "there are no samples to embed: the snapshot is empty; deliver some to the inbox"
        )
    file = folder / "features.npy"
    np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(rows, dim)).flush()
    work = {
        "weights": str(context.file(request.pretrain, Artifact.model_validate(pretrain["encoder"]))),
        "encoder": {key: pretrain[key] for key in ("encoder_config", "packing")},
        "samples": samples.model_dump(mode="json"),
        "features": str(file),
        "batch_size": request.batch_size,
        "device": context.settings.device,
        "precision": read_manifest(request.pretrain, context.store).request["train"]["precision"],
    }
    ranges = cut(0, rows, request.batch_size * RANGE)
    done, first, last = 0, 0.0, 0.0
    for part in over_ranges(Embedder, ranges, work, context.settings):
        done += int(part["rows"])
        first = min(first or float(part["began"]), float(part["began"]))
        point("embed.range")
        last = max(last, float(part["ended"]))
        speed = done / max(last - first, 1e-9)
        context.progress(done / rows, f"{done} of {rows} samples · {speed:.0f} samples/s")
    seconds = max(last - first, 1e-9)
    return Output(
        features=Artifact.of(file, folder),
        samples=rows,
        dim=dim,
        samples_per_second=rows / seconds,
        seconds=seconds,
        startup_seconds=time.perf_counter() - began - seconds,
    )


class Embedder:
    """One worker: the encoder loaded once, then range after range."""

    def __init__(self, work: Mapping[str, Any]) -> None:
        from components.modalities.samples import Samples
        from components.training.device import place
        from pipelines.inference.encoder import load_encoder

        precision: Precision = work["precision"]
        self.placement = place(work["device"], precision)
        encoder = load_encoder(work["encoder"], Path(work["weights"]))
        self.encoder = self.placement.put(encoder).eval()
        samples = Samples.model_validate(work["samples"])
        self.packed, self.views = samples.open(), samples.views
        self.features, self.batch_size = Path(work["features"]), int(work["batch_size"])

    def __call__(self, part: Range) -> Report:
        """Writes the rows of one range; reports how many rows, and when it began and ended (unix time)."""
        import torch

        began = time.time()
        out = np.load(self.features, mmap_mode="r+")
        start, stop = part["start"], part["stop"]
        with torch.inference_mode(), self.placement.autocast():
            for first in range(start, stop, self.batch_size):
                index = torch.arange(first, min(first + self.batch_size, stop))
                view = self.views.clean(self.packed.gather(index).to(self.placement.device))
                out[first : first + len(index)] = self.encoder(view).float().cpu().numpy()
        out.flush()
        return {"rows": stop - start, "began": began, "ended": time.time()}
