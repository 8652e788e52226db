"""Files of labels: which they are, and what a person wrote in them.

A label file is a table (see tables.py) whose name begins with `label`, or which has a column that names samples
and one of labels, such as Hugging Face's metadata.csv (file_name, label). In those of the labelling page (APPENDED), to
which lines are only added, the last line of a sample counts.
"""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from components.data.label_values import UNLABELLED, classes_of, tidy
from components.data.labels import Row
from components.data.splits import SPLITS
from components.data.tables import LABEL, PATHS, TEXT_TABLES, UNREADABLE, columns_of, numbered_rows
from components.data.walk import suffix_of
from components.errors import UserError

KEYS = (*PATHS, "name", "image", "img", "id")
USED = (*KEYS, *LABEL, "annotator", "time", "split")
APPENDED = (
    "labels-by-"  # begins the names of the labelling page's files: a line for each answer, or undone one
)
ID = re.compile("[0-9a-f]{64}")
DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,?\s+(\d{1,2}:\d\d(?::\d\d)?))?")
NOT_READ = frozenset({".json", ".xlsx", ".xls", ".ods"})


class Given(NamedTuple):
    """A label as a person wrote it. keys: what may name the sample, the likeliest first; row.id is still empty, and
    row.label is "" where there is none. line: of the file."""

    keys: tuple[str, ...]
    row: Row
    line: int = 0


def is_label_file(path: str) -> bool:
    """Whether a file is a label file by its name."""
    return path.rpartition("/")[2].lower().startswith("label")


def is_table(path: str) -> bool:
    suffix = suffix_of(path)
    return suffix == ".parquet" or suffix in TEXT_TABLES or (suffix == ".txt" and is_label_file(path))


def is_unread_label_file(path: str) -> bool:
    """Whether a file holds labels in a form that nothing here reads."""
    return is_label_file(path) and suffix_of(path) in NOT_READ


def must_be_corrected(path: str, reason: str) -> bool:
    """Whether a file that cannot be read is its author's to correct, as labels would be lost with it: a label file, or
    a text table that is broken rather than about something else."""
    broken = suffix_of(path) in TEXT_TABLES and reason.startswith(UNREADABLE)
    return is_label_file(path) or broken


def is_label_table(path: str, columns: Collection[str]) -> bool:
    """Whether a table is a label file. columns: of it, see columns_of."""
    return is_label_file(path) or (_any(KEYS, columns) and _any(LABEL, columns))


def given_in(
    file: Path, name: str, unlabelled: Collection[str] = UNLABELLED, *, numeric: bool = False
) -> list[Given]:
    """What a label file says, row by row; name: of the file, relative to the inbox.

    unlabelled: words in the column label that mean no label, in small letters. numeric: labels are numbers, of which
    -1 is one.

    Raises:
        UserError: it cannot be read, no column names the sample or the label, a split is neither train, test
            nor empty, or a time is none; with the line.
    """
    try:
        columns = columns_of(file)
        if not (_any((*LABEL, "split"), columns) and _any(KEYS, columns)):
            raise ValueError(
                "needs a column label or split, and one of path, file_name, name, id; it has "
                f"{', '.join(sorted(columns))[:100]}"
            )
        rows = list(numbered_rows(file, numeric))
        if PurePosixPath(name).name.startswith(APPENDED):
            rows = last_lines(rows)
        column = next((name for name in LABEL if name in columns), None)
        if column is None:  # a row without a split says nothing then, rather than that there is no label
            rows = [(line, row) for line, row in rows if row.get("split")]
        texts = {row.get(column or "", "") for _, row in rows}
        classes = {text: tidy(text) for text in texts} if numeric else classes_of(texts)
        folder = PurePosixPath(name).parent.as_posix()
        return [
            given
            for line, row in rows
            if (given := _given(line, row, classes[row.get(column or "", "")], name, folder, unlabelled)).keys
        ]
    except ValueError as error:
        raise UserError("label-file-invalid", f"{name}: {error}; correct it or take it away") from None


def last_lines(rows: Sequence[tuple[int, dict[str, str]]]) -> list[tuple[int, dict[str, str]]]:
    """Of rows with the numbers of their lines the last one of each sample and annotator."""
    last = {(row.get("id", ""), row.get("annotator", "")): (line, row) for line, row in rows}
    return list(last.values())


def _given(
    line: int, row: dict[str, str], label: str, name: str, folder: str, unlabelled: Collection[str]
) -> Given:
    if broken := next((column for column in USED if re.search(r"[\r\n]", row.get(column, ""))), None):
        raise ValueError(f"line {line}: column {broken} holds a line break; a quote there is not closed")
    split, time = row.get("split", "").lower(), row.get("time", "")
    if split not in ("", *SPLITS):
        raise ValueError(f"line {line}: split must be train, test or empty, got {split[:40]!r}")
    try:
        moment = utc(time)
    except ValueError:
        raise ValueError(
            f"line {line}: time must be as in 2026-01-31T09:00 or 31.01.2026 09:00, got {time[:40]!r}"
        ) from None
    label = "" if label.casefold() in unlabelled else label
    return Given(keys_of(row, folder), Row("", label, row.get("annotator", ""), moment, split, name), line)


def keys_of(row: dict[str, str], folder: str = ".") -> tuple[str, ...]:
    """What may name the sample of a row. An id that is no sample's id is a running number wherever a path or a name
    stands beside it; a path is relative to the folder of its table first."""
    id = row.get("id", "")
    if ID.fullmatch(id):
        return (id,)
    paths = [row[column] for column in KEYS[:-1] if row.get(column)] or ([id] if id else [])
    below = [f"{folder}/{path}" for path in paths if folder != "." and not path.startswith(("/", "\\"))]
    return tuple(dict.fromkeys([*below, *paths]))


def utc(time: str) -> str:
    """ISO 8601 in UTC, so that text sorts as time does; "" stays "". Days with dots are read day first.

    utc("2026-01-12T10:00:00+01:00") = "2026-01-12T09:00:00Z"; utc("31.01.2026 09:00") = "2026-01-31T09:00:00Z".

    Raises:
        ValueError: not a time, or one that is read differently in different countries (01/02/2026).
    """
    if not time:
        return ""
    if found := DAY_FIRST.fullmatch(time.strip()):
        day, month, year, clock = found.groups()
        time = (
            f"{year}-{month:0>2}-{day:0>2}T{':'.join(part.zfill(2) for part in (clock or '0:00').split(':'))}"
        )
    try:
        moment = datetime.fromisoformat(time)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{time} is outside of the calendar") from None
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _any(names: Sequence[str], columns: Collection[str]) -> bool:
    return any(name in columns for name in names)
