"""Pretrain an encoder without labels on the snapshot's training samples: any objective, any number of workers.

From scratch, or (`start`) from the whole end state of an earlier pretrain: see components.training.warm_start.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import NonNegativeInt, model_validator

from components.collectives import rank
from components.config import Config
from components.cores import available
from components.crash import point
from components.data.table import Table
from components.encoders import EncoderConfig, patch_of
from components.encoders.resnet import ResnetConfig
from components.errors import UserError
from components.modalities.base import Packing
from components.modalities.image.config import ImageConfig
from components.modalities.packing import PackingConfig
from components.modalities.registry import ModalityConfig
from components.modalities.samples import Samples
from components.modalities.views import ViewsConfig, default_encoder, views_for
from components.objectives import ObjectiveConfig
from components.objectives.simclr import SimclrConfig
from components.training.checkpoint import export_encoder
from components.training.cluster import Record, Tell, run_on_workers
from components.training.data_parallel import SMALLEST, how_many, together
from components.training.device import place
from components.training.loop import TrainConfig, Trained, train
from components.training.orientation import Orientation, suggested
from components.training.setup import Beginning, begin
from components.training.warm_start import Warm, WarmConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import read_manifest
from pipelines.inference.samples import packing_of, samples_of

VERSION = 3


class Start(Config):
    """What a warm start continues."""

    parent: str
    """Reference of the finished pretrain that the warm start continues."""


class Request(Config):
    """What the stage pretrain is given."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    objective: ObjectiveConfig = SimclrConfig()
    """Pretext task."""

    encoder: EncoderConfig = ResnetConfig()
    """Network that is trained."""

    train: TrainConfig = TrainConfig()
    """Training loop."""

    views: ViewsConfig | str | None = None
    """Global views: those of a policy (docs/methods.md); `measured`: those of the policy that suits the samples,
    measured without labels; the options of a view; null: a view's defaults. Objectives that predict the colours of a
    sample see the same without changes of colour."""

    local_views: ViewsConfig | None = None
    """Options of the local (small) views, of which `objective.locals` is the number; their side is half that of the
    global ones where none is named. Null: as the global ones, of an area from 0.05 to where theirs begins."""

    warm: WarmConfig = WarmConfig()
    """How a warm start is trained; unused without `start`."""

    seed: NonNegativeInt = 0
    """Seed of initialisation, order of samples and views."""

    start: Start | None = None
    """What a warm start continues; the plan fills it in. Null: training from scratch."""

    @model_validator(mode="before")
    @classmethod
    def _of_the_modality(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return views_for(default_encoder(given), ("views", "local_views"), ("views",))

    def training(self) -> TrainConfig:
        """`train`, shorter and at a lower rate for a warm start."""
        if self.start is None:
            return self.train
        epochs, optimiser = self.train.epochs, self.train.optimiser
        changed = {"epochs": self.warm.epochs_of(epochs), "optimiser": self.warm.optimiser_of(optimiser)}
        return self.train.model_copy(update=changed)


class Output(Config):
    """encoder: safetensors. checkpoint: the whole end state. encoder_config, packing: to build it
    anew.

    figures: of the last epoch. seconds: of training. samples_per_second: of all processes, of which `processes`
    shared every batch. generation: warm starts since a training from scratch. new_samples: those that the parent
    had not; all without a parent. policy: of the views, None where the recipe names none; orientation: what it rests
    on, where it was measured.
    """

    encoder: Artifact
    checkpoint: Artifact
    encoder_config: EncoderConfig
    packing: PackingConfig
    feature_dim: int
    samples: int
    steps: int
    epochs: int
    figures: dict[str, float]
    samples_per_second: float
    data_wait_share: float
    seconds: float
    processes: int = 1
    collapsed: bool = False
    generation: int = 0
    new_samples: int = 0
    policy: str | None = None
    orientation: Orientation | None = None


def run(request: Request, folder: Path, context: Context) -> Output:
    """Raises Collapse when the representation is dead, UserError when there is nothing to train on."""
    snapshot = context.output(request.snapshot)
    if snapshot.samples == 0:
        raise UserError(
            "no-samples", "pretraining needs samples and the snapshot has none; deliver some to the inbox"
        )
    parent = read_manifest(request.start.parent, context.store) if request.start else None
    samples, packing = samples_of(request.snapshot, snapshot, context), snapshot.packing
    if parent is not None:
        _fits(parent, request, packing)
        packing = packing_of(parent.output)  # the encoder has learnt to see through its statistics
    policy, measured = _policy(request, parent, samples, snapshot, context)
    views = samples.views.roles(policy or request.views, request.local_views, patch_of(request.encoder))
    config = {
        "request": request.model_dump(mode="json"),
        "views": {role: view.model_dump(mode="json") for role, view in views.items()},
        "samples": samples.model_dump(mode="json"),
        "packing": packing.model_dump(mode="json"),
        "table": str(context.file(request.snapshot, snapshot.table)),
        "folder": str(folder),
        "device": context.settings.device,
        "parent": _files(request.start.parent, context) if request.start else None,
    }
    epochs = request.training().epochs

    def hear(record: Record) -> None:
        if "say" in record:
            context.say(record["say"])
            return
        figures = record["figures"]
        context.log(record["step"], **figures)
        context.progress(figures["progress"], describe(figures, epochs))

    if context.settings.workers:
        done = run_on_workers(
            fit,
            config,
            workers=context.settings.workers,
            name=f"pretrain-{folder.name.strip('.').removesuffix('.part')}",
            storage=folder,
            home=context.settings.home,
            address=context.settings.ray,
            hear=hear,
        )
    else:
        rows = len(Table.load(Path(str(config["table"]))).train_rows())
        processes = _processes(request.training(), rows, folder, context)
        done = together(lambda: fit(config, hear if rank() == 0 else _unheard), processes, context.say)
    return Output(
        encoder=Artifact.of(folder / "encoder.safetensors", folder),
        checkpoint=Artifact.of(folder / "checkpoints" / done.pop("checkpoint"), folder),
        encoder_config=request.encoder,
        packing=packing,
        epochs=epochs,
        policy=policy,
        orientation=measured,
        generation=parent.output.get("generation", 0) + 1 if parent is not None else 0,
        **done,
    )


def _policy(
    request: Request, parent: Manifest | None, samples: Samples, snapshot: Any, context: Context
) -> tuple[str | None, Orientation | None]:
    """The policy of the views, and what was measured for it; a warm start has that of its parent."""
    if request.views is None or isinstance(request.views, Config):
        return None, None
    if request.views != "measured":
        return request.views, None
    if parent is not None and parent.output.get("policy"):
        return parent.output["policy"], None
    rows = Table.load(context.file(request.snapshot, snapshot.table)).train_rows()
    policy, found = suggested(samples, rows, request.seed)
    context.say(
        f"views of policy {policy}: {found.line() if found else 'the usual one, nothing was measured'}"
    )
    return policy, found


def _processes(config: TrainConfig, rows: int, folder: Path, context: Context) -> int:
    """On this machine, for a training on so many rows; says where cores are left over."""
    device, cores = place(context.settings.device, config.precision).device, context.settings.cores
    # Fewer rows than a batch are one batch, less what the processes cannot share.
    batch = config.batch_size if rows >= config.batch_size else rows - rows % cores
    processes = how_many(folder / "checkpoints", device, cores, batch)
    if device.type == "cpu" and processes < min(cores, available()):
        context.say(
            f"{processes} of {cores} cores train: batch_size {batch} in equal parts of at least {SMALLEST} samples"
        )
    elif device.type == "cpu" and processes > available():
        context.say(
            f"{processes} processes share {available()} cores, as SELFSUP_CPUS or an earlier start asks for"
        )
    return processes


def _unheard(record: Record) -> None:
    """What the other processes tell is what the first one tells."""


def _fits(parent: Manifest, request: Request, packing: Packing) -> None:
    """Raises UserError where the parent's state has no place in what is asked."""
    assert request.start is not None
    asked = request.model_dump(mode="json")
    for name, was, now in (
        ("objective", parent.request["objective"], asked["objective"]),
        ("encoder", parent.request["encoder"], asked["encoder"]),
        ("views", parent.request["views"], asked["views"]),
        ("local_views", parent.request["local_views"], asked["local_views"]),
        ("packing", True, packing_of(parent.output).reads(packing)),
    ):
        if was != now:
            raise UserError(
                "warm-start-impossible",
                f"a warm start needs the parent's {name}, and that of {request.start.parent} is another one: "
                f"train from scratch (--force scratch)",
            )


def _files(parent: str, context: Context) -> Record:
    """Paths of the parent's end state and of the table that says what it was trained on."""

    def path(reference: str, name: str) -> str:
        output = read_manifest(reference, context.store).output
        return str(context.file(reference, Artifact.model_validate(output[name])))

    snapshot = read_manifest(parent, context.store).request["snapshot"]
    return {"checkpoint": path(parent, "checkpoint"), "table": path(snapshot, "table")}


def describe(figures: dict[str, float], epochs: int) -> str:
    """One line for a person who follows the training."""
    parts = [f"epoch {min(epochs, int(figures['epoch']) + 1)}/{epochs}", f"loss {figures['loss/total']:.3f}"]
    if "samples_per_second" in figures:
        parts.append(f"{figures['samples_per_second']:.0f} samples/s")
    if "diagnostics/rank" in figures:
        parts.append(f"rank {figures['diagnostics/rank']:.1f}")
    return " · ".join(parts)


def fit(config: Record, tell: Tell) -> Record:
    """What every worker runs: train, and on the first one write the encoder."""
    request, folder = Request.model_validate(config["request"]), Path(config["folder"])
    table = Table.load(Path(config["table"]))
    rows = table.train_rows()
    given = Beginning(
        **{name: config[name] for name in ("samples", "packing", "table", "device", "views")},
        encoder=request.encoder,
        objective=request.objective,
        train=request.training(),
        seed=request.seed,
    )
    begun = begin(given, rows, table.label[rows])
    warm = _warm(config["parent"], table, request.warm.replay) if config["parent"] else None
    trained = train(
        begun.learner,
        begun.source,
        given.train,
        folder / "checkpoints",
        lambda step, figures: tell({"step": step, "figures": figures}),
        seed=request.seed,
        placement=begun.placement,
        check=begun.look,
        warm=warm,
        say=lambda text: tell({"say": text}),
    )
    point("pretrain.trained")
    if rank() == 0:
        final = trained.average or trained.learner
        export_encoder(folder / "encoder.safetensors", final.objective.exported(final.encoder))
    return {
        **_result(trained),
        "feature_dim": begun.encoder.feature_dim,
        "samples": len(rows),
        "new_samples": len(rows) if warm is None else len(warm.new),
    }


def _warm(parent: Record, table: Table, replay: float) -> Warm:
    """New is what the parent was not trained on, by id."""
    before = Table.load(Path(parent["table"]))
    known = np.isin(table.ids[table.train_rows()], before.ids[before.train_rows()])
    new, old = (torch.from_numpy(np.flatnonzero(which)) for which in (~known, known))
    return Warm(Path(parent["checkpoint"]), new, old, replay)


def _result(trained: Trained) -> Record:
    return {
        "checkpoint": trained.checkpoint.name,
        "steps": trained.steps,
        "figures": trained.figures,
        "samples_per_second": trained.samples_per_second,
        "data_wait_share": trained.data_wait_share,
        "seconds": trained.seconds,
        "processes": trained.processes,
    }
