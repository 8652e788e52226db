"""The third step: a student that learns from the fine-tuned model on all samples."""

import numpy as np
import torch
from torch import nn

from components.encoders import Encoder, start_encoder
from components.evaluation.probe import Probe
from components.registry.model import ModelConfig
from components.training.fewlabels import Job, Material, final_parts
from components.training.loop import Trained
from pipelines.finetuning.config import DistillConfig, FinetuneConfig
from pipelines.finetuning.layers import Meter, shared_by


def distil(
    request: FinetuneConfig,
    config: DistillConfig,
    teacher: Trained,
    encoder: Encoder,
    head: Probe,
    model: ModelConfig,
    material: Material,
    meter: Meter,
) -> tuple[Trained, ModelConfig]:
    """The student and what its model.json says; it answers at the teacher's temperature, whose logits it has learnt.

    encoder, head: what a student of the same kind begins with, as the teacher did.
    """
    raw, fresh = head.raw(), config.encoder is not None
    if config.encoder is not None:
        torch.manual_seed(request.seed)
        encoder = start_encoder(config.encoder, model.modality.channels, model.mean, model.std)
        model = model.model_copy(update={"encoder": config.encoder})
    job = Job(
        name="distill",
        method=config,
        use=np.arange(len(material.labels)),
        pseudo=False,
        steps=config.steps,
        rate=config.learning_rate or request.learning_rate,
        encoder_rate=1.0 if fresh else request.encoder_rate,
        head=None if fresh else (raw.weight, raw.bias),
        teacher=nn.Sequential(*final_parts(teacher)),
    )
    return meter.fit(job, request, material, encoder, shared_by(job.name, request, material)), model
