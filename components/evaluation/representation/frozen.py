"""What frozen features give: a linear probe and nearest neighbours, tuned on the training labels alone.

Letters: N labels, M test samples, P rows of the pool, D features, K classes.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from components.arrays import Doubles, Floats
from components.evaluation.classification.knn import choose_k, knn
from components.evaluation.classification.probe import Probe, fit_probe


def on_frozen(
    train: Floats, labels: NDArray[np.int64], test: Floats, pool: Floats, classes: int, seed: int = 0
) -> tuple[dict[str, Doubles], Probe]:
    """[M, K] logits of the probe, shares of the vote of knn; and the probe.

    train: [N, D] with labels [N]; test: [M, D]; pool: [P, D], features that standardisation is taken from.
    """
    probe = fit_probe(train, labels, classes, pool=pool, seed=seed)
    bank, known = torch.from_numpy(train), torch.from_numpy(labels)
    k = choose_k(bank, known, classes=classes)
    votes = knn(bank, known, torch.from_numpy(test), classes=classes, k=k)
    answers = {"probe": probe.logits(test), "knn": np.asarray(votes.double().numpy(), dtype=np.float64)}
    return answers, probe
