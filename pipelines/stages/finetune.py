"""Fine-tune the pretrained encoder on labels, pseudo-labels and consistency; and, as a baseline, the same from random.

Head first, on frozen features; then all layers, the encoder at a smaller rate. What has to be chosen or judged is
cross-fitted on the labels: no label is held out for good, and no test row is ever looked at.
The parts are in pipelines/finetuning.
"""

import shutil
from pathlib import Path

import numpy as np

from components.config import Config
from components.data.table import Table
from components.modalities.image import ImageConfig
from components.registry.model import ModelConfig
from pipelines.finetuning.config import FinetuneConfig
from pipelines.finetuning.head import fit_head, head_note
from pipelines.finetuning.layers import Meter, cross_fit, finetune
from pipelines.finetuning.material import material_of, pretrained, warn
from pipelines.finetuning.scratch import save, scratch
from pipelines.store import Artifact, Context

VERSION = 1


class Request(FinetuneConfig):
    snapshot: str
    pretrain: str
    pseudo_label: str


class Output(Config):
    """model, config: model.safetensors and model.json in one folder; scratch, scratch_config: of the
    baseline.

    skipped: why nothing was trained; all else is then None. head_validation, validation, scratch_validation:
    shares of cross-fitted labels that are right, of the linear head alone, of the whole, of the baseline.
    validated: labels they rest on. held: Parquet, what cross-fitting answered on each of them. mask: share of
    unlabelled samples that the consistency term used, at the end.
    """

    skipped: str | None = None
    model: Artifact | None = None
    config: Artifact | None = None
    scratch: Artifact | None = None
    scratch_config: Artifact | None = None
    scratch_rate: float | None = None
    steps: int | None = None
    labels: int | None = None
    pseudo_labels: int | None = None
    head_strength: float | None = None
    head_validation: float | None = None
    validation: float | None = None
    scratch_validation: float | None = None
    validated: int | None = None
    held: Artifact | None = None
    mask: float | None = None
    temperature: float | None = None
    seconds: float | None = None
    samples_per_second: float | None = None
    note: str = ""


def run(request: Request, folder: Path, context: Context) -> Output:
    snapshot = context.output(request.snapshot)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    present = np.unique(table.label[table.labelled_rows()])
    if len(present) < 2:
        reason = (
            "no labels" if not len(present) else f"labels of one class only ({snapshot.classes[present[0]]})"
        )
        context.say(f"fine-tuning skipped: {reason}; label samples of at least two classes")
        return Output(skipped=f"{reason}: a classifier needs labels of at least two classes")
    note = warn(snapshot.classes, present, context)
    material = material_of(request, request.pseudo_label, request.snapshot, snapshot, table, folder, context)
    encoder, encoder_config = pretrained(context, request.pretrain)
    material.placement.put(encoder)
    meter = Meter(request, material, folder, context)

    context.progress(0.0, "head on frozen features")
    probe, rest = fit_head(request, encoder, material)
    context.say(head_note(probe.choice, len(material.labels)))
    held = cross_fit(request, encoder, rest, material, meter)
    final = finetune(request, encoder, probe, material, np.arange(len(material.labels)), meter)
    temperature = held.temperature if held else 1.0
    if held:
        context.say(
            f"cross-fitted accuracy {held.accuracy:.3f} on {len(held.labels)} labels, "
            f"temperature {temperature:.2f}"
        )
    model = ModelConfig(
        encoder=encoder_config,
        modality=ImageConfig(size=snapshot.size, channels=snapshot.channels),
        mean=list(snapshot.mean),
        std=list(snapshot.std),
        classes=list(snapshot.classes),
        temperature=temperature,
        sets=held.sets(request.cross_fit.miss) if held else None,
    )
    if held:
        held.save(folder / "held.parquet", table.labelled_rows())
    saved = save(final, model, folder / "model", folder)
    baseline = scratch(request, model, material, meter) if request.scratch.steps else None
    shutil.rmtree(folder / "checkpoints")  # only now: until here a retry finds what is already trained
    context.progress(1.0, "done")
    return Output(
        model=saved[0],
        config=saved[1],
        scratch=baseline.files[0] if baseline else None,
        scratch_config=baseline.files[1] if baseline else None,
        scratch_rate=baseline.rate if baseline else None,
        steps=final.steps,
        labels=len(material.labels),
        pseudo_labels=len(material.kept),
        head_strength=probe.choice.strength,
        head_validation=probe.choice.accuracy,
        validation=held.accuracy if held else None,
        scratch_validation=baseline.validation if baseline else None,
        validated=len(held.labels) if held else 0,
        held=Artifact.of(folder / "held.parquet", folder) if held else None,
        mask=final.figures.get("loss/mask"),
        temperature=temperature,
        seconds=round(final.seconds, 3),
        samples_per_second=round(final.samples_per_second, 1),
        note=note,
    )
