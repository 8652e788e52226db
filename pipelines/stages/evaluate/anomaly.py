"""Evaluation of the task anomaly: how well the score ranks labelled test samples, what a budget of alarms finds, and
whether the rate of false alarms is kept; beside it an isolation forest and ECOD on what the detectors see, and on
the numbers of a table alone.

Without labelled anomalies and normal samples in the test set nothing of that can be measured; then the ranking is there
all the same, and the output says what to label.
Letters: M test samples, J detectors, D features.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from pydantic import Field, NonNegativeInt, PositiveInt

from components.arrays import Bools, Doubles, Ints
from components.config import Config
from components.crash import point
from components.data.table import Table
from components.encoders.baseline import baseline_features
from components.evaluation.anomaly.detectors import FITS
from components.evaluation.anomaly.figures import among_alarms
from components.evaluation.anomaly.intervals import precision_intervals
from components.evaluation.anomaly.threshold import false_alarms
from components.evaluation.classification.figures import Figure, figure_of, named
from components.evaluation.classification.probe import moments
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.modalities.samples import Samples
from components.registry.anomaly_model import AnomalyModel
from components.registry.served import load_model
from components.tasks.anomaly import ANOMALY, AnomalyConfig
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference.samples import samples_of
from pipelines.stages.evaluate.health import health_of

BATCH = 1024
BASELINES = {"isolation_forest": "isolation forest", "ecod": "ecod"}
FEWEST = 5  # labelled anomalies, and normal samples, for testing


class Request(Config):
    """What the stage evaluate is given."""

    task: AnomalyConfig = AnomalyConfig()
    """What labels mean."""

    modality: ModalityConfig = ImageConfig.model_validate({})
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

    review: PositiveInt = 200
    """Samples in the ranked list for review."""

    seed: NonNegativeInt = 0
    """Seed of resampling and of the baselines."""


class Output(Config):
    """metrics: average_precision and margin over the best baseline (each with _low, _high), at the alarm budget (of
    all test samples, with a label or not, the rate of false alarms times their number with the highest scores)
    precision_at_budget and recall_at_budget, of those with a label, above
    the threshold precision, recall and false_alarm_rate, which is of the normal samples; budget, anomalies, normals:
    counts. Empty where the test set has too few labels.

    skipped: why there is no model. unmeasured: why nothing could be measured, and what to label. baselines: average
    precision of an isolation forest and of ECOD on plain features, fitted on the same samples, NAME_numbers of those on
    the numbers of a table alone. detectors: that of each
    detector alone. intervals, differences: of the average precision of the model and the baselines, and of the model
    less each of them, paired. alarm_rate: share of all test samples above the threshold, None without one.
    predictions: Parquet, a row a labelled test sample: id, label, score, alarm. review: Parquet, the samples without a
    label that are ranked highest: rank, row, id, split, score, detector, columns. health: of the frozen features.
    """

    skipped: str | None = None
    unmeasured: str | None = None
    samples: int = 0
    metrics: dict[str, float] = Field(default_factory=dict)
    baselines: dict[str, float] = Field(default_factory=dict)
    detectors: dict[str, float] = Field(default_factory=dict)
    best_baseline: str | None = None
    intervals: dict[str, Figure] = Field(default_factory=dict)
    differences: dict[str, Figure] = Field(default_factory=dict)
    alarm_rate: float | None = None
    predictions: Artifact | None = None
    review: Artifact | None = None
    health: dict[str, float] = Field(default_factory=dict)


def run(request: Request, folder: Path, context: Context) -> Output:
    snapshot, embed = context.output(request.snapshot), context.output(request.embed)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    features = np.load(context.file(request.embed, embed.features), mmap_mode="r")
    train, test = table.train_rows(), table.test_rows()
    common: dict[str, Any] = {"samples": len(test), "health": health_of(features, train, request.seed)}
    found = context.output(request.finetune)
    if found.skipped is not None:
        context.say(f"evaluation of anomalies skipped: {found.skipped}")
        return Output(skipped=found.skipped, **common)
    samples = samples_of(request.snapshot, snapshot, context)
    weights, description = (context.file(request.finetune, file) for file in (found.model, found.config))
    model = load_model(
        weights.parent, {weights.name: found.model.sha256, description.name: found.config.sha256}
    )
    assert isinstance(model, AnomalyModel)
    held = pq.read_table(context.file(request.finetune, found.held))
    anomaly = table.label[test] == snapshot.classes.index(ANOMALY)
    every = np.flatnonzero(table.split == "test")
    seen = seen_by(model, samples, every)
    limit = model.config.threshold
    common |= {
        "alarm_rate": None if limit is None or not len(every) else float((seen["score"] > limit).mean())
    }
    common["review"] = _review(folder, request, table, model, samples, (every, seen), held)
    context.progress(0.4, "scores of the test samples")
    reason = _unmeasurable(anomaly)
    if reason is not None:
        context.say(reason)
        return Output(unmeasured=reason, **common)
    place = np.searchsorted(every, test)
    scores, ranks = seen["score"][place], seen["ranks"][place]
    beside = baselines(model, samples, held["row"].to_numpy().copy(), test, request.seed)
    context.progress(0.7, "the baselines")
    budget = max(1, round(request.task.false_alarms * len(every)))
    alarmed = among_alarms(seen["score"], budget)[place]
    rest = _measured(request, scores, ranks, anomaly, limit, beside, model, (budget, alarmed), context)
    point("evaluate.measured")
    file = folder / "predictions.parquet"
    label = [snapshot.classes[place] for place in table.label[test]]
    columns = {"id": table.ids[test].tolist(), "label": label, "score": scores, "alarm": model.alarms(scores)}
    pq.write_table(pa.table(columns), file, compression="zstd")
    context.progress(1.0, "done")
    return Output(predictions=Artifact.of(file, folder), **common, **rest)


@torch.inference_mode()
def seen_by(model: AnomalyModel, samples: Samples, rows: Ints) -> dict[str, Any]:
    """What the model finds in these rows: arrays [M, ...] by name."""
    parts = [
        model.see(samples.clean(rows[start : start + BATCH])) for start in range(0, max(1, len(rows)), BATCH)
    ]
    return {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}


def baselines(
    model: AnomalyModel, samples: Samples, fitted: Ints, rows: Ints, seed: int
) -> dict[str, Doubles]:
    """Name -> [M] scores of `rows` by detectors on plain features of the rows `fitted`; on the encoder's features where
    the model has no plain ones. Of a table with categories also on its numbers alone, on which people usually fit them:
    a category without a meaning for the anomalies makes a forest worse."""
    encoder, packed = model.plain or model.encoder, samples.open()
    x, asked = (baseline_features(encoder, packed, samples.views, of) for of in (fitted, rows))
    centre, scale = moments(x)
    points, queries = (x - centre) / scale, (asked - centre) / scale
    parts = {"": points.shape[1]}
    if 0 < encoder.raw_numbers < points.shape[1]:
        parts["_numbers"] = encoder.raw_numbers
    return {
        f"{name}{part}": FITS[of](points[:, :width], seed).scores(queries[:, :width])
        for part, width in parts.items()
        for name, of in BASELINES.items()
    }


def _measured(
    request: Request,
    scores: Doubles,
    ranks: Doubles,
    anomaly: Bools,
    limit: float | None,
    beside: dict[str, Doubles],
    model: AnomalyModel,
    alarms: tuple[int, Doubles],
    context: Context,
) -> dict[str, Any]:
    """alarms: the budget, and [M] how probably each sample is in it."""
    each = dict(zip(model.config.detectors, ranks.T, strict=True))
    of, over = precision_intervals(
        {"model": scores, **beside}, anomaly, resamples=request.bootstrap, seed=request.seed
    )
    alone, _ = precision_intervals({"model": scores, **each}, anomaly, resamples=1, seed=request.seed)
    best = max(beside, key=lambda name: of[name].value)
    budget, alarmed = alarms
    metrics = {
        **named("average_precision", figure_of(of["model"])),
        **named("margin", figure_of(over[best])),
        "precision_at_budget": float(alarmed[anomaly].sum() / max(alarmed.sum(), 1e-12)),
        "recall_at_budget": float(alarmed[anomaly].mean()),
        "budget": float(budget),
        "anomalies": float(anomaly.sum()),
        "normals": float((~anomaly).sum()),
    }
    if limit is not None:
        alarm = scores > limit
        metrics |= {
            "recall": float(alarm[anomaly].mean()),
            "precision": float(anomaly[alarm].mean()) if alarm.any() else 0.0,
            "false_alarm_rate": false_alarms(scores, anomaly, limit),
        }
    context.log(0, **metrics, **{f"baseline/{name}": of[name].value for name in beside})
    first, margin = of["model"], over[best]
    context.say(
        f"test average precision {first.value:.3f} ({first.low:.3f} to {first.high:.3f}), best baseline {best} "
        f"{of[best].value:.3f}, margin {margin.value:+.3f} ({margin.low:+.3f} to {margin.high:+.3f} over test "
        f"samples); {budget} alarms find {metrics['recall_at_budget']:.1%} of {counted(int(anomaly.sum()), 'anomaly')}"
    )
    return {
        "metrics": metrics,
        "baselines": {name: of[name].value for name in beside},
        "detectors": {name: alone[name].value for name in each},
        "best_baseline": best,
        "intervals": {name: figure_of(one) for name, one in of.items()},
        "differences": {name: figure_of(one) for name, one in over.items()},
    }


def _unmeasurable(anomaly: Bools) -> str | None:
    """What the test set lacks, and what to do."""
    odd, usual = int(anomaly.sum()), int((~anomaly).sum())
    if min(odd, usual) >= FEWEST:
        return None
    return (
        f"nothing can be measured: {FEWEST} anomalies and {FEWEST} normal samples with a label are needed in the test "
        f"set, there are {odd} and {usual}; label the samples marked as testing in the report's list, or deliver "
        "labels whose `split` is test"
    )


def _review(
    folder: Path,
    request: Request,
    table: Table,
    model: AnomalyModel,
    samples: Samples,
    tests: tuple[Ints, dict[str, Any]],
    held: pa.Table,
) -> Artifact:
    """The samples without a label, the most anomalous first: training samples by the score of detectors that did not
    see them, test samples by that of the model."""
    rows = np.concatenate([held["row"].to_numpy(), tests[0]])
    scores = np.concatenate([held["score"].to_numpy(), tests[1]["score"]])
    free = np.flatnonzero(table.label[rows] < 0)
    chosen = free[np.lexsort((rows[free], -scores[free]))][: request.review]
    seen = model.columns(seen_by(model, samples, rows[chosen]))
    columns = {
        "rank": np.arange(1, len(chosen) + 1),
        "row": rows[chosen],
        "id": table.ids[rows[chosen]].tolist(),
        "split": table.split[rows[chosen]].tolist(),
        "score": scores[chosen],
        "detector": seen["detector"],
        "columns": pa.array(seen["columns"], pa.list_(pa.string())),
    }
    file = folder / "review.parquet"
    pq.write_table(pa.table(columns), file, compression="zstd")
    return Artifact.of(file, folder)
