"""Linear models as networks: a head on features, and the baseline's regression on the plain features of the data."""

from typing import NamedTuple

import torch
from torch import nn

from components.arrays import Floats
from components.encoders import Encoder, ServedConfig
from components.encoders.baseline import baseline_config, baseline_encoder, baseline_features
from components.evaluation.classification.baselines import fit_plain
from components.evaluation.classification.logistic import Linear
from components.evaluation.classification.simple_models import SIMPLE, Shown
from components.training.finetune import Material, Network
from pipelines.stages.finetune.config import USUAL, FinetuneConfig, PortfolioConfig

BASELINE = "baseline"  # of `challengers`


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


def shown_plainly(plain: Plain, material: Material) -> Shown:
    """The labelled samples as simple models see them."""
    return Shown(material.packed, material.views, material.labelled, plain.encoder, plain.seen)


def simple_names(request: FinetuneConfig, material: Material) -> tuple[str, ...]:
    """Of the simple models beside regression on plain features, those that are judged."""
    config, there = request.portfolio, material.views.simple
    if config is None:
        return ()
    wanted = there if BASELINE in config.challengers else pooled(config, material)
    return tuple(name for name in there if name in wanted)


def pooled(config: PortfolioConfig, material: Material) -> tuple[str, ...]:
    """The candidates beside the method, which may have a part in the mean."""
    return config.candidates if config.candidates is not None else (*USUAL, *material.views.pooled)


def simple_model(name: str, shown: Shown, material: Material, seed: int) -> tuple[Network, ServedConfig]:
    """A simple model on all labels, as a network."""
    made = SIMPLE[name](shown, material.labels, material.classes, seed)
    put = material.placement.put
    return Network(put(made.encoder), put(made.head)), made.config
