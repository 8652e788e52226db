"""Real runs of a recipe whose data grow: what the plan decides, what is then trained, and what is not."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from components.errors import UserError
from pipelines.engine import journal
from pipelines.engine.execute import execute
from pipelines.engine.progress import Display
from pipelines.engine.store import read_manifest
from pipelines.flows.run import run
from pipelines.recipe import load
from pipelines.settings import Settings

KINDS = ("lying", "standing", "flat")
RECIPE = """\
name: stripes
modality: {name: image, size: 12, channels: 1}
inbox: ../inbox
ingest: {shard_size: 100, settle_seconds: 0}
pretrain:
  objective: {name: simclr, hidden: 16, embedding: 8}
  encoder: {name: resnet, widths: [8, 16], blocks: [1, 1]}
  train: {epochs: 2, batch_size: 64}
pseudo_label: {clusters: 6}
finetune:
  steps: 20
  batch_size: 30
  cross_fit: {folds: 2, steps: 10}
  scratch: {steps: 1, learning_rates: [0.001]}
evaluate: {bootstrap: 200}
register: {onnx: false}
promote: {gate: {class_floor: 0, calibration: 1, rank_fraction: 0}}
"""
TRAINED = ("pretrain", "embed", "pseudo_label", "finetune", "evaluate", "register")


class Place:
    """A recipe with its inbox, home and data, in one folder."""

    def __init__(self, root: Path) -> None:
        self.inbox, self.recipe = root / "inbox", root / "recipes" / "stripes.yaml"
        self.settings = Settings(home=root / "home", data=root / "data", device="cpu")
        self.recipe.parent.mkdir()
        self.recipe.write_text(RECIPE)

    def deliver(self, name: str, count: int, seed: int) -> None:
        """Stripes that lie, stripes that stand, or none, in turn, in noise."""
        folder, rng = self.inbox / name, np.random.default_rng(seed)
        folder.mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(60, 140, (12, 12))
            stripes = 60 * ((np.arange(12) + rng.integers(4)) % 4 < 2)
            pixels += 30 if i % 3 == 2 else stripes[:, None] if i % 3 == 0 else stripes[None, :]
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{name}-{i:04d}.png")

    def label(self, file: str, delivery: str, rows: range, split: str = "train") -> None:
        with (self.inbox / file).open("w", newline="") as out:
            table = csv.writer(out)
            table.writerow(("name", "label", "annotator", "time", "split"))
            for i in rows:
                name, when = f"{delivery}/{delivery}-{i:04d}.png", "2026-01-01T00:00:00Z"
                table.writerow((name, KINDS[i % 3], "ana", when, split))

    def run(self, **asked: Any) -> dict[str, journal.StageLine]:
        """Stage -> what the whole run did of it."""
        run(self.recipe, self.settings, Display(io.StringIO()), **asked)
        last = sorted((self.settings.home / "runs").glob("*.jsonl"))[-1]
        return {line.stage: line for line in journal.stages(self.settings.home, last.stem)}

    def plan(self, force: str | None = None) -> dict[str, Any]:
        """What the plan would say now; nothing after it is run."""
        recipe, done = load(self.recipe).forced(force), {}
        for stage in ("ingest", "snapshot", "plan"):
            done[stage] = execute(stage, recipe, done, self.settings, "0-asked", lambda record: None)
        return self.output(done["plan"])

    def output(self, reference: str) -> dict[str, Any]:
        return read_manifest(reference, self.settings.store).output

    def crown(self, version: str | None) -> None:
        """As somebody does it by hand in MLflow."""
        from pipelines.registry.registry import registry_of

        registry_of("stripes", self.settings).set_alias("champion", version)


def ran(lines: dict[str, journal.StageLine]) -> set[str]:
    return {stage for stage, line in lines.items() if line.status == "ran"}


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_data_grow_and_each_run_does_what_is_new(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.deliver("one", 240, 1)
    place.label("labels.csv", "one", range(24))
    place.label("labels-test.csv", "one", range(180, 240), "test")

    first = place.run()
    assert ran(first) == set(first)
    assert place.output(first["plan"].reference)["decision"] == "scratch"
    place.crown("1")  # whatever the gate thinks of so small a model

    began = time.monotonic()
    again = place.run()
    assert not ran(again) & {*TRAINED, "snapshot"}
    plan = place.output(again["plan"].reference)
    assert (plan["decision"], plan["champion"]) == ("skip", "1")
    assert {stage: again[stage].reference for stage in TRAINED} == {s: first[s].reference for s in TRAINED}
    seconds = time.monotonic() - began
    third = place.run()
    assert ran(third) == set(), f"after {seconds:.0f} s nothing is new"

    with pytest.raises(UserError, match="flow ingest retrains nothing"):
        place.run(flow="ingest", force="warm")
    assert place.plan(force="scratch")["decision"] == "scratch"
    assert place.plan(force="warm")["parent"] == first["pretrain"].reference

    place.deliver("few", 6, 2)
    few = place.run(flow="ingest")
    assert (set(few), ran(few)) == ({"ingest", "snapshot"}, {"ingest", "snapshot"})
    waits = place.plan()
    assert (waits["decision"], waits["new_samples"]) == ("skip", 6)
    assert waits["settled"]["snapshot"] == first["snapshot"].reference

    place.label("labels-more.csv", "one", range(24, 60))
    labels = place.run(reason="36 labels came")
    assert place.output(labels["plan"].reference)["decision"] == "labels"
    assert labels["pretrain"].reference == first["pretrain"].reference
    assert {"pseudo_label", "finetune", "evaluate", "register"} <= ran(labels)
    assert "pretrain" not in ran(labels)
    clusters = read_manifest(labels["pseudo_label"].reference, place.settings.store)
    assert clusters.given["previous"] == first["pseudo_label"].reference
    assert clusters.output["churn"] is not None
    place.crown("2")
    assert place.plan()["decision"] == "skip"

    place.deliver("many", 60, 3)
    warm = place.run()
    plan = place.output(warm["plan"].reference)
    assert (plan["decision"], plan["new_samples"], plan["champion"]) == ("warm", 66, "2")
    made = read_manifest(warm["pretrain"].reference, place.settings.store)
    assert made.given["start"] == {"parent": first["pretrain"].reference}
    tuned = read_manifest(warm["finetune"].reference, place.settings.store)
    assert tuned.given["champion"] == labels["finetune"].reference
    unlabelled = made.output["samples"] - tuned.output["labels"]
    assert tuned.output["pseudo_labels"] == unlabelled  # the champion answers where nobody else does
    place.crown("3")
    assert place.plan()["decision"] == "skip"

    place.crown(None)
    gone = place.plan()
    assert (gone["decision"], gone["champion"]) == ("scratch", None)
    assert (
        "was the champion by the journal" in gone["reason"]
    )  # the promote stage had noted the crowning by hand
    place.crown("3")
    place.recipe.write_text(RECIPE.replace("hidden: 16", "hidden: 24"))
    other = place.plan()
    assert (other["decision"], "pretraining is another (objective)" in other["reason"]) == ("scratch", True)
