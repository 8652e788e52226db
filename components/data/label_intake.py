"""Labels out of an inbox into a growing folder: from files, and from the folders of images."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.data import mask_intake
from components.data.by_part import ByPart, part_of
from components.data.delivery_samples import plain
from components.data.folder_labels import SPLIT_FOLDER, are_labelled, folder_of, rows_of, test_folders
from components.data.growing import Growing
from components.data.inbox import Inbox, Listing
from components.data.label_files import Given, given_in
from components.data.labels import WITH_DATA, Part, Row, labels_by_part, parts_of, settle, speakers
from components.data.replaced import Replacements
from components.data.sample_names import any_named, find_samples, ingested, quarantined
from components.errors import UserError


@dataclass(frozen=True)
class LabelRules:
    """from_folders: whether folders are classes. unlabelled: words that mean no label. max_unknown_share: of a
    file's labels, from which on those that find no sample are a mistake; 1: never. numeric: whether labels are
    numbers. masks: whether they are masks of images."""

    from_folders: bool
    unlabelled: Collection[str]
    max_unknown_share: float
    numeric: bool = False
    masks: bool = False


@dataclass
class LabelsTaken:
    """unknown: key -> why it means no sample. mistakes: what a person has to correct; alerts: to look into, a line
    each."""

    unknown: dict[str, str] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)


def take_labels(inbox: Inbox, growing: Growing, listing: Listing, rules: LabelRules) -> LabelsTaken:
    """Add what the label files and the folders say and did not say before."""
    taken, given = LabelsTaken(), dict[str, list[Given]]()
    for path in listing.label_files:
        try:
            given[path] = given_in(inbox.folder / path, path, rules.unlabelled, numeric=rules.numeric)
        except UserError as error:
            taken.mistakes.append(str(error))
    folder, index = growing.folder, growing.index
    origins, annotators = speakers(folder, index)
    with_data = rules.from_folders or not annotators.isdisjoint(WITH_DATA)
    sought = [
        one
        for rows in given.values()
        for one in rows
        if one.row.label or one.row.split or one.row.origin in origins or with_data  # an empty cell withdraws
    ]
    keys = {key for one in sought for key in one.keys}
    found = find_samples(keys, lambda: ingested(folder, index), str(inbox.folder))
    rows, lost = resolve(sought, found)
    away = find_samples(
        {key for one in lost for key in one.keys}, lambda: _not_taken(growing, listing), str(inbox.folder)
    )
    missing = []
    for one in lost:
        reason = next((min(away[key]) for key in one.keys if key in away), None)
        taken.unknown[one.keys[-1]] = f"its sample is not taken: {reason}" if reason else _why(one, found)
        if reason is None:
            missing.append(one)
    example = next((name for name, _ in ingested(folder, index)), "")
    taken.mistakes += too_many_lost(missing, sought, found, example, rules.max_unknown_share)
    if rules.masks:
        own = mask_intake.take_masks(inbox, growing, listing.masks, rows)
        taken.unknown |= own.refused
        rows, total = own.rows, len(own.refused) + sum(bool(row.label) for row in own.rows)
        mistakes, taken.alerts = mask_intake.told(own.refused, total, rules.max_unknown_share)
        taken.mistakes += mistakes
    growing.label(_part_by_part(growing, listing, rules, rows))
    return taken


def _part_by_part(growing: Growing, listing: Listing, rules: LabelRules, given: list[Row]) -> Iterator[Part]:
    """What label files and folders say of each part of the samples, and what was said of it before."""
    folder, index, count = growing.folder, growing.index, parts_of(growing.index)
    rows: list[list[Row]] = [[] for _ in range(count)]
    for row in given:
        rows[part_of(row.id, count)].append(row)
    wanted = rules.from_folders or any_named(folder, index, SPLIT_FOLDER)
    with ByPart(folder, count, _lying(growing, listing) if wanted else ()) as places:
        tests = _test_folders(growing, rules, given, places)
        for part, before in enumerate(labels_by_part(folder, index, count)):
            if rules.from_folders or tests:
                rows[part] += rows_of(_places(places[part]), tests, rules.from_folders, rules.unlabelled)
            yield rows[part], before
            rows[part] = []


def _test_folders(growing: Growing, rules: LabelRules, given: list[Row], places: ByPart) -> frozenset[str]:
    """The folders of test samples, if any sample in them has a label."""
    folder, index, folders = growing.folder, growing.index, set[str]()
    if not any_named(folder, index, SPLIT_FOLDER):
        return frozenset()
    for part in range(len(places)):
        folders |= {folder_of(name) for names in _places(places[part]).values() for name in names}
    tests, said = test_folders(folders), {row.id for row in given if row.label}
    if tests:
        for part, before in enumerate(labels_by_part(folder, index, len(places))):
            lying, labelled = _places(places[part]), settle(before).labels.keys() | said
            if are_labelled(lying, tests, labelled, rules.from_folders, rules.unlabelled):
                return tests
    return frozenset()


def resolve(given: Iterable[Given], found: Mapping[str, set[str]]) -> tuple[list[Row], list[Given]]:
    """Rows with ids, and the labels whose keys mean no sample, or several. found: see find_samples."""
    rows, lost = [], []
    for one in given:
        ids = next((ids for key in one.keys if len(ids := found.get(key, set())) == 1), None)
        if ids is not None:
            rows.append(one.row._replace(id=next(iter(ids))))
        elif one.row.label:
            lost.append(one)
    return rows, lost


def _lying(growing: Growing, listing: Listing) -> Iterator[tuple[str, str, bool]]:
    """Id and path of every sample that is a file, and whether it lies there now."""
    here = {plain(path) for one in listing.deliveries if one.kind == "files" for path in one.files}
    name_files = growing.index.name_files()
    for name, id, delivery in Replacements(growing.folder, growing.index).names():
        if name in here or name_files(delivery):
            yield id, name, name in here


def _places(lying: list[list[Any]]) -> dict[str, list[str]]:
    """Id -> paths of a sample: those where it lies now, or those where it lay when it came. lying: see _lying."""
    before: dict[str, list[str]] = {}
    now: dict[str, list[str]] = {}
    for id, name, is_there in lying:
        (now if is_there else before).setdefault(id, []).append(name)
    return before | now


def _not_taken(growing: Growing, listing: Listing) -> Iterator[tuple[str, str]]:
    """(name or id, reason) of samples that are, or were, there and are no samples of the folder."""
    yield from quarantined(growing.folder, growing.index)
    yield from listing.left.items()
    past = Replacements(growing.folder, growing.index)
    yield from ((row.old, f"{row.name} has changed since") for row in past.rows if row.old in past.retired)


def _why(one: Given, found: Mapping[str, set[str]]) -> str:
    several = next((len(found[key]) for key in one.keys if key in found), 0)
    return f"{several} samples are called so" if several else "no sample of this id, name or path"


def too_many_lost(
    missing: list[Given], given: list[Given], found: Mapping[str, set[str]], example: str, share: float
) -> Iterator[str]:
    """A line for each label file of which so large a share of the labels finds no sample. example: a sample's name."""
    totals = Counter(one.row.origin for one in given if one.row.label)
    called = f"; samples are called e.g. {example!r}" if example else ""
    for origin, count in Counter(one.row.origin for one in missing).items():
        if share < 1 and count >= share * totals[origin]:
            first = next(one for one in missing if one.row.origin == origin)
            yield (
                f"{origin}: {count} of {totals[origin]} labels find no sample, e.g. line {first.line},"
                f" {first.keys[-1]!r}: {_why(first, found)}{called}; correct the paths, or raise"
                f" ingest.max_unknown_share ({share:g}) where labels come before their samples"
            )
