"""Pretrain an encoder without labels on the snapshot's training samples, with any objective, on any number
of workers.

Letters: n samples that are looked at for diagnostics, B samples in a batch, D feature size.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import NonNegativeInt
from torch import Tensor, nn

from components.collectives import rank
from components.config import Config
from components.data.packed import Packed
from components.data.table import Table
from components.encoders import EncoderConfig, build_encoder
from components.encoders.resnet import ResnetConfig
from components.errors import UserError
from components.evaluation.diagnostics import REMEDIES, diagnose, symptoms
from components.objectives import ObjectiveConfig, build_objective
from components.objectives.simclr import SimclrConfig
from components.training.checkpoint import export_encoder
from components.training.cluster import Record, Tell, run_on_workers
from components.training.device import Placement, place
from components.training.learner import Learner, draw
from components.training.loop import Check, TrainConfig, Trained, train
from components.training.source import ViewSource
from pipelines.store import Artifact, Context

VERSION = 1
LOOK = 1024  # samples for diagnostics


class Request(Config):
    snapshot: str
    objective: ObjectiveConfig = SimclrConfig()
    encoder: EncoderConfig = ResnetConfig()
    train: TrainConfig = TrainConfig()
    seed: NonNegativeInt = 0


class Output(Config):
    """encoder: safetensors. checkpoint: the whole end state. encoder_config, channels, mean, std: to build
    it anew.

    figures: of the last epoch. seconds: of training. samples_per_second: of all workers.
    """

    encoder: Artifact
    checkpoint: Artifact
    encoder_config: EncoderConfig
    channels: int
    size: int
    mean: list[float]
    std: list[float]
    feature_dim: int
    samples: int
    steps: int
    epochs: int
    figures: dict[str, float]
    samples_per_second: float
    data_wait_share: float
    seconds: float
    collapsed: bool = False


def run(request: Request, folder: Path, context: Context) -> Output:
    """Raises Collapse when the representation is dead, UserError when there is nothing to train on."""
    snapshot = context.output(request.snapshot)
    if snapshot.samples == 0:
        raise UserError("pretraining needs samples and the snapshot has none; deliver some to the inbox")
    config = {
        "request": request.model_dump(mode="json"),
        "images": str(context.file(request.snapshot, snapshot.images)),
        "table": str(context.file(request.snapshot, snapshot.table)),
        "channels": snapshot.channels,
        "mean": snapshot.mean,
        "std": snapshot.std,
        "folder": str(folder),
        "device": context.settings.device,
    }

    def hear(record: Record) -> None:
        if "say" in record:
            context.say(record["say"])
            return
        figures = record["figures"]
        context.log(record["step"], **figures)
        context.progress(figures["progress"], describe(figures, request.train.epochs))

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
    return Output(
        encoder=Artifact.of(folder / "encoder.safetensors", folder),
        checkpoint=Artifact.of(folder / "checkpoints" / done.pop("checkpoint"), folder),
        encoder_config=request.encoder,
        channels=snapshot.channels,
        size=snapshot.size,
        mean=snapshot.mean,
        std=snapshot.std,
        epochs=request.train.epochs,
        **done,
    )


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
    placement = place(config["device"], request.train.precision)
    packed = Packed.open(Path(config["images"]), Table.load(Path(config["table"])).train_rows())
    if len(packed) < 2:
        raise UserError(f"pretraining needs at least 2 training samples, got {len(packed)}; deliver more")
    torch.manual_seed(draw(request.seed))
    encoder = build_encoder(request.encoder, config["channels"], config["mean"], config["std"])
    objective = build_objective(request.objective, encoder.feature_dim, len(packed))
    learner = Learner(encoder, objective)
    source = ViewSource(
        packed,
        objective.views,
        batch_size=request.train.batch_size,
        seed=request.seed,
        device=placement.device,
    )
    trained = train(
        learner,
        source,
        request.train,
        folder / "checkpoints",
        lambda step, figures: tell({"step": step, "figures": figures}),
        seed=request.seed,
        placement=placement,
        check=Look(learner, source, placement, request.seed),
        say=lambda text: tell({"say": text}),
    )
    if rank() == 0:
        final = trained.average or trained.learner
        export_encoder(folder / "encoder.safetensors", final.encoder)
    return _result(trained, encoder.feature_dim, len(packed))


def _result(trained: Trained, feature_dim: int, samples: int) -> Record:
    return {
        "checkpoint": trained.checkpoint.name,
        "feature_dim": feature_dim,
        "samples": samples,
        "steps": trained.steps,
        "figures": trained.figures,
        "samples_per_second": trained.samples_per_second,
        "data_wait_share": trained.data_wait_share,
        "seconds": trained.seconds,
    }


class Look:
    """Looks at the same training samples each time, clean and in two views that are the same each time,
    too."""

    def __init__(self, learner: Learner, source: ViewSource, placement: Placement, seed: int) -> None:
        self.learner, self.source, self.placement, self.seed = learner, source, placement, draw(seed, -1)
        count = min(LOOK, source.rows)
        self.index = torch.from_numpy(np.linspace(0, source.rows - 1, count).astype(np.int64))

    @torch.no_grad()
    def __call__(self, loss: float) -> Check:
        images = self.source.packed.gather(self.index).to(self.placement.device)
        generator = torch.Generator(self.placement.device).manual_seed(self.seed)
        spec = ((self.source.views[0][0], 2),)
        views = self.source.augmented(images, generator, spec)
        encoder = self.learner.encoder
        training = encoder.training
        encoder.eval()
        clean, *others = (self._features(encoder, x) for x in (images.float() / 255, *views))
        encoder.train(training)
        figures = diagnose(clean, (others[0], others[1]))
        collapse_loss: Any = getattr(self.learner.objective, "collapse_loss", None)
        found = symptoms(figures, loss=loss, collapse_loss=collapse_loss)
        return Check(figures, f"{'; '.join(found)}; {REMEDIES}" if found else None)

    def _features(self, encoder: nn.Module, x: Tensor) -> Tensor:
        with self.placement.autocast():
            return torch.cat([encoder(part).float() for part in torch.split(x, 256)]).cpu()
