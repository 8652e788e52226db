"""Pseudo-labels over time: the run behind the champion and those that it continued, oldest first."""

import numpy as np
import pyarrow.parquet as pq

from components.config import Config
from components.errors import UserError
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import is_finished, read_manifest


class Health(Config):
    """One run of pseudo_label. churn: share of the samples in common with the run before whose cluster changed;
    smallest, median, largest: samples of a cluster; the other figures are its Output's."""

    reference: str
    samples: int
    kept_share: float
    estimated_precision: float | None
    churn: float | None
    clusters: int
    smallest: int
    median: float
    largest: int

    def figures(self) -> dict[str, float]:
        """What is known, as step metrics."""
        known = self.model_dump(exclude={"reference"})
        return {f"health/{name}": float(value) for name, value in known.items() if value is not None}


def pseudo_label_health(reference: str | None, context: Context, most: int = 20) -> list[Health]:
    """The last `most` runs of the chain that ends with `reference`; it begins where the store lost one."""
    found: list[Health] = []
    while reference is not None and len(found) < most and is_finished(reference, context.store):
        manifest = read_manifest(reference, context.store)
        try:
            file = context.file(reference, Artifact.model_validate(manifest.output["pseudo_labels"]))
        except UserError:
            break
        _, sizes = np.unique(
            pq.read_table(file, columns=["cluster"])["cluster"].to_numpy(), return_counts=True
        )
        known = ("kept_share", "estimated_precision", "churn", "clusters")
        found.append(
            Health(
                reference=reference, samples=int(sizes.sum()), smallest=int(sizes.min()),
                median=float(np.median(sizes)), largest=int(sizes.max()),
                **{name: manifest.output[name] for name in known},
            )
        )  # fmt: skip
        reference = manifest.request.get("previous")
    return found[::-1]
