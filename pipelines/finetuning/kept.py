"""What is kept of the trainings: the model, and beside it what it has to beat, each as a model folder."""

from typing import Any

import numpy as np

from components.encoders import Encoder, EncoderConfig
from components.evaluation.probe import Probe
from components.modalities.image import ImageConfig
from components.registry.model import ModelConfig
from components.training.fewlabels import Material
from components.training.loop import Trained
from pipelines.finetuning.config import FinetuneConfig
from pipelines.finetuning.distil import distil
from pipelines.finetuning.head import Frozen, fit_head
from pipelines.finetuning.held import Held
from pipelines.finetuning.layers import Meter, finetune
from pipelines.finetuning.ordinary import ordinary_of
from pipelines.finetuning.scratch import named, save, scratch


def described(snapshot: Any, encoder: EncoderConfig, held: Held | None, miss: float) -> ModelConfig:
    """What model.json says. snapshot: output of that stage."""
    return ModelConfig(
        encoder=encoder,
        modality=ImageConfig(size=snapshot.size, channels=snapshot.channels),
        mean=list(snapshot.mean),
        std=list(snapshot.std),
        classes=list(snapshot.classes),
        temperature=held.temperature if held else 1.0,
        sets=held.sets(miss) if held else None,
    )


def kept(
    request: FinetuneConfig,
    final: Trained,
    encoder: Encoder,
    head: Probe,
    model: ModelConfig,
    material: Material,
    meter: Meter,
) -> dict[str, Any]:
    """The files of the model, as fields of the stage's output: the fine-tuned network, or where the recipe distils,
    the student, and that as its teacher beside it."""
    trained, said, files = final, model, dict[str, Any]()
    if request.distill is not None:
        files = named("teacher", save(final, _bare(model), meter.folder / "teacher", meter.folder))
        trained, said = distil(request, request.distill, final, encoder, head, model, material, meter)
    ordinary = ordinary_of(trained, material, request.false_alarms, request.seed)
    saved = save(trained, said, meter.folder / "model", meter.folder, ordinary)
    return {**files, "model": saved[0], "config": saved[1]}


def beside(
    request: FinetuneConfig,
    encoder: Encoder,
    frozen: Frozen,
    model: ModelConfig,
    material: Material,
    meter: Meter,
) -> dict[str, Any]:
    """The files of the same encoder with the labels alone, unless the method is just that, and of the same network
    from random."""
    files = dict[str, Any]()
    if not request.labels_alone:
        head, every = fit_head(request, frozen, material, pseudo=False), np.arange(len(material.labels))
        alone = finetune(request, encoder, head, material, every, meter, alone=True)
        files |= named("alone", save(alone, _bare(model), meter.folder / "alone", meter.folder))
    if request.scratch.steps:
        baseline = scratch(request, model, material, meter)
        files |= named("scratch", baseline.files)
        files |= {"scratch_rate": baseline.rate, "scratch_validation": baseline.validation}
    return files


def _bare(model: ModelConfig) -> ModelConfig:
    """Without the sets of classes, which hold for the model alone."""
    return model.model_copy(update={"sets": None})
