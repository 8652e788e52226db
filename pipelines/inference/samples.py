"""The packed samples of a snapshot, for a stage that reads them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from components.arrays import Pixels
from components.modalities.base import Packing
from components.modalities.packing import PackingConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context

if TYPE_CHECKING:
    from components.modalities.samples import Samples


def samples_of(reference: str, output: Any, context: Context) -> "Samples":
    """output: of the snapshot, as its type or as JSON values.

    Raises:
        UserError: a file was taken away or changed.
    """
    from components.modalities.samples import Samples  # torch, 1 to 3 s

    arrays = output["arrays"] if isinstance(output, Mapping) else output.arrays
    files = {name: context.file(reference, Artifact.model_validate(array)) for name, array in arrays.items()}
    return Samples(packing=packing_of(output), files=files)


def packing_of(described: Any) -> Packing:
    """What is known of packed samples, from an output or a model's description that says so, typed or as JSON."""
    given = described["packing"] if isinstance(described, Mapping) else described.packing
    packing: Packing = TypeAdapter(PackingConfig).validate_python(given)
    return packing


def image_array(samples: "Samples") -> Pixels:
    """The packed images uint8 [N, C, S, S], for what works on images alone."""
    from components.data.packed import PackedArray

    packed = samples.open()
    assert isinstance(packed, PackedArray), "images are packed as one array"
    return packed.array


def arrays_digest(output: Mapping[str, Any]) -> dict[str, str]:
    """Array -> sha256, of a snapshot's output as JSON values: equal where all rows are."""
    return {name: array["sha256"] for name, array in output["arrays"].items()}
