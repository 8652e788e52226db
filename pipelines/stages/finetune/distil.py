"""The third step: a student that learns on all samples what a teacher says of them."""

import numpy as np
import torch
from torch import nn

from components.encoders import Encoder, start_encoder
from components.evaluation.classification.probe import Probe
from components.registry.model import ModelConfig
from components.training.finetune import Job, Material
from components.training.loop import Trained
from pipelines.stages.finetune.config import DistillConfig, FinetuneConfig
from pipelines.stages.finetune.trainings import Meter, shared_by


def distil(
    request: FinetuneConfig,
    config: DistillConfig,
    teacher: nn.Module,
    start: tuple[Encoder, Probe],
    model: ModelConfig,
    material: Material,
    meter: Meter,
) -> tuple[Trained, ModelConfig]:
    """The student and what its model.json says; it answers at the teacher's temperature, whose logits it has learnt.

    teacher: a view [B, ...] -> [B, K] logits. start: what a student of the same kind begins with: the pretrained
    encoder and a head on its features.
    """
    if config.encoder is not None:
        torch.manual_seed(request.seed)
        encoder = start_encoder(config.encoder, model.packing)
        model = model.model_copy(update={"encoder": config.encoder})
        head = None
    else:
        encoder, raw = start[0], start[1].raw()
        head = (raw.weight, raw.bias)
    job = Job(
        name="distill",
        method=config,
        use=np.arange(len(material.labels)),
        pseudo=False,
        steps=config.steps,
        rate=config.learning_rate or request.learning_rate,
        encoder_rate=1.0 if head is None else request.encoder_rate,
        head=head,
        teacher=teacher,
    )
    return meter.fit(job, request, material, encoder, shared_by(job.name, request, material)), model
