"""Finds of what kind each column of a table is, from all of its rows, in bounded memory.

A column is numeric where all but 0.5 % of its values are numbers in one style, else a date where all but 0.5 % are
dates in one style, else categorical; two words for yes and no are boolean. The few that do not fit become missing
values, which a note reports.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from components.arrays import Ints
from components.config import Config
from components.errors import UserError
from components.modalities.table import cells
from components.modalities.table.block import Block, Texts
from components.modalities.table.config import Column, Feature, Kind, TableConfig

ENOUGH = 0.995  # share of values that must fit a kind
LIKELY = 0.95  # share of the values so far below which a style of numbers is given up, where another fits
DISTINCT = 20_000  # different values of a column that are counted; beyond them the rare ones are forgotten
SHARE = 0.01  # of the samples that the categories of a column must cover together
TIMES = ("", " %H:%M", " %H:%M:%S")
DAY_FIRST = tuple(day + time for day in ("%d/%m/%Y", "%d/%m/%y") for time in TIMES)
MONTH_FIRST = tuple(day + time for day in ("%m/%d/%Y", "%m/%d/%y") for time in TIMES)
STYLES = (
    "ISO8601",
    *(day + time for day in ("%d.%m.%Y", "%d.%m.%y", "%Y/%m/%d") for time in TIMES),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y"),
)


class Schema(Config):
    """How the rows of a table are read."""

    columns: tuple[Column, ...]
    """Columns in the order of their names."""

    features: tuple[Feature, ...]
    """Columns of the array, without their distribution."""


class Survey:
    """What is known of one column so far."""

    def __init__(self, config: TableConfig) -> None:
        self.config = config
        self.values, self.missing, self.forgotten = 0, 0, False
        self.counts: Counter[str] = Counter()
        self.numbers: dict[str, int] = {config.decimal: 0} if config.decimal else {".": 0, ",": 0}
        self.units: set[str] = set()
        order = {"day_first": DAY_FIRST, "month_first": MONTH_FIRST, None: DAY_FIRST + MONTH_FIRST}
        self.dates = dict.fromkeys([*STYLES, *order[config.dates]], 0)
        self.weekdays: dict[str, set[int]] = {style: set() for style in self.dates}
        self.hours: dict[str, set[int]] = {style: set() for style in self.dates}

    def add(self, texts: Texts) -> None:
        """Count further values of the column."""
        self.missing += texts.missing
        if not len(texts):
            return
        plain = "." in self.numbers and texts.plain_numbers is not None
        if plain:
            self.numbers["."] += len(texts)
        # Of a column of numbers the values are not asked for; those of another one are.
        numeric = plain and self.numbers["."] == self.values + len(texts)
        if not (numeric and self.forgotten):
            self._add_one_by_one(texts, plain)
        self.values += len(texts)

    def _add_one_by_one(self, texts: Texts, plain: bool) -> None:
        """plain: they are numbers with a decimal point, which are counted already."""
        counts = texts.counts
        for text, count in counts.items():
            self.counts[text] += count
        self._forget()
        for point in self.numbers:
            if point == "." and plain:
                continue
            if plain and self.numbers[point] < LIKELY * self.values:
                continue
            fit = [text for text in counts if not np.isnan(cells.number(text, point))]
            self.numbers[point] += sum(counts[text] for text in fit)
            self.units |= {cells.unit_of(text) for text in fit} - {""}
        if plain:
            return
        if self.dates and any(len(text) >= 6 and any("0" <= sign <= "9" for sign in text) for text in counts):
            self._add_dates(counts)
        else:
            self.dates.clear()

    def _add_dates(self, counts: dict[str, int]) -> None:
        texts = list(counts)
        times = np.array([counts[text] for text in texts])
        for style in list(self.dates):
            when = cells.moments(texts, style)
            there = ~np.isnat(when)
            if not there.any():  # no column has two styles
                del self.dates[style]
                continue
            self.dates[style] += int(times[there].sum())
            weekday, hour = parts(when[there])
            self.weekdays[style] |= set(weekday.tolist())
            self.hours[style] |= set(hour.tolist())

    def _forget(self) -> None:
        """Keep the memory bounded: the values that came least often are forgotten."""
        least = 1
        while len(self.counts) > DISTINCT:
            self.counts = Counter({text: count for text, count in self.counts.items() if count > least})
            self.forgotten, least = True, 2 * least

    def kind(self, forced: Kind | None) -> tuple[Kind, str]:
        """The kind of the column, and its style."""
        point = max(self.numbers, key=lambda point: self.numbers[point])
        style = max(self.dates, key=lambda style: self.dates[style], default="")
        if forced is not None:
            return forced, {"numeric": point, "date": style or "ISO8601"}.get(forced, "")
        words = {text.lower() for text in self.counts}
        if len(words) == 2 and words <= cells.TRUE | cells.FALSE and len(words & cells.TRUE) == 1:
            return "boolean", ""
        needed = ENOUGH * self.values
        if self.numbers[point] >= needed and len(self.units) <= 1:
            return "numeric", point
        if style and self.dates[style] >= needed:
            return "date", style
        return "categorical", ""

    def categories(self) -> tuple[str, ...]:
        """The categories of the column, the most frequent first, equally frequent ones by name."""
        order = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return tuple(text for text, count in order[: self.config.categories] if count >= self.config.rare)


def parts(when: cells.Moments) -> tuple[Ints, Ints]:
    """Weekday (0 is Monday) and hour of moments that are none of them NaT, int64."""
    hours = when.astype("datetime64[h]").astype(np.int64)
    return (hours // 24 + 3) % 7, hours % 24  # 1970 began on a Thursday


def infer(blocks: Iterable[Block], config: TableConfig) -> tuple[Schema, list[str]]:
    """The schema of the rows of all blocks, and notes on it for a person.

    Raises:
        UserError: no column can be learnt from.
    """
    surveys: dict[str, Survey] = {}
    missing = cells.MISSING | frozenset(config.missing)
    for block in blocks:
        for name, column in block.columns.items():
            if name not in surveys:
                surveys[name] = Survey(config)
            surveys[name].add(Texts(column, missing))
    if unknown := sorted(set(config.kinds) - set(surveys)):
        raise UserError(
            "column-missing",
            f"modality.kinds names column {unknown[0]!r}, which the tables do not have; "
            f"their columns: {', '.join(sorted(surveys))[:200]}",
        )
    columns, features, notes = list[Column](), list[Feature](), list[str]()
    for name in sorted(surveys):
        column, made, said = described(name, surveys[name], config)
        columns.append(column)
        features += made
        notes += said
    if not features:
        raise UserError(
            "samples-all-alike",
            f"none of the {len(columns)} columns varies: columns that differ from row to row are required; "
            "look at the tables in the inbox",
        )
    return Schema(columns=tuple(columns), features=tuple(features)), notes


def described(name: str, survey: Survey, config: TableConfig) -> tuple[Column, list[Feature], list[str]]:
    """One column, its features, and notes."""
    only = next(iter(survey.counts), "")
    if len(survey.counts) + bool(survey.missing) <= 1 and not survey.forgotten:
        held = f"holds {only[:40]!r}" if only else "is empty"
        text = f"column {name} {held} in every row and is left out"
        return Column(name=name, kind="constant"), [], [text]
    kind, style = survey.kind(config.kinds.get(name))
    column, notes = Column(name=name, kind=kind, style=style), list[str]()
    if kind == "numeric" and (odd := survey.values - survey.numbers[style]):
        notes.append(
            f"column {name}: {odd} of {survey.values} values are no numbers and are taken as missing"
        )
    if kind == "date":
        counted = survey.dates.get(style, 0)
        if odd := survey.values - counted:
            notes.append(
                f"column {name}: {odd} of {survey.values} values are no dates and are taken as missing"
            )
        if style in DAY_FIRST and counted == survey.dates.get(style.replace("%d/%m", "%m/%d")):
            notes.append(
                f"column {name}: its dates can be read day first or month first; day first is taken; "
                "set modality.dates to choose"
            )
        return (
            column,
            _of_date(name, survey.weekdays.get(style, set()), survey.hours.get(style, set())),
            notes,
        )
    if kind == "boolean":
        return column, [Feature(column=name, categories=("false", "true"))], notes
    if kind == "numeric":
        return column, [Feature(column=name)], notes
    categories = survey.categories()
    covered = sum(survey.counts[text] for text in categories)
    if not categories or covered < SHARE * survey.values:
        text = (
            f"column {name} has more than {DISTINCT:,}"
            if survey.forgotten
            else f"column {name} has {len(survey.counts):,}"
        )
        notes.append(
            f"{text} different values in {survey.values:,} rows, too few of them alike, and is left out"
        )
        return Column(name=name, kind="constant"), [], notes
    return column, [Feature(column=name, categories=categories)], notes


def _of_date(name: str, weekdays: set[int], hours: set[int]) -> list[Feature]:
    made = [Feature(column=name)]
    if len(weekdays) > 1:
        made.append(Feature(column=name, part="weekday", categories=cells.WEEKDAYS))
    if len(hours) > 1:
        made.append(Feature(column=name, part="hour", categories=tuple(f"{hour:02}" for hour in range(24))))
    return made
