"""Records of the speedrun: how soon a commit reaches a test accuracy, and whether it is certain.

The runs of one commit on one machine are an entry. It is a record for a target where two one-sided tests say so:

1. It reaches the target: Student's t-test of its accuracies against the target (mean above it, p < .05).
2. It is faster than the record that stands: Welch's t-test of the seconds of both (its mean below, p < .05). The first
   record of a machine has none to beat.

Seeds differ in the draw of labels and in all that is random, so both tests know that noise. An entry needs the seeds 0
to 4 at least, without a gap, so that none can be left out. Seconds of two machines are never compared.
Source: Student 1908; Welch 1947.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import fmean, stdev, variance

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from scipy.stats import t

from components.config import Config
from components.errors import UserError

TARGETS = (0.78, 0.80)
SEEDS, LEVEL = 5, 0.05


class Run(Config):
    """seconds: from the start of the first stage until the model is there (the end of finetune); accuracy: of that
    model on the test samples, which evaluate measures when the clock has stopped. load: of the machine, one minute's
    average before the start."""

    commit: str
    day: date
    machine: str
    cores: PositiveInt
    seed: NonNegativeInt
    accuracy: float
    seconds: PositiveFloat
    load: float


@dataclass(frozen=True)
class Entry:
    """runs: of one commit on one machine, by seed."""

    commit: str
    machine: str
    runs: tuple[Run, ...]

    @property
    def day(self) -> date:
        return max(run.day for run in self.runs)

    @property
    def accuracies(self) -> list[float]:
        return [run.accuracy for run in self.runs]

    @property
    def seconds(self) -> list[float]:
        return [run.seconds for run in self.runs]


@dataclass(frozen=True)
class Judged:
    """reached, faster: p-values; None where there was nothing to test. why: it is no record; empty for a record."""

    entry: Entry
    reached: float | None
    faster: float | None
    why: str


def load(file: Path) -> list[Run]:
    """One JSON object a line, in the order in which they were measured."""
    return [Run.model_validate_json(line) for line in file.read_text().splitlines()] if file.exists() else []


def add(run: Run, file: Path) -> None:
    """Append a run.

    Raises:
        UserError: its commit is not one that others can check out; or this seed was measured already.
    """
    if "+" in run.commit or run.commit == "unknown":
        raise UserError(
            "record-refused",
            f"a run of a commit needed, got {run.commit!r}; commit the changes and measure again",
        )
    for known in load(file):
        if (known.commit, known.machine, known.seed) == (run.commit, run.machine, run.seed):
            raise UserError(
                "record-refused",
                f"seed {run.seed} of commit {run.commit:.12} is measured already: {known.accuracy:.4f} in "
                f"{known.seconds:.1f} s; the first run counts, take another seed",
            )
    with file.open("a") as stream:
        stream.write(run.model_dump_json() + "\n")


def entries(runs: Iterable[Run]) -> list[Entry]:
    """In the order in which their first runs were measured."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        found.setdefault((run.commit, run.machine), []).append(run)
    return [
        Entry(commit, machine, tuple(sorted(own, key=lambda run: run.seed)))
        for (commit, machine), own in found.items()
    ]


def reaches(accuracies: Sequence[float], target: float) -> float:
    """p of Student's one-sided t-test that the mean is above `target`; accuracies: two or more.

    (.79, .80, .80, .80, .81) against .78: t = .02 / (.00707 / sqrt(5)) = 6.32 with 4 degrees of freedom, p = .0016.
    """
    n, above, deviation = len(accuracies), fmean(accuracies) - target, stdev(accuracies)
    if deviation == 0:
        return 0.0 if above > 0 else 1.0
    return float(t.sf(above / (deviation / n**0.5), n - 1))


def is_faster(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """p of Welch's one-sided t-test that our mean is below theirs; two or more of each.

    Means 100 and 110, both of variance 2.5 and five runs: t = 10 / sqrt(.5 + .5) = 10 with 8 degrees of freedom.
    """
    below = fmean(theirs) - fmean(ours)
    a, b = (variance(values) / len(values) for values in (ours, theirs))
    if a + b == 0:
        return 0.0 if below > 0 else 1.0
    freedom = (a + b) ** 2 / (a**2 / (len(ours) - 1) + b**2 / (len(theirs) - 1))
    return float(t.sf(below / (a + b) ** 0.5, freedom))


def judge(found: Iterable[Entry], target: float) -> list[Judged]:
    """Every entry for a target, in order, each beside the record of its machine that stood then."""
    standing: dict[str, Entry] = {}
    judged = []
    for entry in found:
        before = standing.get(entry.machine)
        one = _judged(entry, before, target)
        if not one.why:
            standing[entry.machine] = entry
        judged.append(one)
    return judged


def _judged(entry: Entry, before: Entry | None, target: float) -> Judged:
    seeds = [run.seed for run in entry.runs]
    if len(seeds) < SEEDS or seeds != list(range(len(seeds))):
        has = ", ".join(map(str, seeds))
        return Judged(
            entry, None, None, f"seeds 0 to {SEEDS - 1} at least and without a gap needed, got {has}"
        )
    reached = reaches(entry.accuracies, target)
    if reached >= LEVEL:
        return Judged(entry, reached, None, f"not certainly above {target:.2f}")
    if before is None:
        return Judged(entry, reached, None, "")
    faster = is_faster(entry.seconds, before.seconds)
    why = "" if faster < LEVEL else f"not certainly faster than {before.commit:.12}"
    return Judged(entry, reached, faster, why)


def page(runs: Sequence[Run]) -> str:
    """Markdown: for each target every entry, records in bold."""
    lines = [
        "# Speedrun: seconds to a test accuracy",
        "",
        "Written by `benchmarks/speedrun.py`. The quickstart on two cores, another draw of 100 labels for each seed; "
        "seconds from the start of the first stage until the model is there, mean and deviation over the seeds. A "
        f"record needs the seeds 0 to {SEEDS - 1}, a mean accuracy above the target (Student's one-sided t-test, "
        f"p < {LEVEL}) and, beside the record of its machine that stands, fewer seconds (Welch's one-sided t-test, "
        f"p < {LEVEL}).",
    ]
    for target in TARGETS:
        judged = judge(entries(runs), target)
        lines += ["", f"## Test accuracy {target:.2f}"]
        if not any(not one.why for one in judged):
            lines += ["", "No record yet."]
        if judged:
            lines += [
                "",
                "| date | commit | machine | seeds | accuracy | p (reached) | seconds | p (faster) | |",
                "|---|---|---|---|---|---|---|---|---|",
                *map(_row, judged),
            ]
    return "\n".join(lines) + "\n"


def _row(judged: Judged) -> str:
    entry = judged.entry
    cells = [
        entry.day.isoformat(),
        f"{entry.commit:.12}",
        f"{entry.machine}, {entry.runs[0].cores} cores",
        str(len(entry.runs)),
        _spread(entry.accuracies, 4),
        _p(judged.reached),
        _spread(entry.seconds, 1),
        _p(judged.faster),
        judged.why or "**record**",
    ]
    return f"| {' | '.join(cells)} |"


def _spread(values: Sequence[float], digits: int) -> str:
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{deviation}"


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}" if value >= 0.0001 else "< 0.0001"
