"""The data card of a snapshot, as Markdown: what the samples are, how many, their labels, what was left out.

Source of the sections: Gebru et al. 2021 (arXiv:1803.09010), datasheets for datasets.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from components.data.shards import Delivery
from components.wording import counted
from pipelines.engine.manifest import Manifest

if TYPE_CHECKING:  # pyarrow, .2 s
    from components.data.table import Table

Counts = Mapping[str, tuple[int, int]]  # class -> labels for training and for testing


def data_card(
    reference: str,
    snapshot: Manifest,
    ingest: Manifest | None,
    labels: Counts,
    deliveries: Sequence[Delivery] = (),
) -> str:
    """The card of a finished snapshot.

    Args:
        ingest: the recipe's newest finished ingest, which counts what was left out; None: none is in the store.
        deliveries: that the data folder holds, in order of arrival.
    """
    lines = [
        f"# Data card: {snapshot.recipe}",
        "",
        f"Snapshot `{reference}`.",
        "",
        *data_lines(snapshot, labels),
        "",
    ]
    if deliveries:
        lines += ["## Deliveries", "", *_deliveries(deliveries), ""]
    lines += ["## Left out", "", *_left_out(snapshot.output, ingest), ""]
    lines += ["## Licence and consent", "", "Not recorded: the recipe has no field for them.", ""]
    return "\n".join(lines)


def data_lines(snapshot: Manifest, labels: Counts) -> Iterator[str]:
    """What a snapshot holds."""
    output = snapshot.output
    rows = [
        ("kind", title_of(snapshot)), ("data version (DVC)", f"`{output['version']}`"),
        ("digest", f"`{output['digest']}`"), ("samples", f"{output['samples']:,}"),
        ("training samples with a label", f"{output['labelled']:,}"),
        ("test samples with a label", f"{output['tests']:,}"),
        ("near-duplicates", f"{output.get('near_duplicates', 0):,}"),
        ("sources", ", ".join(output.get("sources") or ()) or "not named"),
    ]  # fmt: skip
    yield from table(("what", "value"), rows)
    if labels:
        yield ""
        shown = [(name, f"{train:,}", f"{test:,}") for name, (train, test) in labels.items()]
        yield from table(("class", "training labels", "test labels"), shown)


def title_of(snapshot: Manifest) -> str:
    """The kind of samples with the options that the recipe gives, in a few words."""
    given = dict(snapshot.given.get("modality") or {})
    name = str(given.pop("name", "sample"))
    options = ", ".join(
        f"{key} {value}" for key, value in given.items() if not isinstance(value, dict | list)
    )
    return f"{name} ({options})" if options else name


def label_counts(table: "Table", output: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Class -> labels for training and for testing; none where labels are no classes. output: of the snapshot."""
    classes: Sequence[str] = [] if output.get("masks") else output["classes"]
    train, test = (
        np.bincount(table.label[rows], minlength=len(classes))
        for rows in (table.labelled_rows(), table.test_rows())
    )
    return {name: (int(train[k]), int(test[k])) for k, name in enumerate(classes)}


def _deliveries(deliveries: Sequence[Delivery]) -> list[str]:
    rows = [
        (one.name, f"{one.accepted:,}", f"{one.duplicates:,}", f"{sum(one.quarantined.values()):,}")
        for one in deliveries
    ]
    return table(("delivery", "samples", "duplicates", "quarantined"), rows)


def _left_out(output: Mapping[str, Any], ingest: Manifest | None) -> Iterator[str]:
    if ingest is not None:
        found = ingest.output
        yield f"- Duplicates in the newest ingest: {found['duplicates']:,}."
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in found["quarantined"].items()) or "none"
        yield f"- Quarantined in the newest ingest: {kinds}."
        yield f"- Labels without a sample: {found['labels_unknown']:,}."
        yield f"- Contradictory labels: {found['labels_contradictory']:,}."
    yield f"- Samples that could not be decoded: {'listed in the snapshot' if output.get('unreadable') else 'none'}."
    yield f"- Labels without a meaning for the task: {'listed in the snapshot' if output.get('refused') else 'none'}."
    leaked = counted(int(output.get("leaked_tests", 0)), "sample")
    yield f"- Test samples with a near-duplicate among the training samples, not measured: {leaked}."


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown; a vertical bar in a cell is escaped."""
    cells = [tuple(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) for row in (head, *rows)]
    made = [f"| {' | '.join(row)} |" for row in cells]
    return [made[0], f"|{'---|' * len(head)}", *made[1:]]
