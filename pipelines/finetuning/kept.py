"""What is kept of the trainings: the model, and beside it what it has to beat, each as a model folder."""

from typing import Any

import numpy as np

from components.encoders import Encoder, EncoderConfig
from components.evaluation.agreement import agreement, temperature_for
from components.evaluation.probe import Probe
from components.modalities.image import ImageConfig
from components.registry.model import ModelConfig
from components.training.fewlabels import Material, logits
from components.training.loop import Trained
from pipelines.finetuning.config import CrossFitConfig, FinetuneConfig
from pipelines.finetuning.distil import distil
from pipelines.finetuning.head import Frozen
from pipelines.finetuning.held import Held
from pipelines.finetuning.layers import Meter
from pipelines.finetuning.ordinary import ordinary_of
from pipelines.finetuning.scratch import Scratch, named, save


def described(
    snapshot: Any, encoder: EncoderConfig, held: Held | None, temperature: float, config: CrossFitConfig
) -> ModelConfig:
    """What model.json says. snapshot: output of that stage."""
    return ModelConfig(
        encoder=encoder,
        modality=ImageConfig(size=snapshot.size, channels=snapshot.channels, range=snapshot.range),
        mean=list(snapshot.mean),
        std=list(snapshot.std),
        classes=list(snapshot.classes),
        temperature=temperature,
        sets=held.sets(config, temperature) if held else None,
    )


def agreed(
    final: Trained, alone: Trained | None, frozen: Frozen, material: Material
) -> tuple[float, float] | tuple[None, None]:
    """Share of the sampled rows without a label that the model and the labels alone name alike; and the model's
    temperature at which it is as sure as that. None where there is no second model, or no such row."""
    rows = np.setdiff1d(frozen.sampled, material.labelled)
    if alone is None or not len(rows):
        return None, None
    ours, theirs = (logits(trained, material, rows) for trained in (final, alone))
    share = agreement(ours, theirs)
    return share, temperature_for(ours, share)


def temperature_note(
    temperature: float, by_labels: float | None, share: float | None, by_agreement: float | None
) -> str:
    """Where the temperature comes from, in a line."""
    parts = [] if by_labels is None else [f"{by_labels:.2f} by held-out labels"]
    if share is not None:
        parts.append(f"{by_agreement:.2f} by the labels alone, which agree on {share:.1%} of the samples")
    return f"temperature {temperature:.2f}: " + ("; ".join(parts) or "nothing was there to fit it on")


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
        files = named("teacher", save(final, bare(model), meter.folder / "teacher", meter.folder))
        trained, said = distil(request, request.distill, final, encoder, head, model, material, meter)
    ordinary = ordinary_of(trained, material, request.false_alarms, request.seed)
    saved = save(trained, said, meter.folder / "model", meter.folder, ordinary)
    return {**files, "model": saved[0], "config": saved[1]}


def beside(
    alone: Trained | None, baseline: Scratch | None, model: ModelConfig, meter: Meter
) -> dict[str, Any]:
    """The files of what was trained on the labels alone, and of the same network from random."""
    files = dict[str, Any]()
    if alone is not None:
        files |= named("alone", save(alone, bare(model), meter.folder / "alone", meter.folder))
    if baseline is not None:
        files |= named("scratch", baseline.files)
        files |= {"scratch_rate": baseline.rate, "scratch_validation": baseline.validation}
    return files


def bare(model: ModelConfig) -> ModelConfig:
    """Without the sets of classes, which hold for the model alone."""
    return model.model_copy(update={"sets": None})
