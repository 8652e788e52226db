"""The features of a modality's plain baseline (pixels, tf-idf, encoded columns), computed by an encoder that learns
nothing from labels, so that a regression on them is a model like any other.

Letters: n rows, D features.
"""

from typing import Any

import torch
from pydantic import TypeAdapter

from components.arrays import Floats, Ints
from components.data.packed import Packed
from components.encoders import Encoder, ServedConfig, build_encoder
from components.modalities.view_maker import ViewMaker

BATCH = 1024


def baseline_config(views: ViewMaker[Any, Any]) -> ServedConfig:
    """The configuration of the encoder whose features the baseline of this kind of data is fitted on."""
    config: ServedConfig = TypeAdapter(ServedConfig).validate_python(views.baseline())
    return config


def linear_config(views: ViewMaker[Any, Any]) -> ServedConfig:
    """The configuration of the encoder on whose features the ridge regression of numbers is fitted."""
    config: ServedConfig = TypeAdapter(ServedConfig).validate_python(views.linear())
    return config


def raw_config(views: ViewMaker[Any, Any]) -> ServedConfig:
    """The configuration of the encoder on whose features detectors of anomalies work."""
    config: ServedConfig = TypeAdapter(ServedConfig).validate_python(views.raw())
    return config


def baseline_encoder(
    packed: Packed, views: ViewMaker[Any, Any], config: ServedConfig | None = None
) -> Encoder:
    """That encoder, with what it has to know of the training samples `packed`. config: of another such encoder."""
    encoder = build_encoder(config or baseline_config(views), views.packing)
    everything = torch.arange(len(packed))
    encoder.fit(views.clean(packed.gather(index)) for index in torch.split(everything, BATCH))
    return encoder.eval()


@torch.inference_mode()
def baseline_features(
    encoder: Encoder, packed: Packed, views: ViewMaker[Any, Any], positions: Ints | None = None
) -> Floats:
    """[n, D] of clean samples: of the packed ones at these positions, or of all."""
    index = torch.arange(len(packed)) if positions is None else torch.from_numpy(positions)
    found = [
        encoder(views.clean(packed.gather(part))).float() for part in torch.split(index, BATCH) if len(part)
    ]
    return torch.cat(found).numpy() if found else torch.empty(0, encoder.feature_dim).numpy()
