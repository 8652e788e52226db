"""A fitted scorer as arrays by name, and back: so it is saved without pickle.

Names: "KIND/DETECTOR/FIELD" of each detector, "KIND/centre", "KIND/scale", "KIND/ranks/DETECTOR", "mean", and where
there is a head "head/FIELD" and "mixed". Numbers are arrays without dimensions.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.evaluation.anomaly.combine import MeanOfRanks
from components.evaluation.anomaly.detectors import KINDS, Detectors
from components.evaluation.anomaly.head import Head
from components.evaluation.anomaly.scorer import Scorer

Array = NDArray[Any]


def arrays_of(scorer: Scorer) -> dict[str, Array]:
    """All that `scorer_of` needs; float64, int64."""
    found: dict[str, Array] = {"mean": scorer.mean}
    for kind, detectors in scorer.detectors.items():
        found |= {f"{kind}/centre": detectors.centre, f"{kind}/scale": detectors.scale}
        for name, detector in detectors.fitted.items():
            found |= {f"{kind}/{name}/{field}": value for field, value in _taken_apart(detector).items()}
            found[f"{kind}/ranks/{name}"] = detectors.combined.ordered[name]
    if scorer.head is not None and scorer.ordered is not None:
        found |= {f"head/{field}": value for field, value in _taken_apart(scorer.head).items()}
        found["mixed"] = scorer.ordered
    return {name: np.ascontiguousarray(value) if np.ndim(value) else value for name, value in found.items()}


def scorer_of(arrays: Mapping[str, Array]) -> Scorer:
    """The scorer that these arrays were made from."""
    kinds = dict.fromkeys(name.partition("/")[0] for name in arrays if name.endswith("/centre"))
    detectors = {kind: _detectors(_below(arrays, kind)) for kind in kinds}
    if "mixed" not in arrays:
        return Scorer(detectors, arrays["mean"])
    return Scorer(detectors, arrays["mean"], _put_together(Head, _below(arrays, "head")), arrays["mixed"])


def _detectors(arrays: Mapping[str, Array]) -> Detectors:
    names = [name for name in KINDS if f"ranks/{name}" in arrays]
    fitted = {name: _put_together(KINDS[name], _below(arrays, name)) for name in names}
    ordered = {name: arrays[f"ranks/{name}"] for name in fitted}
    return Detectors(arrays["centre"], arrays["scale"], fitted, MeanOfRanks(ordered))


def _below(arrays: Mapping[str, Array], folder: str) -> dict[str, Array]:
    return {
        name.removeprefix(f"{folder}/"): value
        for name, value in arrays.items()
        if name.startswith(f"{folder}/")
    }


def _taken_apart(given: Any) -> dict[str, Array]:
    return {field.name: np.asarray(getattr(given, field.name)) for field in fields(given)}


def _put_together(kind: Any, arrays: Mapping[str, Array]) -> Any:
    return kind(**{name: value if value.ndim else value.item() for name, value in arrays.items()})
