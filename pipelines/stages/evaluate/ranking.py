"""Evaluation of the task ranking: at which place of all items the one stands that a user chose next, on the events held
out for testing; beside it the simple models of the field, fitted on all events before those.

Letters: M users, V items.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, NonNegativeInt, PositiveInt

from components.arrays import Ints
from components.config import Config
from components.crash import point
from components.data.table import Table
from components.evaluation.classification.bootstrap import mean_interval
from components.evaluation.classification.figures import Figure, figure_of, named
from components.evaluation.ranking.gains import Gains, by_chance
from components.evaluation.ranking.histories import histories_of
from components.evaluation.ranking.simple import fits
from components.modalities.events.config import EventsConfig
from components.modalities.events.packed import PackedEvents
from components.modalities.registry import ModalityConfig
from components.registry.ranking_model import RankingModel
from components.registry.served import load_model
from components.tasks.ranking import RankingConfig
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference.rankings import asked, measured, open_events, ranker, recommended
from pipelines.inference.samples import samples_of
from pipelines.stages.evaluate.health import health_of

FEWEST = 5  # users to measure by
SHOWN = 24  # users in the list of examples


class Request(Config):
    """What the stage evaluate is given."""

    task: RankingConfig = RankingConfig()
    """What labels mean."""

    modality: ModalityConfig = EventsConfig()
    """Kind of the samples and what belongs to it."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    pretrain: str
    """Reference of the finished pretrain; the run fills it in."""

    embed: str
    """Reference of the finished embed; the run fills it in."""

    pseudo_label: str
    """Reference of the finished pseudo_label; the run fills it in."""

    finetune: str
    """Reference of the finished finetune; the run fills it in."""

    bootstrap: PositiveInt = 1000
    """Bootstrap resamples of the confidence intervals."""

    seed: NonNegativeInt = 0
    """Seed of resampling, and of the users that are shown."""


class Output(Config):
    """metrics: ndcg, hit_rate and margin of the NDCG over the best baseline (each with _low, _high, over users);
    chance, the NDCG of a random order; coverage, share of the items that are recommended to anybody; items, users,
    trained_on (users who were trained on): counts. Empty where too few users have an event held out for testing.

    skipped: why there is no model. unmeasured: why nothing could be measured. baselines, hit_rates: NDCG and HR of the
    simple models. intervals, differences: of the NDCG of the model and the baselines, and of the model less each of
    them, paired over users. method: what is served. predictions: Parquet, a row a user: id, label (the item that was
    chosen), ndcg, hit. examples: Parquet: row, chosen, items (recommended), ndcg. health: of the frozen features.
    """

    skipped: str | None = None
    unmeasured: str | None = None
    samples: int = 0
    method: str = ""
    metrics: dict[str, float] = Field(default_factory=dict)
    baselines: dict[str, float] = Field(default_factory=dict)
    hit_rates: dict[str, float] = Field(default_factory=dict)
    best_baseline: str | None = None
    intervals: dict[str, Figure] = Field(default_factory=dict)
    differences: dict[str, Figure] = Field(default_factory=dict)
    predictions: Artifact | None = None
    examples: Artifact | None = None
    health: dict[str, float] = Field(default_factory=dict)


def run(request: Request, folder: Path, context: Context) -> Output:
    snapshot, embed = context.output(request.snapshot), context.output(request.embed)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    features = np.load(context.file(request.embed, embed.features), mmap_mode="r")
    health = health_of(features, table.train_rows(), request.seed)
    tuned = context.output(request.finetune)
    if tuned.skipped is not None:
        context.say(f"evaluation of rankings skipped: {tuned.skipped}")
        return Output(skipped=tuned.skipped, health=health)
    weights, description = (context.file(request.finetune, file) for file in (tuned.model, tuned.config))
    model = load_model(
        weights.parent, {weights.name: tuned.model.sha256, description.name: tuned.config.sha256}
    )
    assert isinstance(model, RankingModel)
    samples = samples_of(request.snapshot, snapshot, context)
    packed, targets = asked(open_events(samples, np.arange(len(table)), "test"))
    common: dict[str, Any] = {"samples": len(targets), "health": health, "method": tuned.method}
    if len(targets) < FEWEST:
        reason = (
            f"nothing can be measured: {FEWEST} users with an event held out for testing are needed, there are "
            f"{len(targets)}; deliver longer histories, or set modality.held_out to time"
        )
        context.say(reason)
        return Output(unmeasured=reason, **common)
    found = {"model": measured(model, packed, targets)}
    given = histories_of(open_events(samples, table.train_rows(), "test"), len(model.names))
    for name, (method, fit) in kept(len(model.names), tuned.penalty).items():
        context.progress(0.1 + 0.8 * len(found) / 6, name)
        other = ranker(
            method, fit(given), given, model.encoder, model.config.encoder, snapshot.packing,
            repeats=model.config.repeats, top=model.config.top,
        )  # fmt: skip
        found[name] = measured(other, packed, targets)
    output = figures(request, found, common, context)
    lists = recommended(model, packed)
    trained = np.isin(packed.rows, table.train_rows())
    output["metrics"] |= {
        "chance": by_chance(len(model.names)),
        "coverage": len(np.unique(lists["items"])) / len(model.names),
        "items": float(len(model.names)),
        "users": float(len(targets)),
        "trained_on": float(trained.sum()),
    }
    point("evaluate.measured")
    context.progress(1.0, "done")
    return Output(
        predictions=_predictions(folder, table, packed, targets, found["model"], model),
        examples=_examples(folder, request, packed, targets, found["model"], model, lists),
        **output,
    )


