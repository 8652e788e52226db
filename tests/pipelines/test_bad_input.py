"""What a person gets wrong, through the command itself: one line that says what to do, code 2, nothing lost."""

import csv
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.shards import Index
from pipelines.settings import Settings
from pipelines.stages import ingest
from pipelines.stages.pseudo_label import stage as pseudo_label

ROOT = Path(__file__).resolve().parents[2]
RECIPE = """\
name: small
modality: {name: image, size: 16, channels: 1}
inbox: ../inbox
pretrain:
  objective: {name: simclr, hidden: 16, embedding: 8}
  encoder: {name: resnet, widths: [8, 16], blocks: [1, 1], stem_stride: 2}
  train: {epochs: 1, batch_size: 32}
"""
Selfsup = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("inbox", "recipes"):
        (tmp_path / name).mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def selfsup(place: Path) -> Selfsup:
    def call(*arguments: str, stages: int = 11) -> tuple[int, str, str]:
        """Exit code, stdout, stderr. stages: how many of the graph, from the first."""
        code = (
            "import sys; from pipelines import graph; from pipelines.cli import main as cli\n"
            "from pipelines.flows import run\n"
            f"graph.FLOWS['train'] = graph.FLOWS['train'][:{stages}]\n"
            f"run._mirror = lambda *a: None\nif {stages} < 11: run.check_once = lambda *a: None\n"
            "sys.exit(cli.main())"
        )
        environ = {
            **os.environ, "PYTHONPATH": str(ROOT), "SELFSUP_HOME": str(place / "home"),
            "SELFSUP_DATA": str(place / "data"), "SELFSUP_RECIPES": str(place / "recipes"),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=place, env=environ, capture_output=True, text=True, timeout=500,
        )  # fmt: skip
        assert "Traceback" not in done.stdout + done.stderr
        return done.returncode, done.stdout, done.stderr

    return call


def fill(folder: Path, count: int) -> None:
    for number in range(count):
        image = Image.effect_noise((16, 16), 40 + number % 50)
        image.save(folder / f"{number:03}.png")


def settings(place: Path) -> Settings:
    return Settings(home=place / "home", data=place / "data", recipes=place / "recipes")


def refused(place: Path, selfsup: Selfsup, old: str, new: str) -> str:
    """What `selfsup check` says of the recipe with `new` in place of `old`."""
    assert old in RECIPE
    (place / "recipes" / "small.yaml").write_text(RECIPE.replace(old, new, 1))
    code, _, said = selfsup("check", "recipes/small.yaml")
    assert code == 2
    assert len(said.splitlines()) == 1
    return said


def test_an_empty_inbox(place, selfsup):
    code, _, said = selfsup("run", "recipes/small.yaml", stages=1)
    assert code == 2
    assert "no samples in inbox" in said
    assert "put there image files" in said


def test_no_inbox(place, selfsup):
    (place / "inbox").rmdir()
    code, _, said = selfsup("run", "recipes/small.yaml", stages=1)
    assert code == 2
    assert "there is no inbox" in said


def test_a_key_that_is_there_twice(place, selfsup):
    said = refused(place, selfsup, "name: small\n", "name: small\nseed: 0\nseed: 1\n")
    assert "line 3" in said
    assert "'seed' is there twice" in said


def test_a_key_that_is_there_twice_in_a_section(place, selfsup):
    said = refused(place, selfsup, "{epochs: 1,", "{epochs: 1, epochs: 2,")
    assert "'epochs' is there twice" in said


def test_a_truth_file_that_is_missing_is_told_before_any_work(place, selfsup):
    recipe = place / "recipes" / "small.yaml"
    recipe.write_text(RECIPE + "truth: nowhere.parquet\n")
    for command in ("check", "run"):
        code, _, said = selfsup(command, "recipes/small.yaml")
        assert code == 2
        assert "truth: there is no file" in said
        assert "nowhere.parquet; correct the path" in said
    assert not (place / "home" / "store").exists()


def test_a_name_that_cannot_be(place, selfsup):
    said = refused(place, selfsup, "name: small", "name: Small One")
    assert "name: small letters, digits, - and _, a letter first" in said
    assert "'Small One'" in said


def test_check_misses_an_inbox_that_is_not_there(place, selfsup):
    (place / "inbox").rmdir()
    said = refused(place, selfsup, "name: small", "name: small")
    assert f"inbox: there is no folder {place / 'inbox'}; make it" in said


def test_check_knows_a_batch_larger_than_the_data(place, selfsup):
    fill(place / "inbox", 12)
    said = refused(place, selfsup, "name: small\n", "name: small\nfinetune: {batch_size: 13}\n")
    assert "pretrain.train.batch_size: 32 is more than there is (12 samples); take a smaller batch" in said
    assert "finetune.batch_size: 13 is more" in said
    recipe = place / "recipes" / "small.yaml"
    recipe.write_text(RECIPE.replace("batch_size: 32", "batch_size: 12"))
    assert selfsup("check", "recipes/small.yaml")[0] == 0


