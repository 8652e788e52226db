"""`selfsup` without arguments: what to do next, in at most ten lines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.registry.journal import Entry
from pipelines.engine import journal
from pipelines.engine.manifest import Manifest
from pipelines.operations.next_steps import look
from pipelines.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    return Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path / "recipes")


def recipe(name, folder):
    file = folder / f"{name}.yaml"
    file.write_text(f"name: {name}\nmodality: image\ninbox: inbox\n")
    return file


def ran(settings, file, run, error="", code="", lines=()):
    name = f"20261130T1200{run:02d}-000-{file.stem}"
    target = journal.journal_file(settings.home, name)
    journal.append(target, {"run": name, "recipe": str(file), "started": 1.0, "pid": 1})
    for line in lines:
        journal.append(target, {"started": 1.0, "seconds": 1.0, "status": "ran", "reference": "", **line})
    journal.append(target, {"ended": 2.0, "error": error, "code": code})
    return name


def reported(settings, labels):
    folder = settings.store / "report" / "a"
    folder.mkdir(parents=True)
    (folder / "to_label.csv").write_text(
        "rank,id,label\n" + "".join(f"1,{k},{v}\n" for k, v in enumerate(labels))
    )
    output = {"to_label": {"path": "to_label.csv", "sha256": "", "bytes": 0}}
    made = Manifest(
        stage="report", version=1, recipe="shoes", given={}, observed={}, code="", request={}, output=output, started=0,
        seconds=0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(made.model_dump_json())
    return {"stage": "report", "reference": "report/a"}


def champion(settings, name, version):
    entry = Entry.now("ana", "promote", "done", None, version, "well")
    file = settings.home / "journal" / f"{name}.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text(entry.model_dump_json() + "\n")


def test_nothing_was_run_yet(settings):
    recipe("quickstart", settings.recipes)
    recipe("text", settings.recipes)
    assert look(settings).lines() == [
        "2 recipes, 0 run so far; platform not running",
        "next: selfsup init NAME --from PATH  (a recipe for your own data)",
        "next: selfsup run quickstart  (an example)",
    ]


def test_where_the_last_run_failed_and_why_and_what_waits_for_labels(settings):
    failing = {
        "stage": "pretrain",
        "status": "failed",
        "error": "the\nembeddings are one point",
        "code": "collapsed",
    }
    ran(settings, recipe("bags", settings.recipes), 1, "UserError: pretrain: ...", "", [failing])
    ran(settings, recipe("shoes", settings.recipes), 2, lines=[reported(settings, ["", "boot", " "])])
    champion(settings, "shoes", "7")
    found = look(settings)
    assert found.lines() == [
        "2 recipes, 2 run so far; platform not running",
        "shoes: champion version 7; 2 samples to label",
        "bags: no champion yet; the last run failed at pretrain [collapsed]: the embeddings are one point",
        "next: selfsup explain collapsed",
        "next: selfsup run bags  (it resumes)",
        "next: selfsup label shoes  (or fill in the column label of home/store/report/a/to_label.csv and copy it into "
        "the inbox)",
    ]
    assert (found.recipes["bags"].stage, found.recipes["shoes"].champion) == ("pretrain", "7")


def test_a_recipe_outside_of_the_folders_is_named_by_its_path(settings, tmp_path):
    (tmp_path / "mine").mkdir()
    file = recipe("toys", tmp_path / "mine")
    ran(settings, file, 1, "stopped by hand")
    assert look(settings).lines()[1:] == [
        "toys: no champion yet; the last run failed: stopped by hand",
        "next: selfsup run mine/toys.yaml  (it resumes)",
    ]
    recipe("toys", settings.recipes)  # the folders' own counts
    assert look(settings).recipes["toys"].recipe == "toys"
    (settings.recipes / "toys.yaml").unlink()
    file.unlink()
    assert look(settings).recipes == {}


def test_never_more_than_ten_lines(settings):
    for place in range(12):
        failing = {"stage": "pretrain", "status": "failed", "error": "x" * 500, "code": "collapsed"}
        ran(settings, recipe(f"r{place:02d}", settings.recipes), place, "x", "collapsed", [failing])
    for place in range(3):
        (settings.recipes / f"broken{place}.yaml").write_text("- 1")
    lines = look(settings).lines()
    assert len(lines) == 10
    assert lines[1].startswith("r11: ")  # the latest first
    assert lines[6] == "and 7 more: selfsup status"
    assert lines[7].endswith("(and 2 more)")
    assert all(len(line) < 300 for line in lines)


def test_a_damaged_journal_or_manifest_costs_its_recipe_alone(settings):
    ran(settings, recipe("bags", settings.recipes), 1)
    ran(settings, recipe("shoes", settings.recipes), 2, lines=[reported(settings, [""])])
    (settings.store / "report" / "a" / "manifest.json").write_text('{"torn')
    torn = ran(settings, recipe("hats", settings.recipes), 3)
    journal.append(journal.journal_file(settings.home, torn), {"stage": "ingest"})
    lines = look(settings).lines()
    assert lines[1].startswith("hats: what its last runs left is damaged, see selfsup doctor: ")
    assert lines[2].startswith("shoes: what its last runs left is damaged, see selfsup doctor: ")
    assert lines[3] == "bags: no champion yet"


def test_it_is_quick_and_loads_nothing_heavy(settings):
    recipe("quickstart", settings.recipes)
    code = (
        "import sys; from pipelines.cli.main import main; main([])\n"
        "print([m for m in ('torch', 'numpy', 'mlflow', 'pandas', 'pyarrow', 'airflow', 'ray') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "1 recipe, 0 run so far; platform not running"
    assert done.stdout.splitlines()[-1] == "[]"


def test_as_json(settings, capsys, monkeypatch):
    from pipelines.cli import main

    monkeypatch.setenv("SELFSUP_HOME", str(settings.home))
    assert main.main(["--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"recipes", "not_run", "mistakes", "up", "commands"}
