"""Measure predicted numbers on the held-out test samples: the model, the labels alone, the baselines it must beat, the
frozen features; and how often the true number lies inside of its interval.

All models are read on the same samples, so that differences are paired. Intervals are over test samples alone. What is
tuned here (the strength of a ridge, the k of nearest labels) is tuned on the training labels alone.
Letters: M test samples, D features, n labels.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from pydantic import Field, NonNegativeInt, PositiveInt

from components.arrays import Doubles, Floats, Ints
from components.config import Config
from components.crash import point
from components.data.table import Table
from components.encoders import ServedConfig
from components.encoders.baseline import baseline_config, baseline_encoder, baseline_features, linear_config
from components.evaluation.classification.figures import Figure, share
from components.evaluation.regression.baselines import on_features
from components.evaluation.regression.metrics import SizeBin, Spread, by_size, difference, measured
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.modalities.samples import Samples
from components.modalities.table.boosting import fit_boosting_regressor
from components.registry.regressor import Regressor, interval
from components.registry.served import load_model
from components.tasks.registry import USUAL, TaskConfig
from components.training.device import Placement, place
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference.samples import samples_of
from pipelines.pages.wording import amount, left_out_of_margin
from pipelines.stages.evaluate.health import health_of

BASELINES = ("mean", "ridge_plain", "knn_plain", "boosting_plain")
FROZEN = ("ridge_frozen", "knn_frozen")
FEWEST = 5  # test samples below which no figure says anything


class Request(Config):
    """What the stage evaluate is given where the task is regression."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    task: TaskConfig = USUAL
    """What labels mean."""

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

    bootstrap: PositiveInt = 2000
    """Bootstrap resamples of the confidence intervals."""

    bins: PositiveInt = 5
    """Ranges of the true number, of about equally many test samples, for which residuals are reported."""

    seed: NonNegativeInt = 0
    """Seed of resampling."""


class Output(Config):
    """skipped: why there is no model to measure; health is there all the same. samples: M.

    metrics: r2, mae, rmse (each with _low, _high), margin: R² over the best baseline that is not the model itself (with
    _low, _high, paired). baselines: R² of the mean of the labels, of ridge regression, nearest labels and, for tables,
    gradient boosting on plain features; frozen: of ridge regression and nearest labels on frozen features. intervals:
    R² of the model and of all of these, of alone (the encoder on the labels alone) and own (the method's network);
    differences: of the model less each of them. coverage: share of the samples inside of their interval, None without
    intervals; promised, width. sizes: residuals by the size of the true number. predictions: Parquet: id, label,
    prediction, low, high. health: of the frozen features.
    """

    skipped: str | None = None
    samples: int = 0
    metrics: dict[str, float] = Field(default_factory=dict)
    best_baseline: str | None = None
    baselines: dict[str, float] = Field(default_factory=dict)
    frozen: dict[str, float] = Field(default_factory=dict)
    intervals: dict[str, Figure] = Field(default_factory=dict)
    differences: dict[str, Figure] = Field(default_factory=dict)
    coverage: Figure | None = None
    promised: float | None = None
    width: float | None = None
    sizes: list[SizeBin] = Field(default_factory=list)
    predictions: Artifact | None = None
    health: dict[str, float] = Field(default_factory=dict)


def run(request: Request, folder: Path, context: Context) -> Output:
    snapshot, embed = context.output(request.snapshot), context.output(request.embed)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    features = np.load(context.file(request.embed, embed.features), mmap_mode="r")
    test, alive = table.test_rows(), health_of(features, table.train_rows(), request.seed)
    found = context.output(request.finetune)
    if reason := found.skipped or unmeasurable(table, test):
        context.say(f"evaluation of numbers skipped: {reason}")
        return Output(skipped=reason, samples=len(test), health=alive)
    assert table.target is not None
    own, truth = table.labelled_rows(), table.target[test]
    samples, placement = samples_of(request.snapshot, snapshot, context), place(context.settings.device)
    model = _load(context, request.finetune, found.model, found.config)
    said = {"model": _predicted(model, samples, test, placement)}
    for name in ("own", "alone"):
        if (weights := getattr(found, name)) is not None:
            beside = _load(context, request.finetune, weights, getattr(found, f"{name}_config"))
            said[name] = _predicted(beside, samples, test, placement)
    context.progress(0.4, "baselines")
    said |= {"mean": np.full(len(test), table.target[own].mean())}
    said |= simple_models(table, features, samples, request.seed)
    figures = figures_of(said, truth, found.made_of, request)
    half = model.config.width
    rest: dict[str, Any] = {}
    if half is not None:
        inside = np.abs(said["model"] - truth) <= half
        rest["coverage"] = share(inside)
        rest |= {"promised": 1 - model.config.miss, "width": half}
    point("evaluate.measured")
    written = _write(folder, table.ids[test], truth, said["model"], half)
    sizes = by_size(truth, said["model"], half, request.bins)
    output = Output(**figures, **rest, samples=len(test), sizes=sizes, predictions=written, health=alive)
    _tell(output, found.made_of, context)
    return output


def unmeasurable(table: Table, test: Ints) -> str | None:
    """Why nothing can be measured on the test rows."""
    if len(test) < FEWEST:
        return f"{len(test)} labelled test samples, and {FEWEST} are needed to measure on; label more test samples"
    assert table.target is not None
    values = table.target[test]
    if values.max() == values.min():
        return f"all {len(test)} test samples have the same number, {values[0]:g}, so R² is not defined"
    return None


