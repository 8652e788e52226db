"""Whether two snapshots, or a model and a snapshot, turn a sample into the same pixels."""

from collections.abc import Mapping
from typing import Any


def packed_as(request: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    """The modality by which a snapshot's samples were packed, with the range of grey values that was found."""
    return {**request.get("modality", {}), "range": output.get("range")}


def same_pixels(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two modalities, as JSON values, give the same pixels.

    The range matters only where both have one: without it there was no grey of more than 8 bits.
    """
    ranges = [None if kind.get("range") is None else tuple(kind["range"]) for kind in (one, other)]
    alike = None in ranges or ranges[0] == ranges[1]
    return alike and {**one, "range": None} == {**other, "range": None}
