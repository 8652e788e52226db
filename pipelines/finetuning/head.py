"""The head on frozen features, where fitting it is a convex problem."""

import numpy as np
from numpy.typing import NDArray

from components.encoders import Encoder
from components.evaluation.logistic import fit_logistic
from components.evaluation.probe import Choice, Probe, choose_strength, moments
from components.training.fewlabels import Material
from pipelines.finetuning.config import FinetuneConfig

POOL = 2000  # unlabelled rows whose features help to standardise the few labelled ones


def fit_head(
    request: FinetuneConfig, encoder: Encoder, material: Material
) -> tuple[Probe, NDArray[np.float32]]:
    """The head on frozen features of labels and kept pseudo-labels; and the features [n, D] of the labels.

    The strength is chosen on the labels alone: pseudo-labels were made with them and would vouch for
    themselves.
    """
    rng = np.random.default_rng(request.seed)
    pool = rng.choice(len(material.packed), min(POOL, len(material.packed)), replace=False)
    own = material.features(encoder, material.labelled)
    kept = material.features(encoder, material.kept) if len(material.kept) else own[:0]
    mean, scale = moments(np.concatenate([own, kept, material.features(encoder, np.sort(pool))]))
    scaled = (own - mean) / scale
    choice = choose_strength(scaled, material.labels, material.classes, seed=request.seed)
    share = request.pseudo_share * len(own) / max(material.confidence.sum(), 1e-9)
    linear = fit_logistic(
        np.concatenate([scaled, (kept - mean) / scale]),
        np.concatenate([material.labels, material.kept_labels]),
        material.classes,
        strength=choice.strength,
        weights=np.concatenate([np.ones(len(own)), material.confidence * min(share, 1.0)]),
        iterations=request.head_steps,
    )
    return Probe(mean, scale, linear, choice), own


def head_note(choice: Choice, labels: int) -> str:
    if choice.accuracy is None:
        return f"linear head on {labels} labels; no class has two, so nothing could be cross-validated"
    return (
        f"linear head on frozen features: cross-validated accuracy {choice.accuracy:.3f} on {labels} labels"
    )