def kept(items: int, penalty: float | None) -> dict[str, Any]:
    """The simple models, of EASE the one that was chosen, as `ease`."""
    chosen = {name: fit for name, fit in fits(items).items() if not name.startswith("ease ")}
    if penalty is not None:
        chosen["ease"] = fits(items)[f"ease {penalty:g}"]
    return chosen


def figures(
    request: Request, found: dict[str, Gains], common: dict[str, Any], context: Context
) -> dict[str, Any]:
    """What Output says of gains, by name of the ranking."""
    how = {"resamples": request.bootstrap, "seed": request.seed}
    of = {name: figure_of(mean_interval(gains.ndcg, **how)) for name, gains in found.items()}
    own = found["model"]
    beside = [name for name in found if name != "model"]
    over = {name: figure_of(mean_interval(own.ndcg - found[name].ndcg, **how)) for name in beside}
    best = max(beside, key=lambda name: of[name].value)
    metrics = {
        **named("ndcg", of["model"]),
        **named("hit_rate", figure_of(mean_interval(own.hit, **how))),
        **named("margin", over[best]),
    }
    context.log(0, **metrics, **{f"baseline/{name}": of[name].value for name in beside})
    first, margin = of["model"], over[best]
    context.say(
        f"test NDCG@10 {first.value:.3f} ({first.low:.3f} to {first.high:.3f}), HR@10 {metrics['hit_rate']:.3f}, of "
        f"{counted(len(own.ndcg), 'user')}; best baseline {best} {of[best].value:.3f}, margin {margin.value:+.3f} "
        f"({margin.low:+.3f} to {margin.high:+.3f} over users)"
    )
    return {
        **common,
        "metrics": metrics,
        "baselines": {name: of[name].value for name in beside},
        "hit_rates": {name: float(found[name].hit.mean()) for name in beside},
        "best_baseline": best,
        "intervals": of,
        "differences": over,
    }


def _predictions(
    folder: Path, table: Table, packed: PackedEvents, targets: Ints, gains: Gains, model: RankingModel
) -> Artifact:
    names = [model.names[item] if item >= 0 else None for item in targets.tolist()]
    columns = {
        "id": table.ids[packed.rows].tolist(),
        "label": pa.array(names, pa.string()),
        "ndcg": gains.ndcg,
        "hit": gains.hit,
    }
    file = folder / "predictions.parquet"
    pq.write_table(pa.table(columns), file, compression="zstd")
    return Artifact.of(file, folder)


def _examples(
    folder: Path,
    request: Request,
    packed: PackedEvents,
    targets: Ints,
    gains: Gains,
    model: RankingModel,
    lists: dict[str, Any],
) -> Artifact:
    """Some users by chance: what they were recommended, and what they chose."""
    chosen = np.random.default_rng(request.seed).permutation(len(targets))[:SHOWN]
    names, _ = model.recommended({name: lists[name][chosen] for name in ("items", "best")})
    columns = {
        "row": packed.rows[chosen],
        "chosen": pa.array(
            [model.names[item] if item >= 0 else None for item in targets[chosen].tolist()], pa.string()
        ),
        "items": pa.array(names, pa.list_(pa.string())),
        "ndcg": gains.ndcg[chosen],
    }
    file = folder / "examples.parquet"
    pq.write_table(pa.table(columns), file, compression="zstd")
    return Artifact.of(file, folder)
