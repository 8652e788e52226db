"""What suits somebody's tables: kinds of columns, which of them looks like the label and which like a name."""

import json
from collections import Counter
from collections.abc import Sequence

from components.data.splits import SPLITS
from components.modalities.look import Look, Suited
from components.modalities.table import cells
from components.modalities.table.block import Texts, block_of
from components.modalities.table.check import check_rows, parsed
from components.modalities.table.config import LABEL, TableConfig, TableLimits
from components.modalities.table.other_kinds import other_kinds
from components.modalities.table.schema import Survey, described

TARGETS = (
    "target", "label", "class", "y", "outcome", "category", "species", "diagnosis", "churn", "churned", "default",
    "fraud", "anomaly", "defect", "result", "status",
)  # fmt: skip
KEYS = ("id", "key", "uuid", "guid", "rowid", "row_id", "index", "no", "nr", "number")
CLASSES = 50  # different values of a column above which it is no label
KEPT = 16 << 20  # bytes of rows
NUMBERS = ("target", "label", "y", "outcome")  # of TARGETS, those that may be numbers of many values
SPLIT = "split"
GAPS = 0.5  # share of missing values from which a column of few values looks like labels of a part


class TableLook(Look):
    """Columns of the rows that were looked at. kept: the first good ones, as far as they fit into KEPT bytes."""

    def __init__(self, config: TableConfig, limits: TableLimits | None = None) -> None:
        self.config, self.limits, self.rows = config, limits or TableLimits(), 0
        self.surveys: dict[str, Survey] = {}
        self.distinct: set[bytes] = set()  # two different rows are enough
        self.kept: list[bytes] = []
        self.room = KEPT

    def add(self, batch: Sequence[bytes]) -> list[str | None]:
        reasons = check_rows(batch, self.limits)
        good = [data for data, reason in zip(batch, reasons, strict=True) if reason is None]
        block, _ = block_of(good)
        if len(self.distinct) < 2:
            self.distinct |= set(good)
        missing = cells.MISSING | frozenset(self.config.missing)
        for name, column in block.columns.items():
            self.surveys.setdefault(name, Survey(self.config)).add(Texts(column, missing))
        self.rows += block.rows
        for data in good:
            self.room -= len(data)
            if self.room >= 0:
                self.kept.append(data)
        return reasons

    @property
    def good(self) -> int:
        return self.rows

    @property
    def useless(self) -> str | None:
        if len(self.distinct) > 1 or self.rows < 2:
            return None
        return "are the same row: nothing can be learnt from that; give rows that differ"

    @property
    def kinds(self) -> dict[str, str]:
        """Column -> its kind."""
        return {
            name: described(name, self.surveys[name], self.config)[0].kind for name in sorted(self.surveys)
        }

    @property
    def key(self) -> str | None:
        """The column that is called like a name of rows and has another value in each; None where none is."""
        for name in sorted(self.surveys, key=lambda name: (name not in KEYS, name)):
            survey = self.surveys[name]
            called = name in KEYS or name.endswith(("_id", " id", "-id", "_key"))
            single = len(survey.counts) == survey.values == self.rows and not survey.forgotten
            if called and single:
                return name
        return None

    @property
    def target(self) -> str | None:
        """The column of few values, or of numbers, that is called like a label, or one of few values that most rows
        lack; None where none is."""
        few = {name for name in self.surveys if self._classes(name)}
        kinds = self.kinds
        numbers = {name for name in NUMBERS if kinds.get(name) == "numeric"}
        if named := [name for name in TARGETS if name in few | numbers]:
            return named[0]
        gaps = {name: self.surveys[name].missing / self.rows for name in few}
        most = max(gaps, key=lambda name: gaps[name], default=None)
        return most if most is not None and gaps[most] >= GAPS else None

    def _classes(self, name: str) -> int:
        """How many classes a column would have as the label; 0 where it cannot be that."""
        survey = self.surveys[name]
        count = len(survey.counts)
        return count if 2 <= count <= min(CLASSES, max(2, survey.values // 2)) and not survey.forgotten else 0

    def lines(self) -> list[str]:
        count = Counter(self.kinds.values())
        words = ", ".join(f"{number} {kind}" for kind, number in count.most_common())
        gaps = sum(survey.missing for survey in self.surveys.values()) / max(1, self.rows * len(self.surveys))
        lines = [f"{len(self.surveys)} columns: {words}; {gaps:.1%} of the cells are missing"]
        target, key = self.config.target, self.config.key
        if target is not None:
            lines.append(f"label: column {target} (modality.target)")
        if key is not None:
            lines.append(f"name of a row: column {key} (modality.key)")
        return lines

    def notes(self, samples: int) -> list[str]:
        notes = [
            note
            for name in sorted(self.surveys)
            for note in described(name, self.surveys[name], self.config)[2]
        ]
        notes += self._unnamed()
        return notes + other_kinds([parsed(row) for row in self.kept], self.kinds, self.config)

    def _unnamed(self) -> list[str]:
        """What looks like a label or a split, and is neither by the recipe."""
        said = []
        if SPLIT in self.config.ignore:
            said.append(
                f"column {SPLIT} names no split here, and is left out (modality.ignore): a label file does, with the "
                f"columns {self.config.key or 'id'} and {SPLIT}"
            )
        kinds = self.kinds
        gaps = {
            name: self.surveys[name].missing / self.rows for name, kind in kinds.items() if kind == "numeric"
        }
        most = max(gaps, key=lambda name: gaps[name], default=None)
        if self.config.target is None and LABEL not in kinds and most is not None and gaps[most] >= GAPS:
            said.append(
                f"column {most} has a value in {1 - gaps[most]:.0%} of the rows and is learnt from as it is: where it "
                f"is the label, use --modality '{{name: table, target: {most}}}'"
            )
        return said

    def guess(self, labelled: bool) -> TableConfig | None:
        found = {
            "key": self.config.key or self.key,
            "target": self.config.target or (None if labelled else self.target),
            "ignore": (*self.config.ignore, *self._splits()),
        }
        guessed = self.config.model_copy(update=found)
        return None if guessed == self.config else guessed

    def _splits(self) -> list[str]:
        """A column `split` of the names of splits alone: as a feature it would say nothing that is known later."""
        survey = self.surveys.get(SPLIT)
        known = {*SPLITS, "val", "valid", "validation"}
        meant = survey is not None and survey.counts and {text.casefold() for text in survey.counts} <= known
        return [SPLIT] if meant and SPLIT not in self.config.left_out else []

    def suited(self, samples: int) -> Suited:
        given = {"key": self.config.key, "target": self.config.target, "ignore": list(self.config.ignore)}
        options = "".join(
            f", {field}: {json.dumps(value, ensure_ascii=False)}" for field, value in given.items() if value
        )
        kinds = self.kinds
        return Suited(
            modality=f"{{name: table{options}}}",
            why=f"{len(kinds)} columns",
            encoder="{name: table_mlp}",
            objective="{name: simclr}",
            speed=speed_of(len(kinds)),
            views="{corrupt: 0.3}",
            finetune=(
                "encoder_rate: 0  # the encoder stays as pretraining left it: few labels would spoil it",
            ),
            plain_detection=True,
        )


def speed_of(columns: int, cores: int = 2) -> float:
    """Samples a second that the perceptron (3 layers of 256) trains on by SimCLR with so many columns.

    Measured in one process, views included: 13,000 samples a second of processor time with 10 columns, 10,400 with 30,
    7,900 with 100.
    """
    return 13_300 * cores / (1 + columns / 136)
