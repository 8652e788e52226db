"""Linear models as networks: a head on features, and the baseline's regression on the plain features of the data."""

from typing import NamedTuple

import torch
from torch import nn

from components.arrays import Floats
from components.encoders import Encoder, ServedConfig
from components.encoders.baseline import baseline_config, baseline_encoder, baseline_features
from components.evaluation.classification.baselines import fit_plain
from components.evaluation.classification.logistic import Linear
from components.training.finetune import Material, Network


class Plain(NamedTuple):
    """encoder: of the data's plain features (pixels, tf-idf, ...). seen: [n, D] those of the labelled samples."""

    encoder: Encoder
    seen: Floats


def plain_features(material: Material) -> Plain:
    encoder = baseline_encoder(material.packed, material.views)
    return Plain(encoder, baseline_features(encoder, material.packed, material.views, material.labelled))


def on_plain_features(plain: Plain, material: Material, seed: int) -> tuple[Network, ServedConfig]:
    """Logistic regression on the plain features of the labelled samples, as a network."""
    probe = fit_plain(plain.seen, material.labels, material.classes, seed=seed)
    head = linear(probe.raw())
    return Network(material.placement.put(plain.encoder), head), baseline_config(material.views)


def linear(found: Linear) -> nn.Linear:
    layer = nn.Linear(found.weight.shape[1], found.weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(found.weight))
        layer.bias.copy_(torch.from_numpy(found.bias))
    return layer
