"""What a report is made from: the manifests of one run's stages, their files, and what several sections read."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.data.table import Table
from components.errors import UserError
from components.modalities.registry import packed_as
from components.modalities.samples import Samples
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest
from pipelines.inference.samples import samples_of
from pipelines.registry.encoder_lineage import one_encoder

Columns = dict[str, list[Any]]


class Sources:
    """references: stage -> reference. manifests, outputs: by stage, as plain JSON values.

    Raises:
        UserError: a run is missing, or features and clusters come from two encoders.
    """

    def __init__(self, references: Mapping[str, str], context: Context) -> None:
        self.references, self.context = references, context
        self.manifests = {stage: read_manifest(name, context.store) for stage, name in references.items()}
        self.outputs = {stage: manifest.output for stage, manifest in self.manifests.items()}
        one_encoder([references["embed"], references["pseudo_label"]], context.store)

    def file(self, stage: str, name: str) -> Path:
        return self.context.file(self.references[stage], Artifact.model_validate(self.outputs[stage][name]))

    @cached_property
    def table(self) -> Table:
        return Table.load(self.file("snapshot", "table"))

    @cached_property
    def samples(self) -> Samples:
        return samples_of(self.references["snapshot"], self.outputs["snapshot"], self.context)

    def sheet(self, rows: Sequence[int], columns: int = 1) -> str:
        """The samples in these rows of the table as HTML, `columns` side by side."""
        packed, packing = self.samples.open(), self.samples.packing
        return packed_as(packing).sheet([packed.row(int(row)) for row in rows], packing, columns)

    @cached_property
    def given(self) -> Columns:
        """Pseudo-labels, a row a training sample."""
        columns: Columns = pq.read_table(self.file("pseudo_label", "pseudo_labels")).to_pydict()
        return columns

    @cached_property
    def features(self) -> NDArray[np.float32]:
        """[n, D] of the training samples, less the clusters' centre and of unit length: as they were clustered."""
        every = np.load(self.file("embed", "features"), mmap_mode="r")
        x = np.asarray(every[np.asarray(self.given["row"], dtype=np.int64)], dtype=np.float32)
        x -= np.load(self.file("pseudo_label", "centre"))
        unit: NDArray[np.float32] = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
        return unit

    def truth(self, path: str | None) -> dict[str, str]:
        """Id -> true class, of the samples that have a pseudo-label and none by a person."""
        if path is None:
            return {}
        if not Path(path).is_file():
            raise UserError(
                "path-not-found",
                f"report.truth names {path}, which does not exist; correct it or leave it out",
            )
        known = pq.read_table(path, columns=["id", "label"]).to_pydict()
        pairs = zip(self.given["id"], self.given["source"], strict=True)
        asked = {i for i, source in pairs if source != "label"}
        return {i: label for i, label in zip(known["id"], known["label"], strict=True) if i in asked}
