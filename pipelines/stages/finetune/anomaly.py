"""Fine-tuning of the task anomaly: detectors are fitted on plain features and on those of the pretrained encoder.

No label is needed. A few labelled anomalies add a head that tells them from the other samples, and count in how the
detectors are fitted (components.evaluation.anomaly). The threshold comes from scores of training samples by detectors
that were fitted on others.
Letters: N training samples, D features.
"""

import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, NonNegativeInt

from components.arrays import Bools, Doubles, Ints
from components.config import Config
from components.data.table import Table
from components.encoders import Encoder, ServedConfig
from components.encoders.baseline import baseline_encoder, baseline_features, raw_config
from components.evaluation.anomaly.scorer import Scorer, fit_scorer, held_out
from components.evaluation.anomaly.threshold import alarm_threshold
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.modalities.samples import Samples
from components.modalities.views import build_views
from components.registry.anomaly_model import (
    LEARNT,
    PLAIN,
    AnomalyDescription,
    AnomalyModel,
    described,
    fill,
)
from components.registry.served import save_model
from components.tasks.anomaly import ANOMALY, AnomalyConfig
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference.encoder import pretrained
from pipelines.inference.samples import samples_of

FEWEST = 20  # training samples that are no labelled anomalies
WIDEST = 1024  # plain features


class Request(Config):
    """What the stage finetune is given."""

    task: AnomalyConfig = AnomalyConfig()
    """What labels mean."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    pretrain: str
    """Reference of the finished pretrain; the run fills it in."""

    pseudo_label: str
    """Reference of the finished pseudo_label; the run fills it in."""

    champion: str | None = None
    """Reference of the champion's finetune after a warm start; detectors are fitted anew all the same."""

    features: Literal["both", "plain", "encoder"] | None = None
    """What the detectors look at: the plain features of the samples (columns of a table, pixels), those of the
    pretrained encoder, or both; null: the columns of a table, and both of other samples."""

    most: int = Field(default=16_384, ge=100)
    """Most training samples that the detectors are fitted on; of more a part is drawn."""

    seed: NonNegativeInt = 0
    """Seed of the draws."""

    def check(self) -> None:
        """Nothing of it depends on another section of the recipe."""


class Output(Config):
    """model, config: model.safetensors and model.json in one folder.

    skipped: why nothing was fitted; all else is then None. method: what was fitted. samples: training samples that it
    was fitted on; anomalies, normals: labelled ones among them. share: of the head on labelled anomalies in the score,
    None without one. threshold: of the score, None where there are too few samples for the rate. kept_normal: whether
    it comes from samples with the label normal, or from all that are not labelled as anomalies. held: Parquet (row,
    score), of these samples by detectors that did not see them. made_of: always empty. note: what a person should know.
    """

    skipped: str | None = None
    model: Artifact | None = None
    config: Artifact | None = None
    method: str = ""
    detectors: tuple[str, ...] = ()
    samples: int = 0
    labels: int | None = None
    anomalies: int = 0
    normals: int = 0
    share: float | None = None
    threshold: float | None = None
    kept_normal: bool = False
    held: Artifact | None = None
    made_of: tuple[str, ...] = ()
    seconds: float | None = None
    note: str = ""


def run(request: Request, folder: Path, context: Context) -> Output:
    began, snapshot = time.monotonic(), context.output(request.snapshot)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    odd = snapshot.classes.index(ANOMALY)
    rows = _drawn(table, request.most, request.seed)
    anomaly, normal = table.label[rows] == odd, (table.label[rows] >= 0) & (table.label[rows] != odd)
    if (~anomaly).sum() < FEWEST:
        reason = (
            f"{counted(int((~anomaly).sum()), 'training sample')} that {'is' if (~anomaly).sum() == 1 else 'are'} not "
            f"labelled as an anomaly, and detectors need {FEWEST} or more"
        )
        context.say(f"fine-tuning skipped: {reason}; deliver more samples, or correct task.anomalies")
        return Output(skipped=reason)
    samples = samples_of(request.snapshot, snapshot, context)
    encoder, encoder_config = pretrained(context, request.pretrain)
    kinds, notes = encoders_of(request, samples, encoder, rows)
    given = {kind: baseline_features(one, samples.open(), samples.views, rows) for kind, one in kinds.items()}
    given, more = varying(given)
    notes += more
    if not given:
        reason = "training samples that all have the same features"
        context.say(f"fine-tuning skipped: {reason}; deliver samples that differ")
        return Output(skipped=reason)
    context.progress(0.3, f"fitting detectors on {counted(len(rows), 'sample')}")
    scorer = fit_scorer(given, anomaly, request.seed)
    context.progress(0.5, "the threshold, by detectors that did not see the sample")
    held = held_out(given, anomaly, request.seed)
    threshold, kept_normal = limit_of(held, anomaly, normal, request.task.false_alarms)
    notes.append(_about_threshold(threshold, kept_normal, held, anomaly, normal, request))
    model = _model(request, snapshot, encoder_config, encoder, kinds, given, scorer, threshold)
    weights, description = save_model(model, folder / "model")
    file = folder / "held.parquet"
    pq.write_table(pa.table({"row": rows, "score": held}), file, compression="zstd")
    for note in notes:
        context.say(note)
    context.progress(1.0, "done")
    return Output(
        model=Artifact.of(weights, folder),
        config=Artifact.of(description, folder),
        method="detectors" if scorer.head is None else "detectors and labelled anomalies",
        detectors=model.config.detectors,
        samples=len(rows),
        labels=int(anomaly.sum() + normal.sum()),
        anomalies=int(anomaly.sum()),
        normals=int(normal.sum()),
        share=None if scorer.head is None else scorer.head.share,
        threshold=threshold,
        kept_normal=kept_normal,
        held=Artifact.of(file, folder),
        seconds=round(time.monotonic() - began, 3),
        note="; ".join(notes),
    )


