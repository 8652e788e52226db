"""The encoder that a run of pretrain ended with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from safetensors.torch import load_file

from components.encoders import Encoder, EncoderConfig, build_encoder
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest


def load_encoder(made: Mapping[str, Any], weights: Path) -> tuple[Encoder, EncoderConfig]:
    """made: output of that run, as JSON values. weights: its file of the encoder."""
    config: EncoderConfig = TypeAdapter(EncoderConfig).validate_python(made["encoder_config"])
    encoder = build_encoder(config, made["channels"], made["mean"], made["std"])
    encoder.load_state_dict(load_file(weights))
    return encoder, config


def pretrained(context: Context, reference: str) -> tuple[Encoder, EncoderConfig]:
    """The same by the reference of the run.

    Raises:
        UserError: the run or its file is gone, or the file was changed.
    """
    made = read_manifest(reference, context.store).output
    return load_encoder(made, context.file(reference, Artifact.model_validate(made["encoder"])))
