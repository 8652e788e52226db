"""The encoder that a run of pretrain ended with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from safetensors.torch import load_file

from components.encoders import Encoder, EncoderConfig, build_encoder
from components.modalities.base import Packing
from components.modalities.packing import PackingConfig
from pipelines.engine.context import Context


def pretrained(context: Context, reference: str) -> tuple[Encoder, EncoderConfig]:
    """By the reference of the run.

    Raises:
        UserError: the run or its file is gone, or the file was changed.
    """
    made = context.output(reference)
    config: EncoderConfig = made.encoder_config
    file = context.file(reference, made.encoder)
    return _loaded(config, made.packing, file), config


def load_encoder(made: Mapping[str, Any], weights: Path) -> Encoder:
    """By what the run gave: its output as JSON values, and its file of the encoder."""
    config: EncoderConfig = TypeAdapter(EncoderConfig).validate_python(made["encoder_config"])
    packing: Packing = TypeAdapter(PackingConfig).validate_python(made["packing"])
    return _loaded(config, packing, weights)


def _loaded(config: EncoderConfig, packing: Packing, weights: Path) -> Encoder:
    encoder = build_encoder(config, packing)
    encoder.load_state_dict(load_file(weights))
    return encoder
