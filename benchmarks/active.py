"""Which samples to label: python benchmarks/active.py [--store HOME/store] [--seeds 3]

Five rounds of 20 labels, from none, by six rules; after each round logistic regression on frozen features is measured
on the test samples. Features: of the newest finished run of the quickstart in the store (Fashion-MNIST, 4,000 of its
unlabelled samples, their true labels from recipes/quickstart/truth.parquet), and the pixels of scikit-learn's digits.
A rule that needs a classifier begins at random. Writes docs/active.md. A minute on one core, without the run.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks import sampling_rules
from components.arrays import Bools, Ints
from components.clustering.kmeans import kmeans, unit
from components.data.table import Table
from components.evaluation.classification.calibration import softmax
from components.evaluation.classification.logistic import fit_logistic
from components.evaluation.classification.probe import moments
from components.evaluation.labels.acquisition import Asking, groups_for, rank
from pipelines.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
ROUNDS, EACH, POOL, STRENGTH = 5, 20, 4000, 0.1
RULES = ("random", "margin", "core-set", "typical", "cluster-margin", "ask")

Data = tuple[NDArray[np.float32], Ints, NDArray[np.float32], Ints]  # pool, its labels, test, its labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--store", type=Path, default=None, help="default: the store of this checkout")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    store = given.store or Settings().store
    text = (
        "# What to label next\n\nAccuracy on the test samples after 20, 40, ... 100 labels, mean over "
        f"{given.seeds} seeds (the pool drawn anew), and the deviation at the end. `ask` is the rule of the report "
        "(`components/evaluation/labels/acquisition.py`). Written by `benchmarks/active.py`.\n"
    )
    for name, load in (
        ("digits, pixels", digits),
        ("Fashion-MNIST, frozen features", lambda s: fashion(store, s)),
    ):
        curves = {rule: np.array([play(load(s), rule, s) for s in range(given.seeds)]) for rule in RULES}
        text += f"\n## {name}\n\n{table(curves)}"
        print(text, flush=True)
    (ROOT / "docs" / "active.md").write_text(text + notes())


def digits(seed: int) -> Data:
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(seed).permutation(len(found.target))
    x, y = (found.data / 16).astype(np.float32)[order], found.target[order].astype(np.int64)
    return x[:1200], y[:1200], x[1200:], y[1200:]


def fashion(store: Path, seed: int) -> Data:
    """Of the newest finished evaluation of the quickstart's data: it says which snapshot and features it looked at."""
    runs = sorted(store.glob("evaluate/*/manifest.json"), key=lambda f: f.stat().st_mtime)
    truth = pq.read_table(ROOT / "recipes" / "quickstart" / "truth.parquet").to_pydict()
    known = dict(zip(truth["id"], truth["label"], strict=True))
    for run in reversed(runs):
        asked = json.loads(run.read_text())["request"]
        table = Table.load(store / asked["snapshot"] / "table.parquet")
        classes = json.loads((store / asked["snapshot"] / "manifest.json").read_text())["output"]["classes"]
        rows = np.array([r for r in table.train_rows() if str(table.ids[r]) in known])
        if len(rows) >= POOL:
            break
    else:
        raise SystemExit(f"{store} holds no finished run of the quickstart: make run, or --store HOME/store")
    features = np.load(store / asked["embed"] / "features.npy", mmap_mode="r")
    rows = np.sort(np.random.default_rng(seed).choice(rows, POOL, replace=False))
    number = {name: i for i, name in enumerate(classes)}
    labels = np.array([number[known[str(table.ids[r])]] for r in rows])
    test = table.test_rows()
    return np.array(features[rows]), labels, np.array(features[test]), table.label[test].astype(np.int64)


def play(data: Data, rule: str, seed: int) -> list[float]:
    """Accuracy after each round of one rule."""
    pool, labels, test, truth = data
    mean, scale = moments(pool)
    scaled, asked = (((x - mean) / scale).astype(np.float32) for x in (pool, test))
    x = unit(pool - pool.mean(axis=0))
    fixed = kmeans(x, 60, restarts=1, seed=seed).assignment
    labelled, p, curve = np.zeros(len(x), dtype=bool), None, list[float]()
    for turn in range(ROUNDS):
        chosen = choose(rule, x, p, fixed, labelled, seed + 100 * turn)
        labelled[chosen] = True
        rows = np.flatnonzero(labelled)
        linear = fit_logistic(scaled[rows], labels[rows], int(labels.max()) + 1, strength=STRENGTH)
        p = softmax(linear.logits(scaled))
        curve.append(float((linear.logits(asked).argmax(axis=1) == truth).mean()))
    return curve


def choose(
    rule: str, x: NDArray[np.float32], p: NDArray[np.float64] | None, fixed: Ints, labelled: Bools, seed: int
) -> Ints:
    """[EACH] positions by the rule's name."""
    if rule == "random" or (p is None and rule in ("margin", "cluster-margin")):
        return sampling_rules.at_random(labelled, EACH, seed)
    sure = np.zeros(len(x)) if p is None else p.max(axis=1)

    def grouped() -> Ints:
        found: Ints = kmeans(x, groups_for(x, labelled, EACH), restarts=1, seed=seed).assignment
        return found

    rules: dict[str, Callable[[], Ints]] = {
        "margin": lambda: sampling_rules.uncertain(p, labelled, EACH),  # type: ignore[arg-type]  # begun at random
        "core-set": lambda: sampling_rules.core_set(x, labelled, EACH, seed),
        "typical": lambda: sampling_rules.typical(x, grouped(), labelled, EACH),
        "cluster-margin": lambda: sampling_rules.cluster_margin(p, fixed, labelled, EACH),  # type: ignore[arg-type]
        "ask": lambda: rank(x, grouped(), sure, labelled, Asking(count=EACH)),
    }
    return rules[rule]()


def table(curves: dict[str, NDArray[np.float64]]) -> str:
    """curves: rule -> [seeds, ROUNDS]."""
    head = " | ".join(str(EACH * (turn + 1)) for turn in range(ROUNDS))
    lines = [f"| rule | {head} | mean | deviation |", "|---" * (ROUNDS + 3) + "|"]
    for rule, values in curves.items():
        figures = " | ".join(f"{v:.3f}" for v in values.mean(axis=0))
        lines.append(f"| {rule} | {figures} | {values.mean():.3f} | {values[:, -1].std():.3f} |")
    return "\n".join(lines) + "\n"


def notes() -> str:
    """What a person has written below the tables, kept."""
    file = ROOT / "docs" / "active.md"
    before = file.read_text() if file.exists() else ""
    mark = "\n## What follows"
    return mark + before.partition(mark)[2] if mark in before else ""


if __name__ == "__main__":
    main()
