"""One self-contained HTML page: what happened, whether it can be believed, what it gets wrong, where it comes from;
and what to label next, as a list that comes back through the inbox.

The true labels of unlabelled samples, where there are any (as for the quickstart), serve to measure pseudo-labels here
and nothing else.
"""

from pathlib import Path
from typing import Any

from pydantic import Field, NonNegativeInt, PositiveInt

from components.config import Config
from components.crash import point
from components.evaluation.labels.acquisition import Asking
from components.modalities.image.config import ImageConfig
from components.modalities.registry import ModalityConfig
from components.registry.journal import Entry
from components.tasks.registry import USUAL, TaskConfig
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import key_of, read_manifest
from pipelines.graph import GRAPH
from pipelines.registry.features_used import reads_features
from pipelines.registry.outcome import champion_of
from pipelines.registry.pseudo_label_history import pseudo_label_health
from pipelines.registry.registry import journal_of
from pipelines.settings import Settings

VERSION = 2


class Request(Config):
    """What the stage report is given."""

    modality: ModalityConfig = ImageConfig.model_validate({})
    """Kind of the samples and what belongs to it."""

    task: TaskConfig = USUAL
    """What labels mean."""

    ingest: str
    """Reference of the finished ingest; the run fills it in."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    plan: str
    """Reference of the finished plan; the run fills it in."""

    pretrain: str
    """Reference of the finished pretrain; the run fills it in."""

    embed: str
    """Reference of the finished embed; the run fills it in."""

    pseudo_label: str
    """Reference of the finished pseudo_label; the run fills it in."""

    finetune: str
    """Reference of the finished finetune; the run fills it in."""

    evaluate: str
    """Reference of the finished evaluate; the run fills it in."""

    registered: str = Field(alias="register")
    """Reference of the finished register; the run fills it in."""

    promote: str
    """Reference of the finished promote; the run fills it in."""

    truth: str | None = None
    """Parquet file (id, label) of samples that nobody labelled, to measure pseudo-labels with; null:
    none."""

    points: PositiveInt = 1000
    """Points of the embedding map."""

    clusters: PositiveInt = 24
    """Clusters of which samples are shown, the largest ones."""

    thumbnails: PositiveInt = 16
    """Thumbnails of each cluster."""

    ask: PositiveInt = 50
    """Samples in the list of what to label next."""

    seed: NonNegativeInt = 0
    """Seed of the choice of samples."""


class Output(Config):
    """to_label: CSV, see pipelines.stages.report.to_label. kept_accuracy, all_accuracy: of pseudo-labels against the
    truth, None where that is not known."""

    page: Artifact
    to_label: Artifact
    asked: int
    summary: str
    kept_accuracy: float | None = None
    all_accuracy: float | None = None


def observe(request: Request, settings: Settings) -> dict[str, str]:
    """The move that made the champion of now: where a person moves it, the report says so."""
    name = read_manifest(request.registered, settings.store).output.get("name")
    move = champion_of(journal_of(str(name), settings).entries()) if name else None
    return {} if move is None else {"champion": move.model_dump_json(exclude={"gate"})}


def _move(observed: dict[str, str]) -> Entry | None:
    return Entry.model_validate_json(observed["champion"]) if "champion" in observed else None


def run(request: Request, folder: Path, context: Context) -> Output:
    """Raises:
    UserError: a run is missing or its files are not what its manifest says; features and clusters come from two
        encoders; the truth is not where the recipe says.
    """
    from pipelines.pages.page import render
    from pipelines.pages.sources import Sources
    from pipelines.stages.report import clusters
    from pipelines.stages.report import to_label as asking
    from pipelines.stages.report.sections import values

    named = request.model_dump(by_alias=True)
    sources = Sources({stage: named[stage] for stage in GRAPH["report"]}, context)
    truth = sources.truth(request.truth)
    used = reads_features(sources.outputs["finetune"])
    measured, coverage = clusters.measure(
        sources.given, truth, bool(sources.outputs["pseudo_label"]["named"])
    )
    asked = asking.to_label(sources, Asking(count=request.ask), request.seed)
    asking.write(asked, folder / "to_label.csv")
    health = [h.model_dump() for h in pseudo_label_health(request.pseudo_label, context)]
    context.progress(0.2, "drawing")
    shown: dict[str, Any] = {
        **values(sources, measured, health, _move(context.observed), request.points, request.seed),
        "coverage": coverage,
        "sheets": clusters.shown(sources, truth, request.clusters, request.thumbnails) if used else [],
        "asked": asking.pictures(asked, sources),
        "asked_how": asking.how(sources),
        "asked_count": len(asked),
        "asked_file": str(context.store / "report" / key_of(folder) / "to_label.csv"),
    }
    page = folder / "report.html"
    page.write_text(render("report", shown), encoding="utf-8")
    point("report.written")
    context.say(shown["summary"])
    context.say(f"{counted(len(asked), 'sample')} to label next: {shown['asked_file']}")
    return Output(
        page=Artifact.of(page, folder),
        to_label=Artifact.of(folder / "to_label.csv", folder),
        asked=len(asked),
        summary=shown["summary"],
        kept_accuracy=measured.get("kept_accuracy") if measured else None,
        all_accuracy=measured.get("all_accuracy") if measured else None,
    )