def encoders_of(
    request: Request, samples: Samples, encoder: Encoder, rows: Ints
) -> tuple[dict[str, Encoder], list[str]]:
    """The encoder of each kind of features, and what a person should know of the choice."""
    kinds, notes, wanted = dict[str, Encoder](), list[str](), request.features
    if wanted != "encoder":
        plain = baseline_encoder(samples.open(rows), samples.views, raw_config(samples.views))
        wanted = wanted or ("plain" if plain.columns else "both")
        if plain.feature_dim <= WIDEST:
            kinds[PLAIN] = plain
        else:
            notes.append(
                f"plain features are left out: {plain.feature_dim:,} are too many for detectors, which take {WIDEST:,}"
            )
    if wanted != "plain" or not kinds:
        kinds[LEARNT] = encoder.eval()
    return kinds, notes


def varying(given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The kinds of features that are not the same for all samples."""
    found = {kind: x for kind, x in given.items() if np.ptp(x, axis=0).any()}
    return found, [
        f"the {kind} are the same for all samples, and left out" for kind in given.keys() - found.keys()
    ]


def limit_of(held: Doubles, anomaly: Bools, normal: Bools, rate: float) -> tuple[float | None, bool]:
    """The threshold, and whether it comes from samples labelled as normal: where these are enough for the rate;
    otherwise all count that are not labelled as anomalies, of which some are, so that it is rather too high."""
    for usual, labelled in ((normal, True), (~anomaly, False)):
        found = alarm_threshold(held[usual], rate)
        if np.isfinite(found):
            return found, labelled
    return None, False


def _drawn(table: Table, most: int, seed: int) -> Ints:
    """At most so many training rows, all labelled ones among them as far as they go."""
    rows = table.train_rows()
    if len(rows) <= most:
        return rows
    order = np.random.default_rng(seed).permutation(rows)
    return np.sort(order[np.argsort(table.label[order] < 0, kind="stable")][:most])


def _about_threshold(
    threshold: float | None, kept_normal: bool, held: Doubles, anomaly: Bools, normal: Bools, request: Request
) -> str:
    rate = request.task.false_alarms
    if threshold is None:
        return (
            f"no threshold: for a rate of false alarms of {rate:g} at least {int(np.ceil(1 / rate - 1))} samples are "
            f"needed that are no labelled anomalies, got {int((~anomaly).sum())}; samples are ranked all the same"
        )
    usual = counted(int(normal.sum()), "sample") + " labelled as normal" if kept_normal else (
        f"{counted(int((~anomaly).sum()), 'sample')} not labelled as anomalies, of which some are, so that fewer "
        "normal ones are reported"
    )  # fmt: skip
    return f"threshold {threshold:.4f} for a rate of false alarms of {rate:g}, from {usual}"


def _model(
    request: Request,
    snapshot: Any,
    encoder_config: ServedConfig,
    encoder: Encoder,
    kinds: dict[str, Encoder],
    given: dict[str, Any],
    scorer: Scorer,
    threshold: float | None,
) -> AnomalyModel:
    plain = kinds.get(PLAIN) if PLAIN in given else None
    model = AnomalyModel(
        AnomalyDescription(
            encoder=encoder_config,
            packing=snapshot.packing,
            plain=None if plain is None else raw_config(build_views(snapshot.packing)),
            learnt=LEARNT in given,
            arrays=described(scorer),
            detectors=tuple(scorer.names),
            threshold=threshold,
            false_alarms=request.task.false_alarms,
        )
    )
    model.encoder.load_state_dict(encoder.state_dict())
    if plain is not None and model.plain is not None:
        model.plain.load_state_dict(plain.state_dict())
    fill(model, scorer)
    return model.eval()
