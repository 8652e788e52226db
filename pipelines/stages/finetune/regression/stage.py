"""Learn a number from few labels: simple models and the pretrained encoder, weighted by what they predict for labels
that they were not given; and an interval around each prediction.

Each label is predicted by trainings that did not see it (cross-fitting), so that none is held out for good, and no test
row is ever looked at.
Letters: N training samples, n labels.
"""

import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from components.arrays import Ints
from components.config import Config
from components.data.table import Table
from components.encoders import Encoder
from components.encoders.joined import Joined
from components.evaluation.regression.conformal import half_width
from components.implementations import name_of
from components.registry.outlier_model import MOST, Ordinary, fit_ordinary
from components.registry.regressor import Regressor, RegressorConfig
from components.registry.served import save_model
from components.tasks.registry import USUAL, TaskConfig
from components.training.finetune_numbers import NumberNetwork, Numbers, predicted
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference.encoder import pretrained
from pipelines.registry.number_candidates import COMMITTEE, NumberPortfolio
from pipelines.stages.finetune.regression.config import METHOD, NumberFinetuneConfig
from pipelines.stages.finetune.regression.data import folds_of, lacking, numbers_of
from pipelines.stages.finetune.regression.portfolio import Chosen, Held, choose, lines
from pipelines.stages.finetune.regression.simple import SIMPLE, Seen, fitting, seen_by
from pipelines.stages.finetune.regression.trainings import Trainings, name_of_training

WIDEST = 2048  # features: whitening for outliers is the square of them


class Request(NumberFinetuneConfig):
    """What the stage finetune is given where the task is regression."""

    task: TaskConfig = USUAL
    """What labels mean."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    pretrain: str
    """Reference of the finished pretrain; the run fills it in."""

    pseudo_label: str
    """Reference of the finished pseudo_label; the run fills it in."""

    champion: str | None = None
    """Reference of the champion's finetune, which a regression does not learn from; the plan fills it in."""

    def check(self) -> None:
        """Every method for numbers works on any kind of data."""


class Output(Config):
    """model, config: model.safetensors and model.json in one folder; likewise alone: the encoder on the labels alone;
    own: the method's own network, where that is not the model.

    skipped: why nothing was trained; all else is then None. method: by which the model was made. labels: n. mean,
    scale: of the labels. width: half of the interval. validation: R² of what is served, on labels that its parts were
    not given. held: Parquet: row of the snapshot's table, target, fold, and the prediction of each candidate, in the
    labels' unit. portfolio: the candidates and what is served. made_of: the baseline that is served as it is.
    """

    skipped: str | None = None
    model: Artifact | None = None
    config: Artifact | None = None
    alone: Artifact | None = None
    alone_config: Artifact | None = None
    own: Artifact | None = None
    own_config: Artifact | None = None
    method: str = ""
    labels: int | None = None
    mean: float | None = None
    scale: float | None = None
    width: float | None = None
    validation: float | None = None
    held: Artifact | None = None
    portfolio: NumberPortfolio | None = None
    made_of: tuple[str, ...] = ()
    steps: int | None = None
    seconds: float | None = None
    samples_per_second: float | None = None
    processes: int | None = None


def run(request: Request, folder: Path, context: Context) -> Output:
    began, snapshot = time.monotonic(), context.output(request.snapshot)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    if reason := lacking(table):
        context.say(f"fine-tuning skipped: {reason}")
        return Output(skipped=f"a regression: {reason}")
    material = numbers_of(request, request.snapshot, snapshot, table, folder, context)
    encoder, config = pretrained(context, request.pretrain)
    material.placement.put(encoder)
    context.progress(0.0, "simple models")
    seen, trainings = seen_by(material, encoder, config), Trainings(request, material, context)
    wanted = request.portfolio.candidates if request.portfolio else ()
    simple: list[str] = [name for name in fitting(material.views) if name in wanted]
    of = folds_of(material.targets, min(request.folds, len(material.targets)), request.seed)
    held = cross_fitted(request, seen, simple, "alone" in wanted, of, trainings)
    every = np.arange(len(material.targets))
    trainings.announce([name_of_training(-1, alone=True)])
    jobs: list[Any] = [partial(SIMPLE[name], seen, request.seed) for name in simple]
    jobs.append(partial(trainings.network, seen, every, -1, True))
    *fitted, (alone, _) = trainings.side_by_side(jobs)
    own, final = trainings.network(seen, every, -1, alone=False)
    networks = dict(zip(simple, fitted, strict=True))
    networks |= {"alone": alone} if "alone" in wanted else {}
    networks[METHOD] = own
    chosen = choose(request.portfolio, networks, held, material)
    for line in lines(chosen.portfolio):
        context.say(line)
    made = save_all(request, chosen, own, alone, held, snapshot, table, material, folder, context)
    shutil.rmtree(folder / "checkpoints")  # only now: until here a retry finds what is already trained
    context.progress(1.0, "done")
    return Output(
        **made,
        labels=len(material.targets),
        mean=material.mean,
        scale=material.scale,
        steps=final.steps,
        seconds=round(time.monotonic() - began, 3),
        samples_per_second=round(final.samples_per_second, 1),
        processes=final.processes,
    )


