"""Rows of a table that would rather be samples of another kind: time steps of series, events of users, or texts."""

import json
from collections.abc import Mapping, Sequence
from statistics import median

import yaml

from components.modalities.table.config import LABEL, TableConfig

TIMES = ("time", "timestamp", "datetime", "date", "ts")
STEPS = 4  # rows that a series has at least, on average over those that were looked at
USERS = (
    "user",
    "customer",
    "client",
    "visitor",
    "session",
    "account",
    "member",
    "patient",
)  # in a name of users
WORDS = 5  # that half of the texts of a column have at least
DIFFERENT = 0.9  # share of the texts of a column, no two of which are the same
FEW = 20  # rows below which nothing is said

Rows = Sequence[Mapping[str, str | None]]


def other_kinds(rows: Rows, kinds: Mapping[str, str], config: TableConfig) -> list[str]:
    """What to do where the rows look like series, events or texts, a line each. kinds: column -> its kind; the columns
    of the label and of the key are none of them."""
    if len(rows) < FEW:
        return []
    said = []
    if found := series_column(rows, kinds):
        series, time = found
        named = {"name": "series", "series": series} | ({"time": time} if time != "time" else {})
        named |= {"target": config.target} if config.target not in (None, LABEL) else {}
        said.append(
            f"the values of column {series} repeat, each with another {time}: where rows are time steps of series, use "
            f"--modality '{_options(named)}'"
        )
    if (users := event_columns(rows, kinds)) and not found:
        named = dict(zip(("user", "item", "time"), users, strict=True))
        said.append(
            f"the values of {users[0]} and {users[1]} repeat, each row with its {users[2]}: where rows are events of "
            f"users, use --modality '{_options({'name': 'events'} | named)}'"
        )
    for column in text_columns(rows, kinds):
        said.append(
            f"column {column} holds texts, which rows of tables do not learn from: where the text is the sample, use "
            f"--modality '{_options({'name': 'text', 'column': column})}'"
        )
    return said


def series_column(rows: Rows, kinds: Mapping[str, str]) -> tuple[str, str] | None:
    """The column whose values name series, and that of the time; None where the rows are no time steps.

    Each series has several rows, no two of them of one time, and all other columns are numbers. A column of numbers
    names series only where several rows have the same time: then it tells them apart.
    """
    times = [name for name, kind in kinds.items() if _is_time(name) or kind == "date"]
    for time in times:
        others = [name for name in kinds if name != time]
        names = [name for name in others if kinds[name] in ("categorical", "boolean")]
        if len(names) > 1 or not others:
            continue
        moments = [row.get(time) for row in rows]
        if not names and len(set(moments)) == len(rows):
            continue
        for name in names or others:
            values = [row.get(name) for row in rows]
            repeated = None not in values and 2 <= len(set(values)) <= len(rows) / STEPS
            if len(others) > 1 and repeated and len(set(zip(values, moments, strict=True))) == len(rows):
                return name, time
    return None


def event_columns(rows: Rows, kinds: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The columns of the user, the item and the time of rows that have one time and two names, both of which repeat,
    and nothing else; None of other rows. Of two names that of more different values is the user's, unless one is called
    so."""
    times = [name for name, kind in kinds.items() if _is_time(name) or kind == "date"]
    names = [name for name in kinds if name not in times and kinds[name] in ("categorical", "constant")]
    if len(times) != 1 or len(names) != 2 or len(kinds) != 3:
        return None
    different = {name: len({row.get(name) for row in rows}) for name in names}
    if not all(2 <= count <= len(rows) / 2 for count in different.values()):
        return None
    called = [name for name in names if any(word in name for word in USERS)]
    user = called[0] if len(called) == 1 else max(names, key=lambda name: different[name])
    [item] = [name for name in names if name != user]
    return user, item, times[0]


def text_columns(rows: Rows, kinds: Mapping[str, str]) -> list[str]:
    """The columns of texts of several words, nearly all of them different."""
    found = []
    for name, kind in kinds.items():
        texts = [text for row in rows if (text := row.get(name)) is not None]
        if kind not in ("categorical", "constant") or len(set(texts)) < max(FEW, DIFFERENT * len(texts)):
            continue
        if median(len(text.split()) for text in texts) >= WORDS:
            found.append(name)
    return found


def _is_time(name: str) -> bool:
    return name in TIMES or name.endswith(("_time", " time", "_date", "timestamp"))


def _options(given: Mapping[str, str]) -> str:
    """As YAML in one line, which a shell takes in single quotes: {name: series, series: machine}."""
    parts = []
    for key, value in given.items():
        plain = value.isidentifier() and yaml.safe_load(value) == value  # which `yes` is not
        parts.append(f"{key}: {value if plain else json.dumps(value, ensure_ascii=False)}")
    return f"{{{', '.join(parts)}}}"
