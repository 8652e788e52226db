"""Ingest: what lies in the inbox becomes checked samples in shards, and labels in the label table.

Writes the recipe's folder under settings.data, delivery by delivery; the index is written after each, last. A
run that was killed leaves nothing that counts of the delivery it was in, and the next one writes the same
bytes. A delivery whose content is known is passed over; one that has grown brings what is new in it.
"""

import csv
import json
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from components.config import Config
from components.cores import keep_freed_memory
from components.data import labels, tally
from components.data.file_cache import FileCache, place
from components.data.growing import Growing
from components.data.guard import writing
from components.data.inbox import Inbox, Listing
from components.data.intake import Allowed, Intake
from components.data.label_intake import LabelRules, LabelsTaken, take_labels
from components.data.label_values import UNLABELLED
from components.data.linked_table import link_table, table_digest
from components.data.orphans import adopt_labels, adopt_samples, orphans
from components.data.reader import Reader
from components.data.replaced import Replacements
from components.data.shards import INDEX, Index, folder_digest
from components.errors import UserError
from components.modalities.registry import LimitsConfig, ModalityConfig, build_modality, limits_for
from components.tasks.registry import USUAL, TaskConfig, build_task
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import key_of
from pipelines.inference.founding import founding
from pipelines.inference.samples import packing_of
from pipelines.settings import Settings

VERSION = 1
# The index as the first attempt found it. It stays: until the manifest is written there may be another attempt.
BEGAN = "began.json"


def _absolute(folder: Path) -> Path:
    if not folder.is_absolute():
        raise ValueError(f"an absolute folder is needed (got {str(folder)!r})")
    return folder


class Request(Config):
    """What the stage ingest is given."""

    inbox: str
    """Folder where data arrive."""

    modality: ModalityConfig
    """Kind of the samples and what belongs to it."""

    task: TaskConfig = USUAL
    """What labels mean."""

    labels_from: Literal["file", "folders"] | None = "file"
    """`file`: label files and label columns; `folders`: the folder above a file too, which a label file
    corrects; null: no labels."""

    unlabelled: tuple[str, ...] = UNLABELLED
    """Names of folders, and values of a column of labels, that mean no label."""

    max_bad_share: float = Field(default=0.05, ge=0, le=1)
    """Largest share of bad samples in a delivery. Where it and `max_bad` are both exceeded the stage fails;
    otherwise the bad samples are quarantined."""

    max_bad: NonNegativeInt = 20
    """Largest number of bad samples in a delivery; see `max_bad_share`."""

    max_unknown_share: float = Field(default=0.1, gt=0, le=1)
    """Share of a label file's labels without a sample from which on the stage fails; 1: never."""

    table: str | None = None
    """A table outside of the inbox that names the samples; see components/data/linked_table.py."""

    limits: LimitsConfig | None = None
    """Limits on the size of a sample; null: the modality's own."""

    shard_size: PositiveInt = 4096
    """Samples in each shard."""

    settle_seconds: NonNegativeFloat = 5.0
    """A file that cannot be read and is younger than this many seconds is left for the next ingest."""

    source: str | None = None
    """Column of the tables of samples that names where each comes from (a scanner, a site). A sample without
    it, or ingested before it was named here, has the source ""."""

    group: str | None = None
    """Column of the tables of samples that says which samples belong together (a patient, a device, a recording): they
    are never in different splits. A sample without it, or ingested before it was named here, belongs to no other."""

    links: tuple[Annotated[Path, AfterValidator(_absolute)], ...] = ()
    """Absolute folders outside of the inbox to which links in it may lead; any other link is a bad sample."""

    @model_validator(mode="before")
    @classmethod
    def _limits_of_the_modality(cls, given: Any) -> Any:
        return limits_for(given) if isinstance(given, dict) else given


class Output(Config):
    """Counts of this run, its attempts together, then of the folder. quarantined: kind of reason -> samples,
    duplicates apart. replaced: files that changed since they were taken. litter, unreadable: files and folders that
    were left out. digest: names the folder's content. bad, unknown, contradictory: CSV lists for a person, where
    there is anything to list. labels_withdrawn: samples whose label came with the data and whose cell in a label file
    is empty. alerts: what a person should look into, a line each.
    """

    deliveries_new: int
    deliveries_known: int
    samples_new: int
    duplicates: int
    quarantined: dict[str, int]
    replaced: int = 0
    left: int
    ignored: int
    litter: int = 0
    unreadable: int = 0
    labels_new: int
    labels_unknown: int
    labels_contradictory: int
    labels_withdrawn: int = 0
    samples: int
    labels: int
    classes: list[str]
    digest: str
    alerts: list[str] = Field(default_factory=list)
    bad: Artifact | None = None
    unknown: Artifact | None = None
    contradictory: Artifact | None = None


