"""The encoder that a run of pretrain ended with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from safetensors.torch import load_file

from components.encoders import Encoder, EncoderConfig, build_encoder
from pipelines.engine.context import Context


def pretrained(context: Context, reference: str) -> tuple[Encoder, EncoderConfig]:
    """By the reference of the run.

    Raises:
        UserError: the run or its file is gone, or the file was changed.
    """
    made = context.output(reference)
    config: EncoderConfig = made.encoder_config
    file = context.file(reference, made.encoder)
    return _loaded(config, made.channels, made.mean, made.std, file), config


def load_encoder(made: Mapping[str, Any], weights: Path) -> Encoder:
    """By what the run gave: its output as JSON values, and its file of the encoder."""
    config: EncoderConfig = TypeAdapter(EncoderConfig).validate_python(made["encoder_config"])
    return _loaded(config, made["channels"], made["mean"], made["std"], weights)


def _loaded(
    config: EncoderConfig, channels: int, mean: Sequence[float], std: Sequence[float], weights: Path
) -> Encoder:
    encoder = build_encoder(config, channels, mean, std)
    encoder.load_state_dict(load_file(weights))
    return encoder
