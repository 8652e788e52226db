"""What a warm start saves on the quickstart's second delivery: python benchmarks/retrain.py [--seeds 5]

For every seed: the first delivery through the whole recipe (the champion), then the second one into the inbox, and
from there twice as far as evaluation: pretraining started from the champion's end state, and from scratch on both
deliveries. All else is the recipe: the same 100 labels, the same 4,000 test samples. The order of the two is turned
from seed to seed. Seconds are those of the stage pretrain, and of the stages from there to evaluate. Writes
docs/retrain.md. About 15 minutes a seed on one core; a seed that HOME holds (seedN.json, which says its commit and
settings) is not measured again.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy.stats import t

from components.errors import UserError
from components.evaluation.classification.bootstrap import Interval, paired_difference
from components.training.warm_start import WarmConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.execute import execute
from pipelines.engine.journal import new_run
from pipelines.engine.store import read_manifest
from pipelines.recipe import Recipe, load
from pipelines.registry.provenance import git_commit
from pipelines.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DATA = ("ingest", "snapshot")
MODEL = ("embed", "pseudo_label", "finetune", "evaluate")
WAYS = ("champion", "warm", "scratch")
LEVEL = 0.95
Row = dict[
    str, Any
]  # of a seed: its commit, its settings, figures and right [M] (as 0 and 1) by "WAY name" and WAY


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="of pretraining, instead of the recipe's: to try it out")
    parser.add_argument("--steps", type=int, help="of fine-tuning, instead of the recipe's: to try it out")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "retrain.md")
    parser.add_argument("--home", type=Path, help="kept between runs; default: a temporary folder")
    given = parser.parse_args()
    home = given.home or Path(tempfile.mkdtemp(prefix="selfsup-retrain-"))
    rows = []
    for seed in range(given.seeds):
        kept = home.absolute() / f"seed{seed}.json"
        if not kept.exists():
            kept.write_text(json.dumps(measure(seed, home.absolute(), given.epochs, given.steps)))
        rows.append(json.loads(kept.read_text()))
        print(seed, {name: round(value, 4) for name, value in rows[-1]["figures"].items()}, flush=True)
    given.out.write_text(text := page(rows))
    print(text)
    if given.home is None:
        shutil.rmtree(home)


def measure(seed: int, home: Path, epochs: int | None, steps: int | None) -> Row:
    """One seed: the champion, then both ways on from it."""
    settings = Settings(home=home, data=home / f"data{seed}" / "data")
    inbox = home / f"inbox{seed}"
    recipe = variant(seed, inbox, epochs, steps)
    if not inbox.exists():
        shutil.copytree(load(ROOT / "recipes" / "quickstart.yaml").inbox, inbox)
    if (inbox / "second.parquet").exists():
        raise UserError(
            "folder-not-empty",
            f"{inbox} has the second delivery already: seed {seed} was broken off; remove {home}",
        )
    champion = go(recipe, settings, {}, {})
    shutil.copy(ROOT / "recipes" / "quickstart" / "second.parquet", inbox)
    data, run = dict[str, str](), new_run(recipe.name)
    for stage in DATA:
        data[stage] = execute(stage, recipe, data, settings, run)
    ways: list[tuple[str, dict[str, Any]]] = [
        (
            "warm",
            {
                "pretrain": {"start": {"parent": champion["pretrain"]}},
                "finetune": {"champion": champion["finetune"]},
            },
        ),
        ("scratch", {}),
    ]
    done = {"champion": champion}
    for way, more in ways if seed % 2 == 0 else reversed(ways):
        done[way] = go(recipe, settings, data, more)
    return row(done, settings.store)


def go(recipe: Recipe, settings: Settings, done: dict[str, str], more: dict[str, Any]) -> dict[str, str]:
    """The references, the stages to evaluate that are not done run. more: beside the recipe's sections, by stage."""
    sections = {**recipe.sections}
    for stage, fields in more.items():
        sections[stage] = {**sections.get(stage, {}), **fields}
    asked = recipe.model_copy(update={"sections": sections})
    done, run = dict(done), new_run(recipe.name)
    for stage in (*DATA, "pretrain", *MODEL):
        if stage not in done:
            done[stage] = execute(stage, asked, done, settings, run)
    return done


