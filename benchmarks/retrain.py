"""What a warm start saves on the quickstart's second delivery: python benchmarks/retrain.py [--seeds 5]

For every seed: the first delivery through the whole recipe (the champion), then the second one into the inbox, and
from there twice as far as evaluation: pretraining started from the champion's end state, and from scratch on both
deliveries. All else is the recipe: the same 100 labels, the same 4,000 test samples. The order of the two is turned
from seed to seed. Seconds are those of the stage pretrain, and of all stages of that way together. Writes
docs/retrain.md. About 12 minutes a seed on two cores.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from pipelines.execute import execute
from pipelines.journal import new_run
from pipelines.recipe import Recipe, load
from pipelines.settings import Settings
from pipelines.store import read_manifest

ROOT = Path(__file__).resolve().parents[1]
DATA = ("ingest", "snapshot")
MODEL = ("embed", "pseudo_label", "finetune", "evaluate")
WAYS = ("champion", "warm", "scratch")
Figures = dict[str, float]


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
        rows.append(measure(seed, home.absolute(), given.epochs, given.steps))
        print(seed, {name: round(value, 4) for name, value in rows[-1].items()}, flush=True)
    given.out.write_text(text := table(rows))
    print(text)
    if given.home is None:
        shutil.rmtree(home)


def measure(seed: int, home: Path, epochs: int | None, steps: int | None) -> Figures:
    """One seed: the champion, then both ways on from it; figures by "WAY name"."""
    settings = Settings(home=home, data=home / f"data{seed}" / "data")
    inbox = home / f"inbox{seed}"
    recipe = variant(seed, inbox, epochs, steps)
    if not inbox.exists():
        shutil.copytree(load(ROOT / "recipes" / "quickstart.yaml").inbox, inbox)
    champion, figures = go(recipe, settings, {}, {}, "champion")
    shutil.copy(ROOT / "recipes" / "quickstart" / "second.parquet", inbox)
    data, run = dict[str, str](), new_run(recipe.name)
    for stage in DATA:
        data[stage] = execute(stage, recipe, data, settings, run)
    ways: list[tuple[str, dict[str, Any]]] = [
        ("warm", {"pretrain": {"start": {"parent": champion["pretrain"]}}}),
        ("scratch", {}),
    ]
    for way, more in ways if seed % 2 == 0 else reversed(ways):
        figures |= go(recipe, settings, data, more, way)[1]
    return figures


def go(
    recipe: Recipe, settings: Settings, done: dict[str, str], more: dict[str, Any], way: str
) -> tuple[dict[str, str], Figures]:
    """The stages that are not done, to evaluate. more: beside the recipe's sections, by stage."""
    sections = {**recipe.sections}
    for stage, fields in more.items():
        sections[stage] = {**sections.get(stage, {}), **fields}
    asked = recipe.model_copy(update={"sections": sections})
    done, run, began = dict(done), new_run(recipe.name), time.time()
    for stage in (*DATA, "pretrain", *MODEL):
        if stage not in done:
            done[stage] = execute(stage, asked, done, settings, run)
    pretrain, evaluate = (read_manifest(done[stage], settings.store) for stage in ("pretrain", "evaluate"))
    found = evaluate.output
    return done, {
        f"{way} accuracy": found["metrics"]["accuracy"],
        f"{way} probe": found["frozen"]["probe"],
        f"{way} pretrain seconds": pretrain.seconds,
        f"{way} steps": float(pretrain.output["steps"]),
        f"{way} all seconds": time.time() - began,
    }


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


def table(rows: list[Figures]) -> str:
    """Markdown: every figure for the three trainings, and warm against scratch, seed by seed."""
    head = f"""# Warm start against training from scratch

The quickstart's second delivery (8,000 samples after 20,000): {len(rows)} seeds, mean ± deviation.
The champion knows the first delivery only. Written by `benchmarks/retrain.py`.

| figure | champion | warm | scratch | warm - scratch | warm / scratch |
|---|---|---|---|---|---|
"""
    lines = []
    for name in ("accuracy", "probe", "pretrain seconds", "steps", "all seconds"):
        champion, warm, scratch = ([row[f"{way} {name}"] for row in rows] for way in WAYS)
        less = [a - b for a, b in zip(warm, scratch, strict=True)]
        share = mean(a / b for a, b in zip(warm, scratch, strict=True))
        cells = " | ".join(spread(values) for values in (champion, warm, scratch, less))
        lines.append(f"| {name} | {cells} | {share:.2f} |")
    return head + "\n".join(lines) + "\n"


def spread(values: list[float]) -> str:
    digits = 4 if max(map(abs, values)) < 2 else 0
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{deviation}"


if __name__ == "__main__":
    main()
