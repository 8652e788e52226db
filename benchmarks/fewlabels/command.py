"""The command: which cells to fill, in which order."""

import argparse
import itertools
import json
import tempfile
import time
from pathlib import Path

from safetensors.torch import load_model, save_model

from benchmarks.fewlabels.figure import draw as draw_figure
from benchmarks.fewlabels.page import page
from benchmarks.fewlabels.peers import PEERS, QUICK, peer
from benchmarks.fewlabels.runs import embed, measure, pretrained
from benchmarks.fewlabels.sets import ROOT, SETS, Data, draw
from benchmarks.fewlabels.verdict import Row, key, unpack
from components.arrays import Ints
from components.encoders import Encoder

RESULTS, NOTES = ROOT / "benchmarks" / "few_labels.json", ROOT / "benchmarks" / "fewlabels" / "notes.md"
PAGE, PICTURE = ROOT / "docs" / "few-labels.md", ROOT / "docs" / "few-labels.png"
EPOCHS = {"digits": 100, "fashion": 22, "mnist1d": 30}  # of the pretraining


class Kept:
    """Rows in the file; one measured again replaces the old one."""

    def __init__(self) -> None:
        self.rows = {key(row): row for row in (json.loads(RESULTS.read_text()) if RESULTS.exists() else [])}

    def add(self, row: Row) -> None:
        self.rows[key(row)] = row
        RESULTS.write_text(json.dumps(list(self.rows.values()), indent=0))
        print(*key(row), f"{100 * unpack(row['right']).mean():.1f}", f"{row['seconds']} s", flush=True)

    def write(self) -> None:
        rows = list(self.rows.values())
        PAGE.write_text(page(rows, NOTES.read_text()))
        draw_figure(rows, PICTURE)


def encoder_of(data: Data, name: str, start: str, seed: int, folder: Path) -> Encoder:
    """A random one, or the pretrained one of this set, which is kept in `folder` and trained once.

    The encoder.safetensors of a stage `pretrain` with the same settings can be put there in its place.
    """
    encoder = data.fresh(seed)
    if start == "scratch":
        return encoder
    file = folder / f"{name}-{EPOCHS[name]}.safetensors"
    if not file.exists():
        began = time.process_time()
        with tempfile.TemporaryDirectory() as scratch:
            found = pretrained(data, 0, EPOCHS[name], Path(scratch))
        folder.mkdir(parents=True, exist_ok=True)
        save_model(found, str(file))
        print(f"pretrained {file.stem}: {time.process_time() - began:.0f} s", flush=True)
    load_model(encoder, str(file))
    return encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["digits"])
    parser.add_argument("--labels", nargs="+", default=["40"], help="numbers of labels, or all")
    parser.add_argument("--methods", nargs="+", default=["fixmatch"], help="name, or name:setting=value,...")
    parser.add_argument("--starts", nargs="+", choices=["scratch", "pretrained"], default=["scratch"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument(
        "--budget", type=float, default=3000.0, help="seconds after which no training is begun"
    )
    parser.add_argument(
        "--quick", action="store_true", help="of the peers, those that see labelled samples alone"
    )
    parser.add_argument("--encoders", type=Path, default=ROOT / ".selfsup" / "few-labels")
    parser.add_argument("--again", action="store_true", help="measure what is in the file already")
    parser.add_argument("--page", action="store_true", help="write the page from what was measured, no more")
    given, kept = parser.parse_args(), Kept()
    if not given.page:
        fill(given, kept)
    kept.write()


def fill(given: argparse.Namespace, kept: Kept) -> None:
    """Measure the cells that are asked for and not in the file yet, until the budget is spent."""
    began = time.time()
    for name in given.sets:
        data = SETS[name]()
        for seed, start in itertools.product(given.seeds, given.starts):
            encoder = encoder_of(data, name, start, seed, given.encoders)
            for wanted in given.labels:
                at = {"set": name, "labels": wanted, "seed": seed}
                use = draw(data, wanted, seed)
                seen = "pixels" if start == "scratch" else "features"
                names = [other for other in PEERS[seen] if other in QUICK or not given.quick]
                fill_peers(names, given.again, kept, {**at, "start": seen, "steps": 0}, data, encoder, use)
                for method in given.methods:
                    row = {**at, "start": start, "steps": given.steps, "method": method}
                    if key(row) in kept.rows and not given.again:
                        continue
                    if time.time() - began > given.budget:
                        print("budget spent: the rest is left out")
                        return
                    with tempfile.TemporaryDirectory() as folder:
                        found = measure(data, method, use, encoder, start, given.steps, seed, Path(folder))
                    kept.add({**row, **found})


def fill_peers(
    names: list[str], again: bool, kept: Kept, at: Row, data: Data, encoder: Encoder, use: Ints
) -> None:
    rows = {name: {**at, "method": f"{name} (scikit-learn)"} for name in names}
    missing = {name: row for name, row in rows.items() if again or key(row) not in kept.rows}
    if not missing:
        return
    x, t = (
        data.flat(part) if at["start"] == "pixels" else embed(data, encoder, part).astype(float)
        for part in (data.train, data.test)
    )
    for name, row in missing.items():
        kept.add({**row, **peer(data, x, t, name, use)})
