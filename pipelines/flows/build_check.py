"""Whether what a pretraining begins with can be built: objective, encoder and weights, without memory or data.

Networks are built on torch's meta device: shapes without numbers, so that a large one takes no memory and a second.
"""

from typing import Any

import torch

from components.encoders import build_encoder
from components.encoders.base import Encoder
from components.encoders.start import check_start
from components.errors import UserError
from components.modalities.registry import ModalityConfig
from components.objectives import ObjectiveConfig, build_objective
from components.objectives.base import Objective
from components.training.candidates import sized

ROWS = 1 << 20  # training samples that an objective is built for: how many there are is not known yet


def build_mistake(objective: ObjectiveConfig, encoder: Any, modality: ModalityConfig) -> str | None:
    """What hinders a pretraining of this encoder (an EncoderConfig) by this objective; None: nothing."""
    try:
        if encoder.start is not None:
            check_start(_built(encoder, modality, "meta"), encoder.start)
        made = _objective(sized(objective, modality.size), encoder, modality)
        for size in sorted({view.size for view, _ in made.views} | {modality.size}):
            _encodes(encoder, modality, size)
    except UserError as error:
        return str(error)
    return None


def _built(config: Any, modality: ModalityConfig, device: str) -> Encoder:
    with torch.device(device):
        return build_encoder(config, modality.channels, [0.5] * modality.channels, [0.5] * modality.channels)


def _objective(config: ObjectiveConfig, encoder: Any, modality: ModalityConfig) -> Objective:
    try:
        with torch.device("meta"):
            return build_objective(config, _built(encoder, modality, "meta"), ROWS)
    except NotImplementedError:  # it computes with numbers when it is built: a table of colours, say
        return build_objective(config, _built(encoder, modality, "cpu"), ROWS)


@torch.no_grad()
def _encodes(config: Any, modality: ModalityConfig, size: int) -> None:
    """Raises UserError where the encoder takes no images of this side."""
    encoder = _built(config, modality, "meta").eval()
    try:
        encoder(torch.empty(2, modality.channels, size, size, device="meta"))
    except NotImplementedError:  # a library's encoder that computes with numbers: the training will tell
        return
    except RuntimeError as error:
        raise UserError(
            f"encoder {config.name} takes no images of {size} pixels ({str(error).splitlines()[0]:.160}); change the "
            "size of the views or of the modality, or the encoder"
        ) from None