def row(done: dict[str, dict[str, str]], store: Path) -> Row:
    """done: way -> its references. What the finished runs say, and on which of the test items each was right."""
    figures, right = dict[str, float](), dict[str, list[int]]()
    for way, references in done.items():
        made = {stage: read_manifest(references[stage], store) for stage in ("pretrain", *MODEL)}
        found, trained = made["evaluate"].output, made["pretrain"]
        figures |= {
            f"{way} accuracy": found["metrics"]["accuracy"],
            f"{way} probe": found["frozen"]["probe"],
            f"{way} pretrain seconds": trained.seconds,
            f"{way} steps": float(trained.output["steps"]),
            f"{way} all seconds": sum(manifest.seconds for manifest in made.values()),
        }
        answers = Artifact.model_validate(found["predictions"]).path
        asked = pq.read_table(store / references["evaluate"] / answers, columns=["id", "label", "class"])
        items = asked.sort_by("id").to_pydict()
        right[way] = [int(a == b) for a, b in zip(items["label"], items["class"], strict=True)]
    warm = WarmConfig.model_validate(
        read_manifest(done["warm"]["pretrain"], store).request.get("warm") or {}
    ).model_dump()
    return {"commit": git_commit(ROOT), "warm": warm, "figures": figures, "right": right}


def variant(seed: int, inbox: Path, epochs: int | None, steps: int | None) -> Recipe:
    """The quickstart with another seed and inbox, and any number of epochs and steps."""
    recipe = load(ROOT / "recipes" / "quickstart.yaml")
    sections = {**recipe.sections, "snapshot": {}}
    # The baseline from random initialisation is the same for all ways, and not looked at here.
    sections["finetune"] = {**sections["finetune"], "scratch": {"steps": 1, "learning_rates": [0.001]}}
    if epochs is not None:
        train = {**sections["pretrain"]["train"], "epochs": epochs}
        sections["pretrain"] = {**sections["pretrain"], "train": train}
    if steps is not None:
        sections["finetune"] = {**sections["finetune"], "steps": steps}
    return recipe.model_copy(update={"name": "retrain", "seed": seed, "sections": sections, "inbox": inbox})


def page(rows: list[Row]) -> str:
    """Markdown: every figure for the three trainings, and warm against scratch, seed by seed."""
    commits = ", ".join(
        sorted({row["commit"][:7] + row["commit"][40:] for row in rows})
    )  # 40 digits, "+changes"
    asked = "; ".join(sorted({", ".join(f"{k} {v:g}" for k, v in row["warm"].items()) for row in rows}))
    head = f"""# Warm start against training from scratch

The quickstart's second delivery (8,000 samples after 16,000): {len(rows)} seeds, mean ± deviation. The champion knows
the first delivery only. Written by `benchmarks/retrain.py` at commit {commits}; warm start: {asked}.

| figure | champion | warm | scratch | warm - scratch | its 95 % interval over seeds | warm / scratch |
|---|---|---|---|---|---|---|
"""
    lines = []
    for name in ("accuracy", "probe", "pretrain seconds", "steps", "all seconds"):
        champion, warm, scratch = ([row["figures"][f"{way} {name}"] for row in rows] for way in WAYS)
        less = [a - b for a, b in zip(warm, scratch, strict=True)]
        share = mean(a / b for a, b in zip(warm, scratch, strict=True))
        digits = 4 if max(map(abs, scratch)) < 2 else 0
        cells = " | ".join(spread(values, digits) for values in (champion, warm, scratch, less))
        lines.append(f"| {name} | {cells} | {between(over_seeds(less), digits)} | {share:.2f} |")
    found = over_items(rows)
    tail = f"""
Accuracy of warm - scratch over test items, these seeds given (paired bootstrap of each item's mean over seeds):
{found.value:+.4f}, 95 % {between(found, 4)}.

| seed | champion | warm | scratch | warm - scratch |
|---|---|---|---|---|
"""
    each = [
        f"| {seed} | " + " | ".join(f"{row['figures'][f'{way} accuracy']:.4f}" for way in WAYS)
        + f" | {row['figures']['warm accuracy'] - row['figures']['scratch accuracy']:+.4f} |"
        for seed, row in enumerate(rows)
    ]  # fmt: skip
    return head + "\n".join(lines) + "\n" + tail + "\n".join(each) + "\n"


def over_seeds(values: list[float]) -> Interval:
    """Mean and its t interval; no bounds (nan) from a single value. 1, 2, 3: 2 -+ 4.303 / sqrt 3 = -.48 to 4.48."""
    if len(values) < 2:
        return Interval(mean(values), float("nan"), float("nan"))
    half = float(t.ppf((1 + LEVEL) / 2, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return Interval(mean(values), mean(values) - half, mean(values) + half)


def over_items(rows: list[Row]) -> Interval:
    """The accuracy's difference: each test item's mean over the seeds, the items resampled."""
    warm, scratch = (np.mean([row["right"][way] for row in rows], axis=0) for way in ("warm", "scratch"))
    return paired_difference(warm, scratch, resamples=10_000, level=LEVEL)


def between(found: Interval, digits: int) -> str:
    return f"{found.low:+.{digits}f} to {found.high:+.{digits}f}" if found.low == found.low else ""


def spread(values: list[float], digits: int) -> str:
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{deviation}"


if __name__ == "__main__":
    main()