def simple_models(
    table: Table, features: np.ndarray[Any, Any], samples: Samples, seed: int
) -> dict[str, Doubles]:
    """Predictions [M] of the models that are fitted here, by name."""
    own, test = table.labelled_rows(), table.test_rows()
    assert table.target is not None
    known = table.target[own].astype(np.float64)
    mean, scale = float(known.mean()), float(known.std())
    standard = (known - mean) / scale
    train = samples.open(table.train_rows())

    def encoded(config: ServedConfig) -> list[Floats]:
        encoder = baseline_encoder(train, samples.views, config)
        return [baseline_features(encoder, samples.open(rows), samples.views) for rows in (own, test)]

    usual, other = baseline_config(samples.views), linear_config(samples.views)
    on_plain, plain = encoded(usual)
    on_linear, linear = encoded(other) if other != usual else (on_plain, plain)
    simple = on_features(on_plain, standard, plain, linear=(on_linear, linear))
    found = {f"{name}_plain": values for name, values in simple.items()}
    if "boosting" in samples.views.simple:
        rows, asked = (_clean(samples, at) for at in (own, test))
        boosted: Any = fit_boosting_regressor(rows, standard, samples.views.packing, seed)
        found["boosting_plain"] = np.asarray(boosted.predict(asked), dtype=np.float64)
    frozen = [np.asarray(features[rows], dtype=np.float32) for rows in (own, test)]
    found |= {
        f"{name}_frozen": values for name, values in on_features(frozen[0], standard, frozen[1]).items()
    }
    return {name: mean + scale * values for name, values in found.items()}


def figures_of(
    said: dict[str, Doubles], truth: Doubles, made_of: tuple[str, ...], request: Request
) -> dict[str, Any]:
    """Fields of the output, of the predictions [M] by name. made_of: the baseline that is the model itself."""
    how = {"resamples": request.bootstrap, "seed": request.seed}
    of = {name: measured(truth, values, **how) for name, values in said.items()}
    over = {
        name: difference(truth, said["model"], values, **how)
        for name, values in said.items()
        if name != "model"
    }
    r2 = {name: figure["r2"] for name, figure in of.items()}
    present = [name for name in BASELINES if name in r2]
    outside = [name for name in present if name not in made_of]
    best = max(outside or present, key=lambda name: r2[name].value)
    metrics = {f"{name}{end}": value for name, figure in of["model"].items() for end, value in _ends(figure)}
    metrics |= {f"margin{end}": value for end, value in _ends(over[best])}
    return {
        "metrics": metrics,
        "best_baseline": best,
        "baselines": {name: r2[name].value for name in present},
        "frozen": {name: r2[name].value for name in FROZEN if name in r2},
        "intervals": {name: Figure(**figure.model_dump()) for name, figure in r2.items()},
        "differences": {name: Figure(**figure.model_dump()) for name, figure in over.items()},
    }


def _ends(figure: Spread) -> list[tuple[str, float]]:
    return [("", figure.value), ("_low", figure.low), ("_high", figure.high)]


def _clean(samples: Samples, rows: Ints) -> Floats:
    found: Floats = samples.clean(rows, torch.device("cpu")).numpy()
    return found


def _load(context: Context, reference: str, weights: Artifact, config: Artifact) -> Regressor:
    file, description = context.file(reference, weights), context.file(reference, config)
    model = load_model(file.parent, {file.name: weights.sha256, description.name: config.sha256})
    assert isinstance(model, Regressor)
    return model


@torch.inference_mode()
def _predicted(
    model: Regressor, samples: Samples, rows: Ints, placement: Placement, batch: int = 512
) -> Doubles:
    """[M] in float32 whatever the training computed in: as it is served."""
    placement.put(model).eval()
    parts = [
        model(samples.clean(rows[start : start + batch], placement.device)).cpu()
        for start in range(0, len(rows), batch)
    ]
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float64)


def _write(folder: Path, ids: Any, truth: Doubles, predicted: Doubles, half: float | None) -> Artifact:
    low, high = interval(predicted, half)
    columns = {
        "id": pa.array(ids.tolist(), pa.string()),
        "label": pa.array(truth, pa.float64()),
        "prediction": pa.array(predicted, pa.float64()),
        "low": pa.array(low, pa.float64()),
        "high": pa.array(high, pa.float64()),
    }
    file = folder / "predictions.parquet"
    pq.write_table(pa.table(columns), file, compression="zstd")
    return Artifact.of(file, folder)


def _tell(found: Output, served: Collection[str], context: Context) -> None:
    metrics, best = found.metrics, str(found.best_baseline)
    others = {f"baseline/{name}": figure.value for name, figure in found.intervals.items() if name != "model"}
    context.log(0, **metrics, **others)
    context.say(
        f"test R² {metrics['r2']:.3f} ({metrics['r2_low']:.3f} to {metrics['r2_high']:.3f}), mean absolute error "
        f"{amount(metrics['mae'])}; best baseline {best} R² {found.intervals[best].value:.3f}, margin "
        f"{metrics['margin']:+.3f} ({metrics['margin_low']:+.3f} to {metrics['margin_high']:+.3f} over test samples)"
        + left_out_of_margin(served, found.baselines)
    )
    if found.coverage is not None and found.promised is not None:
        context.say(
            f"intervals of ±{amount(found.width or 0.0)}: {found.promised:.0%} of the true numbers were promised "
            f"inside, {found.coverage.value:.1%} of the test samples are ({found.coverage.low:.1%} to "
            f"{found.coverage.high:.1%})"
        )
    context.progress(1.0, "done")