def observe(request: Request, settings: Settings, recipe: str) -> dict[str, str]:
    """The inbox as it stands: a digest of paths, sizes and times.

    Where ingested data were taken away while the store was kept, the time too: that no earlier run is found. Where
    files are in quarantine for want of a decoder that is installed now, the reason: they are tried again.
    """
    inbox = inbox_of(request, settings, recipe)
    seen = {"inbox": inbox.digest() if inbox.folder.is_dir() else "missing"}
    if request.table:
        seen["table"] = table_digest(Path(request.table))
    index = settings.data / recipe / INDEX
    if not index.exists():
        return seen | ({"data": f"gone, noticed at {time.time_ns()}"} if _was_here(settings, recipe) else {})
    kinds = {
        kind for delivery in Index.load(settings.data / recipe).deliveries for kind in delivery.quarantined
    }
    if mended := sorted(kind for kind in kinds if inbox.reader.mended(kind)):
        seen["decoders"] = ", ".join(mended)
    return seen


def _was_here(settings: Settings, recipe: str) -> bool:
    """Whether an ingest of this recipe has finished before."""
    manifests = settings.store.glob("ingest/*/manifest.json")
    return any(json.loads(file.read_bytes())["recipe"] == recipe for file in manifests)


def run(request: Request, folder: Path, context: Context) -> Output:
    """See the module.

    Raises:
        UserError: nothing to ingest, now or before; too many bad samples in a delivery; a labels file that
            makes no sense; the recipe's folder lacks files that its index names, or cannot be written.
    """
    target = context.settings.data / context.recipe
    keep_freed_memory()
    with writing(target):
        return _ingest(request, folder, context, target)


def inbox_of(request: Request, settings: Settings, recipe: str = "") -> Inbox:
    """recipe: whose first snapshot says what further samples must be; "": any samples."""
    folder = Path(request.inbox)
    settings.refuse_own(folder)
    reader = reader_of(request)
    if recipe and (first := founding(request.modality, settings.store, recipe)) is not None:
        reader.founded(packing_of(first.output))
    return Inbox(
        folder, reader, request.settle_seconds, time.time(), request.source, own=settings.own,
        links=request.links, masks=build_task(request.task).masks,
    )  # fmt: skip


def reader_of(request: Request) -> Reader:
    modality = build_modality(request.modality)
    reader = modality.reader(request.limits or modality.Limits())
    reader.group = request.group or reader.group
    return reader


def _ingest(request: Request, folder: Path, context: Context, target: Path) -> Output:
    inbox = inbox_of(request, context.settings, context.recipe)
    if request.table:
        link_table(Path(request.table), inbox.folder, inbox.reader)
    files = FileCache(place(context.settings.home, context.recipe), inbox.folder)
    with closing(files):
        growing = Growing(target, request.shard_size, files, inbox.reader.mended)
        return _take(request, folder, context, growing, inbox)


def _take(request: Request, folder: Path, context: Context, growing: Growing, inbox: Inbox) -> Output:
    target = growing.folder
    since = tally.first_seen(folder / BEGAN, growing.index)
    rules = _rules(request)
    intake = Intake(
        inbox, growing, Allowed(request.max_bad_share, request.max_bad),
        unlabelled=rules.unlabelled if rules else None, listed=folder / "bad.csv", say=context.say,
        progress=context.progress,
    )  # fmt: skip
    lost = orphans(target, growing.index)
    listing = _list(inbox, growing.index, request.inbox, context.settings.data)
    listing.require("ingest.source", request.source)
    listing.require("ingest.group", request.group)
    if not growing.index.samples:  # later deliveries may be unlabelled
        listing.require("modality.target", inbox.reader.target)
    intake.take(listing)
    for said in adopt_samples(growing, lost):
        context.say(said)
    adopt_labels(growing, lost)
    taken = take_labels(inbox, growing, listing, rules) if rules else LabelsTaken()
    growing.clear()
    for path, reason in listing.left.items():
        context.say(f"left for the next time: {path}, {reason}")
    for line in listing.left_out():
        context.say(line)
    intake.alerts += taken.alerts
    numeric = rules is not None and (rules.numeric or rules.masks)
    output = _output(intake, since, listing, taken.unknown, folder, numeric)
    for line in output.alerts:
        context.say(f"warning {line}")
    context.say(_describe(output, folder.with_name(key_of(folder)) / "bad.csv"))
    if mistakes := intake.mistakes + taken.mistakes:
        raise UserError("delivery-invalid", "; ".join(mistakes))
    return output


