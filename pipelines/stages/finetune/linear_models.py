"""Linear models as networks: a head on features, and logistic regression on pixels."""

import numpy as np
import torch
from torch import nn

from components.encoders import build_encoder
from components.encoders.pixels import PixelsConfig
from components.evaluation.classification.baselines import LARGEST, fit_pixels, pixels
from components.evaluation.classification.logistic import Linear
from components.registry.model import ModelConfig
from components.training.finetune import Material, Network


def on_pixels(material: Material, model: ModelConfig, seed: int) -> tuple[Network, PixelsConfig]:
    """Logistic regression on the pixels of the labelled samples, as a network."""
    images = material.labelled_images()
    probe = fit_pixels(pixels(images), material.labels, material.classes, seed=seed)
    config = PixelsConfig(side=min(images.shape[-1], int(LARGEST**0.5)))
    encoder = build_encoder(config, model.modality.channels, model.mean, model.std)
    raw, each = probe.raw(), config.side**2
    mean, std = (np.repeat(np.array(part), each) for part in (model.mean, model.std))
    standardised = Linear(raw.weight * std, raw.bias + raw.weight @ mean)
    return Network(material.placement.put(encoder), linear(standardised)), config


def linear(found: Linear) -> nn.Linear:
    layer = nn.Linear(found.weight.shape[1], found.weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(found.weight))
        layer.bias.copy_(torch.from_numpy(found.bias))
    return layer
