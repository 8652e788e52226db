"""What labels somebody's data have, and in which of the usual layouts, before anything is made of them.

Finds the samples of labels as ingest will, and settles what holds by the same rules.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

from components.errors import UserError
from components.wording import are, counted

if TYPE_CHECKING:
    from components.data.inbox import Inbox, Listing
    from components.data.label_files import Given
    from components.data.labels import Row

MAX_UNKNOWN_SHARE = 0.1  # as in ingest
NO_CLASS = re.compile(
    r"(batch|part|shard|day|delivery|images?|img|data|train|test|val|un-?label+ed)?[-_. ]?[\d-]*"
)
LabelsFrom = Literal["file", "folders"]


class Surveyed(NamedTuple):
    """samples: (id, name, label that came with it or "") of each. paths: the names that are paths of files. bad: ids of
    samples that were looked at and that ingest will quarantine."""

    samples: list[tuple[str, str, str]]
    paths: set[str]
    bad: set[str]

    def places(self) -> dict[str, list[str]]:
        """Id -> path of each file that is not bad."""
        return {id: [name] for id, name, _ in self.samples if name in self.paths and id not in self.bad}


@dataclass
class Labels:
    """classes: class -> samples, tests among them; numbers: the same where labels are numbers to predict; marks: the
    same where they are of use and not needed (detected). unused: whether the task has no use for any. masks: images
    whose label is a mask; names: of the classes, from classes.txt. tests: samples that somebody named for testing.
    labels_from: None where there are none. told: the layout, a line each. notes: what a person should know, a line
    each. ignored: words that were taken for no label."""

    classes: Counter[str] = field(default_factory=Counter)
    numbers: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    detected: bool = False
    unused: bool = False
    masks: int = 0
    names: tuple[str, ...] = ()
    tests: int = 0
    split: bool = False
    labels_from: LabelsFrom | None = None
    told: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Samples with a label."""
        return self.classes.total() + self.numbers.total() + self.marks.total() + self.masks

    def as_numbers(self) -> None:
        """Labels are numbers from now on, and no classes."""
        self.numbers, self.classes = self.classes, Counter()

    def as_unused(self) -> None:
        """The task has no use for labels."""
        self.classes, self.unused = Counter(), True

    def as_marks(self) -> None:
        """Labels are of use from now on, and none is needed."""
        self.marks, self.classes, self.detected = self.classes, Counter(), True

    def as_masks(self) -> None:
        """Labels are masks from now on."""
        self.masks, self.classes = self.classes.total(), Counter()


def survey_labels(box: "Inbox", listing: "Listing", surveyed: Surveyed) -> Labels:
    """Raises:
    UserError: a label file that cannot be read, or a tenth of whose labels find no sample.
    """
    from components.data.folder_labels import folder_rows, label_of
    from components.data.label_values import UNLABELLED
    from components.data.labels import Row, settle

    labels = Labels()
    written_rows, given = _written(box, listing, surveyed, labels)
    if box.masks:
        written_rows += _masks(box, listing, surveyed, labels)
    came = [Row(id, label, "delivery") for id, _, label in surveyed.samples if label]
    if lost := {row.id for row in [*came, *written_rows] if row.label} & surveyed.bad:
        labels.notes.append(f"{counted(len(lost), 'label')} of bad samples {are(len(lost))} left out")
    rows, came = ([row for row in said if row.id not in surveyed.bad] for said in (written_rows, came))
    places = surveyed.places()
    by_folder = [label for [path] in places.values() if (label := label_of(path, UNLABELLED))]
    written = {row.label for row in [*rows, *came] if row.label}
    if not box.masks and are_classes(by_folder) and 2 * len(written & set(by_folder)) >= len(written):
        labels.labels_from = "folders"
    elif written:
        labels.labels_from = "file"
    folders = folder_rows(
        places,
        {row.id for row in [*rows, *came]},
        labels.labels_from == "folders",
        UNLABELLED,
    )
    settled = settle((0, row) for row in [*came, *folders, *rows])
    labels.classes = Counter(settled.labels.values())
    labels.split = "test" in settled.named.values()
    labels.tests = sum(settled.named.get(id) == "test" for id in settled.labels)
    _tell_layout(labels, places, {row.id for row in folders if row.split == "test"})
    corrected = sum(by.label != "" and by.label != settled.labels.get(by.id, by.label) for by in folders)
    if corrected:
        labels.notes.append(
            f"{counted(corrected, 'label')} of folders {are(corrected)} corrected by {_files(given)}"
        )
    if clashes := settled.contradictory:
        names = {known: name for known, name, _ in surveyed.samples}
        name, said = min((names.get(id, id), said) for id, said in clashes.items())
        labels.notes.append(
            f"contradictory labels, so without a label: {counted(len(clashes), 'sample')}, e.g. {name}: "
            f"{' | '.join(said)}"
        )
    labels.notes += _spellings(labels.classes)
    return labels


