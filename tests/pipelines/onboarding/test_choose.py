"""selfsup choose: what is told, and the runs on a real Ray. As a script: those runs, in a process of their own."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from components.data.table import Table
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.errors import UserError
from components.modalities.image import policies
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import image_packing
from components.modalities.samples import Samples
from components.objectives.simclr import SimclrConfig
from components.objectives.swav import SwavConfig
from components.objectives.vicreg import VicregConfig
from components.training.candidates import candidate
from components.training.choose import DEAD, ranked
from components.training.loop import TrainConfig
from components.training.optimiser import SgdConfig
from components.training.setup import begin
from components.training.trial import Trial, accuracy, lejepa_figure, lejepa_of, trial
from pipelines.engine.artifact import Artifact
from pipelines.engine.run_list import page
from pipelines.maintenance import gc
from pipelines.maintenance.retention import open_since, runs
from pipelines.onboarding import choose as module
from pipelines.onboarding.choose import _known, choose, prepared, progress, report, row
from pipelines.onboarding.ray_tune import outcome, tune_trials
from pipelines.recipe import load
from pipelines.settings import Settings

SIDE, ROWS = 8, 96
PACKING = image_packing(1, [0.4], [0.3], SIDE)
VIEW = ViewConfig(size=SIDE, hue=0, saturation=0, grayscale=0)
VIEWS = {"global": VIEW, "plain": VIEW, "local": VIEW}
DEADLY = TrainConfig(
    epochs=3, batch_size=24, precision="float32", optimiser=SgdConfig(learning_rate=1e25), warmup=0.0
)


def snapshot(folder):
    """ROWS pictures of four patterns; a third are labelled."""
    rng = np.random.default_rng(0)
    shapes = rng.integers(0, 2, (4, 1, SIDE // 2, SIDE // 2)).repeat(2, axis=2).repeat(2, axis=3) * 160
    truth = np.arange(ROWS) % 4
    images = (shapes[truth] + rng.integers(0, 90, (ROWS, 1, SIDE, SIDE))).astype(np.uint8)
    label = np.where(np.arange(ROWS) % 12 < 4, truth, -1)
    np.save(folder / "images.npy", images)
    ids = np.array([f"{i:064x}" for i in range(ROWS)])
    Table(ids, np.full(ROWS, "s"), np.full(ROWS, "train"), label).save(folder / "table.parquet")


def trials(folder, epochs=3):
    def one(name, objective, training):
        return Trial(
            samples=Samples(packing=PACKING, files={"images": folder / "images.npy"}), packing=PACKING,
            table=folder / "table.parquet", classes=4, encoder=ResnetConfig(widths=(4, 8), blocks=(1, 1)),
            objective=objective, views=VIEWS, train=training, seed=0, device="cpu", folder=folder / name,
        )  # fmt: skip

    live = TrainConfig(epochs=epochs, batch_size=24, precision="float32")
    return {
        "simclr": one("simclr", SimclrConfig(embedding=8), live),
        "swav": one("swav", SwavConfig(embedding=8, prototypes=8), live),
        "vicreg": one("vicreg", VicregConfig(), DEADLY),
    }


def record(epoch, score=1.0, right=0.5, dead=None, **more):
    figures = {"lidar": 4.0, "decay": 1.2, "rank": 3.0, "loss": 0.5, **more} if dead is None else {}
    return {"epoch": epoch, "score": score, "accuracy": right, "dead": dead, **figures}


def test_a_trial_tells_of_every_epoch_and_learns_what_the_labels_say(tmp_path):
    snapshot(tmp_path)
    told = []
    trial(trials(tmp_path)["simclr"], told.append)
    assert [r["epoch"] for r in told] == [1, 2, 3]
    assert all(0 <= r["accuracy"] <= 1 and r["lidar"] >= 1 for r in told)
    assert told[-1]["accuracy"] > 0.7  # four patterns: a quarter by chance
    assert all(0 < r["lejepa"] < 100 for r in told)


def test_lejepas_loss_of_features_by_hand_and_whatever_their_place_and_size():
    from tests.components.objectives.parts.test_sigreg import slow  # not there when this is a script

    generator = torch.Generator().manual_seed(0)
    views = torch.randn(2, 60, 3, generator=generator, dtype=torch.float64)
    own = views - views.mean(dim=(0, 1))
    own = own / own.square().mean().sqrt()
    along = torch.randn(3, 256, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    along = along / along.norm(dim=0)
    prediction = (own[0] - own[1]).square().mean() / 4
    normality = sum(slow((one @ along[:, m]).tolist()) for one in own for m in range(256)) / 512
    expected = 0.95 * float(prediction) + 0.05 * normality
    assert lejepa_figure(views) == pytest.approx(expected, rel=1e-6)
    assert lejepa_figure(views * 100 - 7) == pytest.approx(expected, rel=1e-6)
    assert lejepa_figure(views[:1].expand(2, -1, -1)) < expected  # views that agree
    assert lejepa_figure(views * torch.tensor([1, 0.1, 0.1])) > expected  # not the same in all directions


def test_the_figure_is_of_the_encoder_that_is_kept_in_eval_mode_and_of_the_looks_views(tmp_path):
    snapshot(tmp_path)
    table = Table.load(tmp_path / "table.parquet")
    begun = begin(trials(tmp_path)["simclr"], table.train_rows(), table.label)
    other = build_encoder(ResnetConfig(widths=(4, 8), blocks=(1, 1)), PACKING)
    assert lejepa_of(other, begun) != lejepa_of(begun.encoder, begun)
    assert other.training
    seen = []
    other.register_forward_pre_hook(lambda module, given: seen.append((module.training, given[0])))
    lejepa_of(other, begun)
    begun.learner.encoder.register_forward_pre_hook(lambda module, given: seen.append((False, given[0])))
    begun.look(1.0)
    assert [training for training, _ in seen] == [False] * len(seen)
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(seen[:2], seen[-2:], strict=True))


def test_a_trial_that_dies_says_so_once(tmp_path):
    snapshot(tmp_path)
    told = []
    trial(trials(tmp_path)["vicreg"], told.append)
    assert told[-1]["score"] == DEAD
    assert "the loss is" in told[-1]["dead"]
    assert all(r["dead"] is None for r in told[:-1])


def test_accuracy_needs_labels_that_can_be_held_out():
    z = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    one_each = np.full(40, -1)
    one_each[:2] = [0, 1]
    assert accuracy(z, one_each, 2, 0) is None
    assert accuracy(z, np.full(40, -1), 0, 0) is None
    z[:, 0] = np.arange(40) % 2 * 4
    assert accuracy(z, np.where(np.arange(40) < 20, np.arange(40) % 2, -1), 2, 0) == 1.0


def test_what_the_records_of_a_run_come_to():
    found = outcome("a", [record(1, 0.1, 0.2), record(2, 0.3, 0.4), record(3, 0.5, 0.6)], first=2)
    assert (found.epochs, found.score, found.accuracy, found.early) == (3, 0.5, 0.6, (0.3, 0.4))
    assert found.figures == {"lidar": 4.0, "decay": 1.2, "rank": 3.0, "loss": 0.5}
    assert found.lejepa is None
    known = outcome("a", [record(1, lejepa=3.0), record(2, lejepa=2.0), record(3, lejepa=1.0)], first=2)
    assert (known.lejepa, known.figures["lejepa"]) == (2.0, 1.0)
    assert outcome("a", [], first=1).dead is not None
    assert outcome("a", [record(1, DEAD, 0.0, "nan")], first=1).dead == "nan"


def test_the_report_ends_with_lines_of_a_recipe(tmp_path):
    given = [outcome("swav", [record(1, 2.0, 0.9)], 1), outcome("simclr", [record(1, 1.0, 0.4)], 1)]
    lines = report(ranked(given), trials(tmp_path), 1)
    assert "1. swav: 1 epoch, score 2.00 (LiDAR 4.0, alpha 1.20, rank 3.0), 90.0% right" in lines[1]
    assert "much the same order" in lines[3]
    assert "Kendall's tau +1.00" in lines[3]
    section = yaml.safe_load(lines[-1])["pretrain"]["objective"]
    assert SwavConfig.model_validate(section) == trials(tmp_path)["swav"].objective


def test_the_report_says_how_lejepas_loss_orders_them(tmp_path):
    given = [
        outcome("swav", [record(1, 2.0, 0.9, lejepa=0.5)], 1), outcome("simclr", [record(1, 3.0, 0.4, lejepa=0.7)], 1),
    ]  # fmt: skip
    lines = report(ranked(given), trials(tmp_path), 1)
    assert "rank 3.0, LeJEPA's loss 0.500), 90.0% right" in lines[1]
    assert "Kendall's tau -1.00" in lines[3]
    assert lines[4] == "LeJEPA's loss of their features, lowest first: Kendall's tau +1.00"


def test_when_all_are_dead_there_is_nothing_to_take(tmp_path):
    with pytest.raises(UserError, match="none of them could be trained; vicreg: nan"):
        report(ranked([outcome("vicreg", [record(1, DEAD, 0.0, "nan")], 1)]), trials(tmp_path), 1)


def test_lines_for_a_person():
    assert progress("a", record(2, right=None)) == "a: epoch 2 · LiDAR 4.0 · alpha 1.20"
    assert progress("a", record(1, dead="nan")) == "a: nan"
    assert row(outcome("a", [record(2, DEAD, 0.0, "nan")], 1)) == "a: dead after 2 epochs: nan"


@pytest.mark.parametrize(
    ("names", "budget", "message"),
    [
        (["simclr", "swaf"], 9, "unknown: swaf; objectives are"),
        (["simclr"], 9, "two objectives or more"),
        (["simclr", "swav"], 0, "a budget of one epoch or more"),
    ],
)
def test_mistakes(names, budget, message):
    with pytest.raises(UserError, match=message):
        choose(Path("none.yaml"), None, names, budget)


@pytest.mark.parametrize(
    "said", [{}, {"views": "upright"}, {"views": "measured", "local_views": {"size": 9}}]
)
def test_every_trial_has_the_views_of_the_recipe_and_the_others_objectives_by_rule(
    said, tmp_path, monkeypatch
):
    section = {
        "objective": {"name": "swav", "hidden": 9},
        "train": {"epochs": 7},
        "views": {"size": 20},
        **said,
    }
    top = {"name": "r", "modality": {"name": "image", "size": 28, "channels": 1}, "inbox": "in"}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump({**top, "pretrain": section}))
    recipe = load(tmp_path / "r.yaml")
    file, monkey = Artifact(path="x", sha256="0" * 64, bytes=1), monkeypatch.setattr
    output = SimpleNamespace(samples=5000, classes=["a"] * 10, table=file)
    samples = Samples(packing=image_packing(1, [0.3], [0.3], 28), files={"images": tmp_path / "x"})
    monkey(module, "read_manifest", lambda *_: SimpleNamespace(output=output))
    monkey(module.snapshot.Output, "model_validate", lambda output: output)
    monkey(Table, "load", lambda _: SimpleNamespace(train_rows=lambda: np.arange(9)))
    monkey(module, "samples_of", lambda *_: samples)
    monkey(module, "suggested", lambda *_: ("signal", None))
    done = {stage: f"{stage}/0" for stage in ("snapshot", "plan")}
    made = prepared(["swav", "dino", "mae"], recipe, done, Settings(home=tmp_path), 3, tmp_path)
    expected = {
        "upright": policies.views("upright", 28, 1).pretrain,
        "measured": policies.views("signal", 28, 1).pretrain,
    }.get(said.get("views"), ViewConfig.model_validate(section["views"]) if not said else None)
    for one in made.values():
        assert (one.samples, one.packing) == (samples, samples.packing)
        assert one.views["global"] == expected
        assert one.views["plain"].jitter == 0
        assert one.views["local"].size == (9 if "local_views" in said else expected.size // 2)
    assert made["swav"].objective == SwavConfig.model_validate(section["objective"])
    assert made["dino"].objective == candidate("dino", 5000, 10, TrainConfig.model_validate(section["train"]))


def test_without_names_all_are_meant():
    assert {"simclr", "swav", "deepcluster"} <= set(_known([]))


@pytest.mark.slow
def test_the_run_behind_it_has_ended_and_gc_takes_what_is_left(tmp_path, monkeypatch):
    from tests.crash.place import make  # not there when this is a script
    from tests.pipelines.maintenance.test_retention import journal, manifest, name

    recipe = make(tmp_path)
    settings = Settings(home=tmp_path / "home", data=tmp_path / "data", device="cpu")

    def tuned(trials, folder, **given):
        with pytest.raises(UserError, match="another run"):
            gc.gc(settings, yes=True, say=print)
        assert folder.is_dir()
        return [outcome(objective, [record(1)], 1) for objective in trials]

    monkeypatch.setattr("pipelines.onboarding.choose.tune_trials", tuned)
    monkeypatch.setattr(
        "pipelines.flows.run._mirror", lambda *_: None
    )  # MLflow's picture of a run has tests of its own
    monkeypatch.setattr(gc, "of_models", lambda *_: [])
    earlier = settings.store / name(0)  # a snapshot of an earlier run
    earlier.mkdir(parents=True)
    made = manifest(name(0), []).model_copy(update={"recipe": "stripes"})
    (earlier / "manifest.json").write_text(made.model_dump_json())
    journal(settings.home, "1-stripes", "ingest", 1.0, "", name(0))

    choose(recipe, settings, ["simclr", "swav"], 1, lambda line: None)
    found = runs(settings, {name(0): made})
    assert [(run.flow, run.ended, len(run.references)) for run in found] == [
        ("ingest", True, 1), ("ingest", True, 2)
    ]  # fmt: skip
    assert open_since(found) is None
    (run,) = page(settings.home, settings.store, 1)
    assert "done  (2 ran, 0 found, 0 failed)" in run.lines[0]
    assert list((settings.home / "choose").iterdir()) == []
    killed = [
        settings.home / "choose" / "x",
        settings.home / "ray" / "y",
        settings.store / f"embed/.{'0' * 16}.part",
    ]
    for folder in killed:
        (folder / "deep").mkdir(parents=True)
    gc.gc(settings, yes=True, say=print)
    assert [folder.exists() for folder in (earlier, *killed)] == [False] * 4
    assert all((settings.store / reference).is_dir() for reference in found[-1].references)


@pytest.mark.slow
def test_on_ray_the_worse_are_stopped_and_the_dead_told_of(tmp_path):
    command = [sys.executable, __file__, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found = {one["name"]: one for one in json.loads(done.stdout.splitlines()[-1])}
    assert found.keys() == {"simclr", "swav", "vicreg"}
    assert "the loss is" in found["vicreg"]["dead"]
    assert max(one["epochs"] for one in found.values()) == 3
    assert all(one["accuracy"] > 0.4 for one in found.values() if one["dead"] is None)


if __name__ == "__main__":
    here = Path(sys.argv[1])
    snapshot(here)
    outcomes = tune_trials(
        trials(here), epochs=3, labelled=True, address="local", home=here, folder=here / "tune", cpus=2,
        hear=lambda name, record: print(progress(name, record)),
    )  # fmt: skip
    print(json.dumps([vars(one) for one in outcomes]))
