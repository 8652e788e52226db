"""What the fine-tuned model holds for ordinary: the features that it gives the training samples, labelled or not."""

from dataclasses import replace

import numpy as np
import torch

from components.registry.outlier_model import MOST, Ordinary, fit_ordinary
from components.training.finetune import Material, Network

WIDEST = 2048  # features: whitening is the square of them


def ordinary_of(network: Network, material: Material, rate: float, seed: int) -> Ordinary | None:
    """None where there are too few samples, an embedding wider than WIDEST, or one of scores alone. The groups are the
    classes that it answers, so all samples count.

    In float32 whatever the training computed in: so it answers where it is served.
    """
    width = network.encoder.embedding_dim
    if width > WIDEST or network.encoder.class_scores:
        return None
    plain = replace(material, placement=replace(material.placement, dtype=torch.float32))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(material.packed))[:MOST])
    features = plain.features(network.encoder, chosen)
    with torch.no_grad():
        answered = network.head(torch.from_numpy(features).to(material.placement.device)).argmax(dim=1)
    return fit_ordinary(features[:, :width], answered.cpu().numpy(), rate, seed)