def are_classes(folders: list[str]) -> bool:
    """Whether the folders of images read like classes: several, of two images or more, and not all of them dates,
    batches and the like; digits alone are classes."""
    names = set(folders)
    if not 2 <= len(names) <= len(folders) / 2:
        return False
    return names <= set("0123456789") or not all(NO_CLASS.fullmatch(name.lower()) for name in names)


def _written(
    box: "Inbox", listing: "Listing", surveyed: Surveyed, labels: Labels
) -> "tuple[list[Row], list[Given]]":
    """What the label files say, of the samples that are there."""
    from components.data.csv_text import encoding_of
    from components.data.label_files import ID, given_in, must_be_corrected
    from components.data.label_intake import resolve, too_many_lost
    from components.data.sample_names import find_samples

    for path, reason in listing.broken.items():
        if must_be_corrected(path, reason):
            raise UserError(
                "label-file-invalid", f"{box.folder / path}: {reason}; correct it or take it away"
            )
    given: list[Given] = []
    for path in listing.label_files:
        said = given_in(box.folder / path, path)
        given += said
        if not any(one.row.label or one.row.split for one in said):
            labels.notes.append(f"{path} gives no label: its column label is empty")
        if path.endswith(".csv") and encoding_of(box.folder / path) == "cp1252":
            labels.notes.append(
                f"{path} is not in UTF-8 and was read as Windows-1252: look at the classes' names"
            )
    keys = {key for one in given for key in one.keys}
    found = find_samples(keys, lambda: ((name, id) for id, name, _ in surveyed.samples), str(box.folder))
    found |= {
        key: {key} for key in keys - found.keys() if ID.fullmatch(key)
    }  # ids are known when they are ingested
    rows, lost = resolve(given, found)
    example = next((name for _, name, _ in surveyed.samples), "")
    if mistakes := list(too_many_lost(lost, given, found, example, MAX_UNKNOWN_SHARE)):
        raise UserError("labels-without-samples", "; ".join(mistakes))
    if lost:
        labels.notes.append(
            f"without a sample, so left out: {counted(len(lost), 'label')}, e.g. {lost[0].row.origin} line "
            f"{lost[0].line},"
            f" {lost[0].keys[-1]!r}"
        )
    return rows, given


def _masks(box: "Inbox", listing: "Listing", surveyed: Surveyed, labels: Labels) -> "list[Row]":
    """What the mask files say, of the samples that are there; and the names of the classes.

    Raises:
        UserError: a tenth of them is refused, or classes.txt makes no sense.
    """
    from components.data import mask_files, mask_intake

    try:
        labels.names = mask_files.class_names(box.folder)
    except ValueError as error:
        raise UserError("class-names-invalid", f"{box.folder}: {error}; correct it") from None
    bound = mask_intake.bind(listing.masks, [(name, id) for id, name, _ in surveyed.samples])
    sizes = mask_intake.sizes_of_files(dict(bound.image.values()), box)
    taken = mask_intake.read_all(bound, sizes, box.folder)
    mistakes, alerts = mask_intake.told(taken.refused, len(listing.masks), MAX_UNKNOWN_SHARE)
    if mistakes:
        raise UserError("masks-invalid", "; ".join(mistakes))
    labels.notes += alerts
    return taken.rows


def _tell_layout(labels: Labels, places: Mapping[str, list[str]], tests: set[str]) -> None:
    """A line for each folder that names a split or samples without a label. tests: ids."""
    from components.data.folder_labels import TEST, TRAIN, VALIDATION
    from components.data.label_values import UNLABELLED

    held, tested = Counter[str](), Counter[str]()
    for id, [path] in places.items():
        held.update(set(PurePosixPath(path).parts[:-1]))
        tested.update(set(PurePosixPath(path).parts[:-1]) if id in tests else ())
    for folder, count in sorted(held.items()):
        match folder.casefold():
            case word if word in UNLABELLED:
                labels.told.append(f"folder {folder}: {counted(count, 'sample')} without a label")
                labels.ignored.append(folder)
            case word if word in TEST | VALIDATION and tested[folder]:
                labels.told.append(
                    f"folder {folder}: {counted(count, 'sample')} for testing, never trained on"
                )
            case word if word in TEST | VALIDATION | TRAIN:
                labels.told.append(f"folder {folder}: {counted(count, 'sample')} for training")


def _files(given: "Iterable[Given]") -> str:
    return ", ".join(dict.fromkeys(one.row.origin for one in given if one.row.label)) or "the delivery"


def _spellings(classes: Counter[str]) -> list[str]:
    """Classes that differ in case, blanks or invisible characters only."""
    from components.data.label_values import alike

    groups: dict[str, list[str]] = {}
    for name in sorted(classes):
        groups.setdefault(alike(name), []).append(name)
    return [
        f"{' and '.join(f'{name!r} ({classes[name]})' for name in group)} are classes of their own: give them one"
        f" spelling if they are the same"
        for group in groups.values()
        if len(group) > 1
    ]