def cross_fitted(
    request: Request, seen: Seen, simple: list[str], alone: bool, of: Ints, trainings: Trainings
) -> Held:
    """Each label as predicted by the candidates that were not given it, in the order: simple ones, alone, the method.

    of: [n] the fold of each label. alone: whether the encoder on the labels alone is a candidate.
    """
    material, folds = seen.material, range(int(of.max()) + 1)

    def fold(number: int) -> dict[str, Any]:
        use, out = np.flatnonzero(of != number), material.labelled[of == number]
        part = seen.take(use)
        made = {name: SIMPLE[name](part, request.seed) for name in simple}
        if alone:
            made["alone"] = trainings.network(seen, use, number, alone=True)[0]
        made[METHOD] = trainings.network(seen, use, number, alone=False)[0]
        return {name: predicted(network, material, out) for name, network in made.items()}

    trainings.announce([name_of_training(number, kind) for number in folds for kind in (True, False)])
    found = trainings.side_by_side([partial(fold, number) for number in folds])
    held = {name: np.zeros(len(of)) for name in found[0]}
    for number, part in enumerate(found):
        for name, values in part.items():
            held[name][of == number] = values
    return Held(material.targets, held, of)


def save_all(
    request: Request,
    chosen: Chosen,
    own: NumberNetwork,
    alone: NumberNetwork,
    held: Held,
    snapshot: Any,
    table: Table,
    material: Numbers,
    folder: Path,
    context: Context,
) -> dict[str, Any]:
    """Write the model, beside it the method's network and that of the labels alone, each as a model folder, and the
    predictions for held-out labels; as fields of the stage's output."""
    served = chosen.portfolio.served
    half = half_width(chosen.residuals * material.scale, request.miss)
    if half is None:
        context.say(
            f"no intervals: {counted(len(material.targets), 'label')} are too few for a share of {request.miss:g} "
            "outside of them; label more samples, or raise finetune.miss"
        )
    described = RegressorConfig(
        encoder=chosen.network.config,
        packing=snapshot.packing,
        mean=material.mean,
        scale=material.scale,
        width=half,
        miss=request.miss,
    )
    ordinary = ordinary_of(chosen.network, material, request.false_alarms, request.seed)
    made: dict[str, Any] = _named(
        "model", save(chosen.network, described, folder / "model", folder, ordinary)
    )
    made["config"] = made.pop("model_config")
    plain = described.model_copy(update={"width": None})
    if served != METHOD:
        made |= _named("own", save(own, plain, folder / "own", folder))
    made |= _named("alone", save(alone, plain, folder / "alone", folder))
    columns = {
        "row": table.labelled_rows(),
        "target": held.targets * material.scale + material.mean,
        "fold": held.fold,
    }
    columns |= {name: values * material.scale + material.mean for name, values in held.predictions.items()}
    pq.write_table(pa.table(columns), folder / "held.parquet", compression="zstd")
    method = name_of(request.method)
    return made | {
        "held": Artifact.of(folder / "held.parquet", folder),
        "method": method
        if served == METHOD
        else f"{method} in a committee"
        if served == COMMITTEE
        else served,
        "width": half,
        "validation": chosen.portfolio.r2,
        "portfolio": chosen.portfolio,
        "made_of": chosen.portfolio.itself,
    }


def ordinary_of(network: NumberNetwork, material: Numbers, rate: float, seed: int) -> Ordinary | None:
    """What the model holds for ordinary; None where its features were not learnt, are too wide, or are of too few
    samples."""
    encoder, width = network.encoder, network.encoder.embedding_dim
    members = list(encoder.members) if isinstance(encoder, Joined) else [encoder]
    if not any(isinstance(member, Encoder) and member.learnt for member in members) or width > WIDEST:
        return None
    chosen = np.sort(np.random.default_rng(seed).permutation(len(material.packed))[:MOST])
    features = material.features(encoder, chosen)[:, :width]
    return fit_ordinary(features, np.zeros(len(features), dtype=np.int64), rate, seed)


def save(
    network: NumberNetwork,
    config: RegressorConfig,
    target: Path,
    folder: Path,
    ordinary: Ordinary | None = None,
) -> tuple[Artifact, Artifact]:
    """The network as a model folder, with what it holds for ordinary; its two files."""
    changed = {"encoder": network.config, "outliers": ordinary and ordinary.config}
    model = Regressor(config.model_copy(update=changed))
    model.encoder.load_state_dict(network.encoder.state_dict())
    model.head.load_state_dict(network.head.state_dict())
    if ordinary is not None:
        model.means.copy_(torch.from_numpy(ordinary.means))
        model.whiten.copy_(torch.from_numpy(ordinary.whiten))
    weights, description = save_model(model, target)
    return Artifact.of(weights, folder), Artifact.of(description, folder)


def _named(name: str, files: tuple[Artifact, Artifact]) -> dict[str, Artifact]:
    return {name: files[0], f"{name}_config": files[1]}
