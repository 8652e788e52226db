"""The trained models on the test samples: read, asked, and what they answered written down.

Letters: M test samples, K classes.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from components.arrays import Doubles, Ints
from components.modalities.samples import Samples
from components.registry.model import Classifier, load_classifier
from components.training.device import Placement
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context

BESIDE = ("alone", "own", "scratch")  # what finetune may have trained beside the model


def load(context: Context, reference: str, weights: Artifact, config: Artifact) -> Classifier:
    file, description = context.file(reference, weights), context.file(reference, config)
    return load_classifier(file.parent, {file.name: weights.sha256, description.name: config.sha256})


def beside(
    context: Context, reference: str, found: Any, samples: Samples, rows: Ints, placement: Placement
) -> dict[str, Doubles]:
    """Calibrated logits [M, K] of each model beside the one that is kept, by name. found: output of finetune."""
    answered = {}
    for name in BESIDE:
        weights, config = getattr(found, name), getattr(found, f"{name}_config")
        if weights is not None:
            answered[name] = logits(load(context, reference, weights, config), samples, rows, placement)
    return answered


@torch.inference_mode()
def logits(
    model: Classifier, samples: Samples, rows: Ints, placement: Placement, batch: int = 512
) -> Doubles:
    """Calibrated logits [M, K]. In float32 whatever the training computed in: what is registered answers in float32
    too."""
    placement.put(model).eval()
    parts = []
    for start in range(0, len(rows), batch):
        view = samples.clean(rows[start : start + batch], placement.device)
        parts.append(model(view).double().cpu())
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float64)


def predictions(folder: Path, ids: Any, labels: Ints, names: list[str], p: Doubles) -> Artifact:
    """Parquet of probabilities [M, K], a row a test sample: id, label, class (names), confidence, p_0 .. p_{K-1}."""
    columns = {
        "id": pa.array(ids.tolist(), pa.string()),
        "label": pa.array([names[i] for i in labels], pa.string()),
        "class": pa.array([names[i] for i in p.argmax(axis=1)], pa.string()),
        "confidence": pa.array(p.max(axis=1), pa.float64()),
        **{f"p_{k}": pa.array(p[:, k], pa.float64()) for k in range(len(names))},
    }
    file = folder / "predictions.parquet"
    pq.write_table(pa.table(columns), file, compression="zstd")
    return Artifact.of(file, folder)
