"""Detection of anomalies beside an isolation forest and ECOD, with no label and with 1 % of the anomalies labelled.

    python -m benchmarks.anomalies [shuttle=shuttle.csv.gz:anomaly:1] [NAME=FILE:COLUMN:VALUE[:MOST]] ... [--seeds 5]

Each set is a CSV file of numbers; a row is an anomaly where COLUMN is VALUE. MOST: anomalies that are kept, drawn once
with seed 1, where a class is to become rare. Without a set the test rows of recipes/anomaly are one. Of each seed's
random order 60 % of the rows are for training. All methods are fitted on the same rows, unlabelled anomalies among
them, and are compared by average precision on the others. The best detector is that of ours with the highest average
precision there, which nobody could have known. The isolation forest is scikit-learn's (100 trees), ECOD that of
components.evaluation.anomaly, whose scores are those of PyOD. Labelled: 1 % of the training anomalies, 5 at least. The
difference is paired over seeds, with its standard error.
"""

import argparse
import csv
import gzip
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from components.arrays import Bools, Doubles
from components.evaluation.anomaly.ecod import fit_ecod
from components.evaluation.anomaly.figures import average_precision
from components.evaluation.anomaly.scorer import fit_scorer

TRAIN, LABELLED, FEWEST = 0.6, 0.01, 5
MOST = 16_384  # training rows, as in the stage
PAIRS = (
    ("no label", "isolation forest"),
    ("no label", "ECOD"),
    ("1 % labelled", "no label"),
    ("1 % labelled", "best detector"),
)


def read(file: Path, column: str, value: str, most: int | None) -> tuple[Doubles, Bools]:
    """[N, D] numbers and [N] anomalies."""
    raw = file.read_bytes()
    text = (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    odd = np.array([row[column] == value for row in rows])
    x = np.array([[float(cell) for name, cell in row.items() if name != column] for row in rows])
    if most is not None:
        kept = np.random.default_rng(1).permutation(np.flatnonzero(odd))[:most]
        chosen = np.sort(np.concatenate([np.flatnonzero(~odd), kept]))
        x, odd = x[chosen], odd[chosen]
    return x, odd


def example(folder: Path = Path("recipes/anomaly/inbox")) -> tuple[Doubles, Bools]:
    """The rows of the example that have a label for testing."""
    with (folder / "labels.csv").open(newline="") as file:
        labels = {row["name"]: row["label"] for row in csv.DictReader(file) if row["split"] == "test"}
    with (folder / "2026-01-first.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["row"] in labels]
    x = np.array([[float(cell) for name, cell in row.items() if name != "row"] for row in rows])
    return x, np.array([labels[row["row"]] == "anomaly" for row in rows])


def one(x: Doubles, odd: Bools, seed: int) -> dict[str, float]:
    """Average precision of each method."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(x))
    cut = round(TRAIN * len(x))
    train, test = order[:cut][:MOST], order[cut:]
    given, asked, truth = x[train], x[test], odd[test]
    found = random.permutation(np.flatnonzero(odd[train]))
    labelled = np.zeros(len(train), bool)
    labelled[found[: max(FEWEST, round(LABELLED * len(found)))]] = True
    none = fit_scorer({"columns": given}, np.zeros(len(train), bool), seed).scored({"columns": asked})
    some = fit_scorer({"columns": given}, labelled, seed).scored({"columns": asked})
    forest = IsolationForest(random_state=seed).fit(given)
    scores: dict[str, NDArray[np.floating]] = {
        "isolation forest": -forest.score_samples(asked),
        "ECOD": fit_ecod(given).scores(asked),
        "no label": none.score,
        "1 % labelled": some.score,
    }
    each = [average_precision(ranks, truth) for ranks in none.ranks.values()]
    return {name: average_precision(np.asarray(found), truth) for name, found in scores.items()} | {
        "best detector": max(each)
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", metavar="NAME=FILE:COLUMN:VALUE[:MOST]")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    if not arguments.sets:
        report("example", *example(), arguments.seeds)
    for given in arguments.sets:
        name, _, place = given.partition("=")
        file, column, value, *most = place.split(":")
        report(name, *read(Path(file), column, value, int(most[0]) if most else None), arguments.seeds)


def report(name: str, x: Doubles, odd: Bools, seeds: int) -> None:
    """Print the table of one set."""
    found = [one(x, odd, seed) for seed in range(seeds)]
    table = {method: np.array([row[method] for row in found]) for method in found[0]}
    print(f"{name}: {len(x):,} x {x.shape[1]}, {odd.mean():.1%} anomalies")
    for method, values in table.items():
        print(f"  {method:<18}{values.mean():.3f}  (standard deviation {values.std(ddof=1):.3f})")
    for ours, theirs in PAIRS:
        over = table[ours] - table[theirs]
        error = over.std(ddof=1) / np.sqrt(len(over))
        print(f"  {ours} less {theirs}: {over.mean():+.3f} (standard error {error:.3f})", flush=True)


if __name__ == "__main__":
    main()
