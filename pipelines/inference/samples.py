"""The packed samples of a snapshot, for a stage that reads them."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from components.errors import UserError
from components.modalities.base import Packing
from components.modalities.packing import PackingConfig
from components.modalities.samples import Samples
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context


def samples_of(reference: str, output: Any, context: Context) -> Samples:
    """output: of the snapshot, as its type or as JSON values.

    Raises:
        UserError: a file was taken away or changed.
    """
    arrays = output["arrays"] if isinstance(output, Mapping) else output.arrays
    files = {name: context.file(reference, Artifact.model_validate(array)) for name, array in arrays.items()}
    return Samples(packing=packing_of(output), files=files)


def packing_of(described: Any) -> Packing:
    """What is known of packed samples, from an output or a model's description that says so, typed or as JSON.

    Raises:
        UserError: it was written by a version that did not say so.
    """
    given = described.get("packing") if isinstance(described, Mapping) else described.packing
    if given is None:
        raise UserError(
            "run-of-older-release",
            "what an earlier version of selfsup wrote does not say how samples are packed: train anew",
        )
    packing: Packing = TypeAdapter(PackingConfig).validate_python(given)
    return packing


def arrays_digest(output: Mapping[str, Any]) -> dict[str, str]:
    """Array -> sha256, of a snapshot's output as JSON values: equal where all rows are."""
    return {name: array["sha256"] for name, array in output["arrays"].items()}
