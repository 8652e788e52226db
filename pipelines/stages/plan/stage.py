"""Plan: whether what is new since the champion is worth a training, and from where: skip, labels, warm, scratch.

The watermark is what the champion's own runs say that they were trained on; nothing else is remembered. What is
decided is applied by execute() to the stages after this one (pipelines.engine.apply_plan), and is the same for the same
data, recipe, code and champion.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from components.config import Config
from components.crash import point
from components.data.shards import Index
from components.data.table import Table
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.monitoring.drift import drifted
from components.tasks.registry import USUAL, TaskConfig
from pipelines.engine import code_digest
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest
from pipelines.inference.masks import mask_texts
from pipelines.inference.samples import samples_of
from pipelines.inference.windows import Window, compare
from pipelines.registry import ancestry
from pipelines.settings import Settings
from pipelines.stages.plan.champion_runs import ChampionRuns, Today
from pipelines.stages.plan.changes import Seen, changed_labels, new_rows, spoiled
from pipelines.stages.plan.decision import Decision, Facts, OnCodeChange, decide
from pipelines.stages.plan.earlier_pretraining import pretrained

VERSION = 1
PRETRAINED = "pretrained/"  # before a stage whose run is observed where there is no champion
CODE, OF_VERSION = "code/", "version/"  # before a stage, of the digest of its code and its VERSION


class Request(Config):
    """What the stage plan is given."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    task: TaskConfig = USUAL
    """What labels mean."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    model: str
    """Name of the registered model; the run fills it in."""

    asked: dict[str, dict[str, Any]]
    """By stage, its section of the recipe; the run fills it in."""

    force: Literal["warm", "scratch"] | None = None
    """Decision made by a person (`selfsup run --force`); the run fills it in."""

    policy: Literal["auto", "always", "never"] = "auto"
    """`auto` compares what is new with the bounds below; `always`: any new sample warrants a warm start;
    `never`: none does, only labels count."""

    new_share: PositiveFloat = 0.05
    """New training samples, as a share of those the champion has seen, from which on a warm start is made."""

    level: float = Field(default=0.01, gt=0, lt=1)
    """Significance level at which a delivery differs from old samples."""

    needed: PositiveInt = 2
    """Number of the last `windows` deliveries, the newest among them, that must differ before drift is
    found."""

    windows: PositiveInt = 3
    """Number of the last deliveries that are compared with old samples."""

    max_age_days: PositiveFloat | None = None
    """Age of the champion in days beyond which any new sample warrants a warm start; null: no bound."""

    generations: NonNegativeInt = 5
    """Warm starts in a row before a training from scratch."""

    on_code_change: OnCodeChange = "keep"
    """What changed code of a stage means while its VERSION is the same: `keep` the runs there are; `warm` or
    `scratch`: a warm start or a training from scratch where the code of pretraining differs."""

    seed: NonNegativeInt = 0
    """Seed of the tests for drift."""


class Output(Config):
    """reason: one sentence. settled: stage -> the reference that stands in place of running it. parent: run of
    pretrain that a warm start begins from. previous: run of pseudo_label whose cluster ids are continued.
    tuned: run of finetune whose answers a fine-tuning after a warm start learns from.
    champion: version. deleted: the version that was it by the journal and is gone from MLflow, so that its model is
    registered and judged again though every run is there. new_samples, old_samples: for training, that the champion's
    encoder has not and has seen. other_code: stages whose code is not that of the champion, with the same VERSION.
    new_labels: new, corrected or withdrawn.
    drift: a window a delivery, oldest first. age_days: of the champion.
    """

    decision: Decision
    reason: str
    settled: dict[str, str] = Field(default_factory=dict)
    parent: str | None = None
    previous: str | None = None
    tuned: str | None = None
    champion: str | None = None
    deleted: str | None = None
    new_samples: int
    old_samples: int = 0
    new_labels: int = 0
    other_code: list[str] = Field(default_factory=list)
    drift: list[Window] = Field(default_factory=list)
    drifted: bool = False
    age_days: float | None = None


def observe(request: Request, settings: Settings, recipe: str) -> dict[str, str]:
    """The champion with the runs that made it, whether it is too old, and the code that would train anew; without a
    champion, the pretraining on the same images that there is.

    Makes sure on the way that MLflow has the experiment that the model will be registered from.
    """
    seen = ancestry.observe(request.model, settings, recipe)
    if request.max_age_days is not None and "created" in seen:
        seen["old"] = "yes" if age_days(seen) > request.max_age_days else "no"
    for stage, given in request.asked.items():
        seen[f"{CODE}{stage}"] = code_digest.code_digest(stage, given)[:16]
        seen[f"{OF_VERSION}{stage}"] = str(code_digest.version(stage))
    if not {"version", "deleted"} & seen.keys():
        context = Context(settings.store, settings, recipe)
        found = pretrained(request.snapshot, today_of(request, seen), context)
        seen |= {f"{PRETRAINED}{stage}": reference for stage, reference in found.items()}
    return seen


def today_of(request: Request, seen: dict[str, str]) -> Today:
    """What the recipe asks, and the code that would answer, as observed."""
    return Today(
        asked=request.asked,
        version={stage: int(seen[f"{OF_VERSION}{stage}"]) for stage in request.asked},
        code={stage: seen[f"{CODE}{stage}"] for stage in request.asked},
        on_code_change=request.on_code_change,
    )


def age_days(seen: dict[str, str]) -> float:
    return (time.time() - int(seen["created"])) / 86_400


def run(request: Request, folder: Path, context: Context) -> Output:
    """Raises:
    UserError: a warm start is forced and there is nothing to start from.
    """
    seen, now = context.observed, _seen(request.snapshot, context)
    today = today_of(request, seen)
    version, champion = seen.get("version"), ChampionRuns(seen, context)
    point("plan.read")
    if version is None or champion.lost:
        lost = tuple(champion.lost) if version else ()
        return _from_scratch(request, seen, lost, len(now.table.train_rows()), context)

    trained, chain = _seen(champion.base, context).table, champion.ancestors(context)
    fresh = new_rows(now.table, trained)
    snapshots = [read_manifest(reference, context.store) for reference in (request.snapshot, champion.base)]
    changed = champion.changed(today, *snapshots)
    windows = (
        [] if changed else _windows(request, now.table, fresh, champion, context)
    )  # it may not even load
    facts = Facts(
        version=version,
        changed=changed,
        other_code=tuple(champion.other_code(today)),
        spoiled=spoiled(now.table, [trained, *(_seen(older, context).table for older in chain)]),
        generation=len(chain),
        new=len(fresh),
        old=len(trained.train_rows()),
        labels=changed_labels(now, _seen(champion.then, context)),
        windows=len(windows),
        drifted=drifted([window.p for window in windows], request.level, request.needed, request.windows),
        old_age=seen.get("old") == "yes",
    )
    decision, reason = decide(request, facts)
    context.say(reason)
    for place, window in enumerate(windows):
        context.log(place, **{"drift/p": window.p, "drift/mmd": window.statistic})
    return Output(
        decision=decision,
        reason=reason,
        settled=champion.settled(decision, request.snapshot, today, context),
        parent=champion.references["pretrain"] if decision == "warm" else None,
        previous=champion.continued(decision),
        tuned=champion.tuned(decision),
        champion=version,
        new_samples=facts.new,
        old_samples=facts.old,
        new_labels=facts.labels,
        other_code=list(facts.other_code),
        drift=windows,
        drifted=facts.drifted,
        age_days=round(age_days(seen), 3),
    )


def _from_scratch(
    request: Request, seen: Mapping[str, str], lost: tuple[str, ...], samples: int, context: Context
) -> Output:
    """There is no champion, or runs that it was made of are lost; a pretraining on the same samples can stand."""
    settled = {k.removeprefix(PRETRAINED): run for k, run in seen.items() if k.startswith(PRETRAINED)}
    facts = Facts(
        version=seen.get("version"),
        deleted=seen.get("deleted"),
        lost=lost,
        new=samples,
        pretrained=settled.get("pretrain"),
    )
    decision, reason = decide(request, facts)
    context.say(reason)
    return Output(
        decision=decision,
        reason=reason,
        settled=settled if decision == "labels" else {},
        champion=facts.version,
        deleted=facts.deleted,
        new_samples=samples,
    )


def _seen(snapshot: str, context: Context) -> Seen:
    made = read_manifest(snapshot, context.store).output
    table = Table.load(context.file(snapshot, Artifact.model_validate(made["table"])))
    if made.get("masks") is None:
        return Seen(table, made["classes"])
    return Seen(table, made["classes"], mask_texts(snapshot, made, context))


def _windows(
    request: Request, now: Table, fresh: NDArray[np.int64], champion: ChampionRuns, context: Context
) -> list[Window]:
    if not len(fresh):
        return []
    made = read_manifest(request.snapshot, context.store).output
    index = Index.load(context.settings.data / context.recipe)
    return compare(
        now,
        samples_of(request.snapshot, made, context),
        fresh,
        {shard.digest: shard.delivery for shard in index.shards},
        (champion.references["pretrain"], champion.runs["pretrain"]),
        context,
        last=request.windows,
        seed=request.seed,
    )