@pytest.mark.parametrize(
    ("new", "word"),
    [
        ("pseudo_label: {clusters: 1}\n", 'pseudo_label: clusters: at least 2, or "auto", is needed'),
        (
            "finetune: {learning_rate: .nan}\n",
            "finetune: learning_rate: Input should be a finite number (got nan)",
        ),
    ],
)
def test_a_value_that_cannot_be_is_quoted_as_it_was_written(place, selfsup, new, word):
    assert word in refused(place, selfsup, "name: small\n", f"name: small\n{new}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("hidden: 16", "temprature: 1", "did you mean 'temperature'?"),
        ("epochs: 1", "epochs: -1", "train.epochs: Input should be greater than 0 (got -1)"),
    ],
)
def test_a_wrong_value_deep_in_a_section(place, selfsup, old, new, word):
    assert word in refused(place, selfsup, old, new)


def test_init_says_what_it_found_once(place, selfsup):
    fill(place / "inbox", 12)
    code, said, _ = selfsup("init", "mine", "--from", "inbox")
    assert code == 0
    lines = said.splitlines()
    assert len(lines) == len(set(lines))


def request(place: Path) -> ingest.Request:
    return ingest.Request.model_validate(
        {"inbox": str(place / "inbox"), "modality": {"name": "image", "size": 16, "channels": 1}}
    )


def test_data_that_were_taken_away_are_seen(place):
    """Else the finished ingest of the store would be found, and the next stage would find nothing."""
    fill(place / "inbox", 3)
    given = settings(place)
    first = ingest.observe(request(place), given, "small")
    manifest = given.store / "ingest" / ("0" * 16) / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"recipe": "other"}')
    assert ingest.observe(request(place), given, "small") == first  # another recipe's tells nothing
    manifest.write_text('{"recipe": "small"}')
    gone = ingest.observe(request(place), given, "small")
    assert gone != first
    assert ingest.observe(request(place), given, "small") != gone  # nor is a run found that mended it once
    (given.data / "small").mkdir(parents=True)
    Index().save(given.data / "small")
    assert ingest.observe(request(place), given, "small") == first


def test_labels_of_one_class_name_no_other_sample():
    """Held-out labels are then all right, whatever the other samples are."""
    asked = pseudo_label.Request(snapshot="snapshot/0", embed="embed/0")
    train = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    rows = np.arange(10)
    named = pseudo_label.name_samples(asked, train, np.arange(60) % 3, rows, np.zeros(10, np.int64), 1)
    assert np.flatnonzero(named.kept).tolist() == rows.tolist()
    assert named.precision is None
    assert "label samples of another class" in named.note


@pytest.mark.slow
def test_data_that_were_taken_away_are_ingested_again(place, selfsup):
    fill(place / "inbox", 8)
    assert selfsup("run", "recipes/small.yaml", stages=2)[0] == 0
    before = (place / "data" / "small" / "index.json").read_bytes()
    for _ in range(2):
        shutil.rmtree(place / "data")
        code, said, _ = selfsup("run", "recipes/small.yaml", stages=2)
        assert code == 0
        assert "8 new samples" in said
        assert "found snapshot/" in said
        assert (place / "data" / "small" / "index.json").read_bytes() == before
    shutil.rmtree(place / "data")
    shutil.rmtree(place / "inbox")
    code, _, said = selfsup("run", "recipes/small.yaml", stages=2)
    assert code == 2
    assert "`dvc checkout data.dvc`" in said


@pytest.mark.slow
def test_without_labels_the_run_goes_on_and_the_report_is_where_it_says(place, selfsup):
    fill(place / "inbox", 120)
    with (place / "inbox" / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerow(("name", "label"))
    code, said, _ = selfsup("run", "recipes/small.yaml")
    assert code == 0
    for stage in ("finetune", "evaluate"):
        assert f"{stage} skipped: no labels" in said
    assert "register skipped" not in said  # the encoder alone is registered
    page = Path(said.strip().splitlines()[-1].removeprefix("report: "))
    assert "no labels" in page.read_text()


@pytest.mark.parametrize("bad", [1, 30])
def test_every_path_in_a_message_about_bad_files_exists(place: Path, selfsup: Selfsup, bad: int) -> None:
    """One that is quarantined, and so many that the delivery is refused: the list is where the message says."""
    fill(place / "inbox", 40)
    for number in range(bad):
        file = place / "inbox" / f"bad-{number}.png"
        file.write_bytes(b"no image")
        os.utime(
            file, (1e9, 1e9)
        )  # a new one might be one that is being written: it is left for the next time
    code, out, err = selfsup("run", "recipes/small.yaml", stages=1)
    assert code == (0 if bad == 1 else 2)
    named = re.findall(rf"{place}[^\s;,)]*", out + err)
    assert [path for path in named if not Path(path).exists()] == []
    (listed,) = {Path(path) for path in named if path.endswith("bad.csv")}
    assert len(listed.read_text().splitlines()) == 1 + bad