def _rules(request: Request) -> LabelRules | None:
    """How labels are read; None where none are wanted."""
    if request.labels_from is None:
        return None
    task = build_task(request.task)
    return LabelRules(
        from_folders=request.labels_from == "folders",
        unlabelled=frozenset(word.casefold() for word in request.unlabelled),
        max_unknown_share=request.max_unknown_share,
        numeric=task.numeric,
        masks=task.masks,
    )


def _list(inbox: Inbox, index: Index, named: str, data: Path) -> Listing:
    """What lies in the inbox; it may be nothing where there were samples before."""
    there = inbox.folder.is_dir()
    listing = inbox.list() if there else Listing()
    if not (listing.deliveries or listing.broken or index.shards):
        left = f" (still being written there: {counted(len(listing.left), 'file')})" if listing.left else ""
        pointer = data.with_name(f"{data.name}.dvc")
        back = f"; or bring back what was there: `dvc checkout {pointer.name}`" if pointer.exists() else ""
        raise UserError(
            "no-samples",
            f"{'no samples in' if there else 'there is no'} inbox {named}{left}; put there "
            f"{inbox.reader.wanted}, and run again{back}",
        )
    return listing


def _output(
    intake: Intake,
    since: tally.Since,
    listing: Listing,
    unknown: dict[str, str],
    folder: Path,
    numeric: bool,
) -> Output:
    """numeric: labels are numbers or masks, and not classes."""
    target, index = intake.growing.folder, intake.growing.index
    retired = Replacements(target, index).retired
    given, withdrawn, classes, clashes = 0, 0, set[str](), list[tuple[str, str]]()
    for settled in labels.settled(target, index):
        given += len(settled.labels)
        withdrawn += len(settled.withdrawn)
        classes.update(settled.classes)
        clashes += [(id, " | ".join(said)) for id, said in sorted(settled.contradictory.items())]
    return Output(
        **tally.counts(index, since, intake.known),
        quarantined=tally.quarantined(index, since),
        left=len(listing.left),
        ignored=len(listing.ignored),
        litter=listing.litter.total(),
        unreadable=len(listing.unreadable),
        labels_unknown=len(unknown),
        labels_contradictory=len(clashes),
        labels_withdrawn=withdrawn,
        samples=index.samples - len(retired),
        labels=given,
        classes=[] if numeric else sorted(classes),
        digest=folder_digest(target),
        alerts=intake.alerts,
        bad=_csv(
            folder / "bad.csv",
            ("delivery", "name", "reason"),
            [*tally.bad(target, index, since), *intake.bad],
        ),
        unknown=_csv(folder / "labels-unknown.csv", ("key", "reason"), sorted(unknown.items())),
        contradictory=_csv(folder / "labels-contradictory.csv", ("id", "labels"), clashes),
    )


def _csv(file: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Artifact | None:
    file.unlink(missing_ok=True)
    if not rows:
        return None
    with file.open("w", newline="", encoding="utf-8", errors="backslashreplace") as out:
        csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return Artifact.of(file, file.parent)


def _describe(output: Output, listed: Path) -> str:
    """One line for a person. listed: where bad.csv will be when the run has its name."""
    new = f"{counted(output.samples_new, 'new sample')} in {counted(output.deliveries_new, 'new delivery')}"
    bad = sum(output.quarantined.values())
    extra = [
        f"{counted(output.replaced, 'changed file')} in the place of what was there"
        if output.replaced
        else "",
        f"{counted(output.duplicates, 'duplicate')} dropped" if output.duplicates else "",
        f"{bad} quarantined (see {listed})" if bad else "",
        f"{output.labels:,} labelled"
        + (f" in {counted(len(output.classes), 'class')}" if output.classes or not output.labels else ""),
        f"{counted(output.labels_withdrawn, 'label')} withdrawn by empty cells"
        if output.labels_withdrawn
        else "",
        f"{counted(output.labels_unknown, 'label')} of unknown samples" if output.labels_unknown else "",
        f"{output.labels_contradictory} contradictory" if output.labels_contradictory else "",
    ]
    return "; ".join([f"{new}, {output.samples:,} in all", *filter(None, extra)])
