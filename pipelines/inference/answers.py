"""What a model finds in rows of a packed array: predictions, with features and distances.

A range's answers are a file of their own, written whole or not at all, so a run that was killed goes on where it
stopped. Computed in float32 whatever the training computed in: so it answers where it is served.
Letters: M rows asked about, B at once, D features.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.arrays import Ints
from components.files import write_atomically
from pipelines.engine.context import Context
from pipelines.inference.ranges import Range, Report, over_ranges

if TYPE_CHECKING:  # torch, 1 to 3 s that the asking process need not wait for
    from torch import Tensor

    from components.modalities.samples import Samples

RANGE = 16  # batches a task


Answers = Mapping[str, NDArray[Any]]
"""What the model's task finds (components.registry.served: see), [M, ...] by name, as float32 or as it is; features
[M, D]; outliers [M] distance from all that was learnt from, NaN where the model does not know it."""


def answer(
    rows: Ints,
    ranges: Sequence[dict[str, int]],
    *,
    model: Path,
    sha256: Mapping[str, str],
    samples: "Samples",
    folder: Path,
    context: Context,
    batch_size: int,
) -> float:
    """Write the answers on the samples at rows[start:stop] of every range into `folder`; returns seconds of computing.

    Args:
        model: its folder. sha256: of its files, verified by each worker before it reads them.
        samples: that the rows are places of. ranges: of positions in rows [M].
    """
    folder.mkdir(exist_ok=True)
    asked = [part for part in ranges if not _file(folder, rows, part).exists()]
    np.save(folder / "rows.npy", rows)
    work = {
        "model": str(model), "sha256": dict(sha256), "samples": samples.model_dump(mode="json"),
        "rows": str(folder / "rows.npy"),
        "folder": str(folder), "batch_size": batch_size, "device": context.settings.device,
    }  # fmt: skip
    total, done, first, last = sum(part["stop"] - part["start"] for part in ranges), 0, 0.0, 0.0
    for report in over_ranges(Answerer, asked, work, context.settings):
        done += int(report["rows"])
        first = min(first or float(report["began"]), float(report["began"]))
        last = max(last, float(report["ended"]))
        context.progress(
            done / total, f"{done} of {total} samples · {done / max(last - first, 1e-9):.0f} a second"
        )
    return last - first


def answers(folder: Path, rows: Ints, ranges: Sequence[dict[str, int]]) -> Answers:
    """Those of the ranges, in their order."""
    parts = [np.load(_file(folder, rows, part)) for part in ranges]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0].files}


class Answerer:
    """One worker: the model loaded once, then range after range."""

    def __init__(self, work: Mapping[str, Any]) -> None:
        from components.modalities.samples import Samples
        from components.registry.served import load_model
        from components.training.device import place

        self.device = place(work["device"]).device
        self.model = load_model(Path(work["model"]), work["sha256"]).to(self.device)
        self.rows = np.load(work["rows"])
        samples = Samples.model_validate(work["samples"])
        self.packed, self.views = samples.open(self.rows).whole(), samples.views
        self.folder, self.batch_size = Path(work["folder"]), int(work["batch_size"])

    def __call__(self, part: Range) -> Report:
        """Writes the file of one range; reports how many rows, and when it began and ended (unix time)."""
        import torch

        began = time.time()
        start, stop = part["start"], part["stop"]
        parts: list[dict[str, NDArray[Any]]] = []
        with torch.inference_mode():
            for first in range(start, stop, self.batch_size):
                index = torch.arange(first, min(first + self.batch_size, stop))
                view = self.views.clean(self.packed.gather(index).to(self.device))
                parts.append(
                    {name: _narrow(tensor).cpu().numpy() for name, tensor in self.model.see(view).items()}
                )
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        apart = self.model.distances(found["features"])
        found["outliers"] = np.full(stop - start, np.nan, np.float32) if apart is None else apart
        file = _file(self.folder, self.rows, {"start": start, "stop": stop})
        write_atomically(file, lambda out: np.savez(out, allow_pickle=False, **found))
        return {"rows": stop - start, "began": began, "ended": time.time()}


def _narrow(found: "Tensor") -> "Tensor":
    """float64 as float32, which half the memory is enough for."""
    return found.float() if found.is_floating_point() else found


def _file(folder: Path, rows: Ints, part: Mapping[str, int]) -> Path:
    """Named by the rows themselves: when a run goes on, other rows may have been asked for at the same place."""
    name = hashlib.sha256(np.ascontiguousarray(rows[part["start"] : part["stop"]], dtype=np.int64).tobytes())
    return folder / f"{name.hexdigest()[:32]}.npz"
