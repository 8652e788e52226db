"""The head on frozen features, where fitting it is a convex problem.

Letters: n labels, m kept pseudo-labels, U unlabelled samples, D features, K classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrays import Floats
from components.encoders import Encoder
from components.evaluation.classification.logistic import fit_logistic
from components.evaluation.classification.probe import Choice, Probe, choose_strength, moments
from components.training.finetune import Material
from components.wording import counted
from pipelines.stages.finetune.config import FinetuneConfig

POOL = 2000  # unlabelled rows whose features help to standardise the few labelled ones


@dataclass(frozen=True)
class Frozen:
    """Features by the pretrained encoder. own: [n, D] of the labels; kept: [m, D] of the pseudo-labels; pool: [U, D]
    of samples at positions `sampled` [U]."""

    own: Floats
    kept: Floats
    pool: Floats
    sampled: NDArray[np.int64]


def freeze(request: FinetuneConfig, encoder: Encoder, material: Material) -> Frozen:
    rng = np.random.default_rng(request.seed)
    sampled = np.sort(rng.choice(len(material.packed), min(POOL, len(material.packed)), replace=False))
    own = material.features(encoder, material.labelled)
    kept = material.features(encoder, material.kept) if len(material.kept) else own[:0]
    return Frozen(own, kept, material.features(encoder, sampled), sampled)


def fit_head(request: FinetuneConfig, frozen: Frozen, material: Material, pseudo: bool = True) -> Probe:
    """The head on labels and kept pseudo-labels, or on the labels alone.

    The strength is chosen on the labels alone: pseudo-labels were made with them and would vouch for
    themselves.
    """
    own, kept = frozen.own, frozen.kept if pseudo else frozen.kept[:0]
    mean, scale = moments(np.concatenate([own, kept, frozen.pool]))
    scaled = (own - mean) / scale
    choice = choose_strength(scaled, material.labels, material.classes, seed=request.seed)
    share = request.pseudo_share * len(own) / max(material.confidence.sum(), 1e-9)
    trust = material.confidence[: len(kept)] * min(share, 1.0)
    linear = fit_logistic(
        np.concatenate([scaled, (kept - mean) / scale]),
        np.concatenate([material.labels, material.kept_labels[: len(kept)]]),
        material.classes,
        strength=choice.strength,
        weights=np.concatenate([np.ones(len(own)), trust]),
        iterations=request.head_steps,
    )
    return Probe(mean, scale, linear, choice)


def head_note(choice: Choice, labels: int) -> str:
    if choice.accuracy is None:
        return f"linear head on {counted(labels, 'label')}; no class has two, so nothing could be cross-validated"
    figure = f"cross-validated accuracy {choice.accuracy:.3f} on {counted(labels, 'label')}"
    return f"linear head on frozen features: {figure}"
