"""A model is rebuilt bit by bit from its record, warm start and all, and gc takes nothing that it needs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.place import ROOT, deliver, make

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions: a champion from scratch, and a challenger that began warm from it after a second delivery."""
    place = tmp_path_factory.mktemp("keeping")
    make(place)
    assert selfsup(place, "run", "stripes.yaml")[0] == 0
    by = ("--name", "ana", "--reason", "so small a model passes no gate")
    assert selfsup(place, "override", "stripes", "1", *by)[0] == 0
    deliver(place / "inbox" / "third", 60, seed=5)
    assert selfsup(place, "run", "stripes.yaml", "--force", "warm")[0] == 0
    return place


def selfsup(place: Path, *arguments: str) -> tuple[int, str]:
    """Exit code, and all that was said."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SELFSUP_")}
    ours = {
        "SELFSUP_HOME": str(place / "home"), "SELFSUP_DATA": str(place / "data"), "SELFSUP_RECIPES": str(place),
        "SELFSUP_DEVICE": "cpu", "OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        cwd=place, env=kept | ours, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout


def equal(said: str) -> list[str]:
    """The last word of each line of the table."""
    lines = said.splitlines()
    head = next(n for n, line in enumerate(lines) if line.split() == ["figure", "then", "now", "equal"])
    return [line.split()[-1] for line in lines[head + 1 : -1]]


def test_a_model_that_began_warm_is_rebuilt_with_its_parent(place: Path) -> None:
    code, said = selfsup(place, "reproduce", "stripes", "2")
    assert code == 0, said
    assert said.count("pretrain | done in") == 2  # the parent's, then its own
    assert "it is the same model, bit by bit" in said
    assert len(equal(said)) > 8
    assert set(equal(said)) == {"yes"}


def test_after_gc_the_champion_is_rebuilt_and_scores(place: Path) -> None:
    (place / "home" / "store" / "embed" / ".0123456789abcdef.part").mkdir()
    code, said = selfsup(place, "gc", "--yes")
    assert code == 0, said
    assert not (place / "home" / "store" / "embed" / ".0123456789abcdef.part").exists()
    assert not (place / "home" / "reproduce" / "stripes-2").exists()
    assert "deleted" in said
    code, said = selfsup(place, "run", "stripes.yaml", "--flow", "score")
    assert code == 0, said
    shutil.rmtree(place / "home" / "dvc-cache")  # the data come from the remote
    code, said = selfsup(place, "reproduce", "stripes.yaml", "champion")
    assert code == 0, said
    assert set(equal(said)) == {"yes"}


def test_from_its_version_alone(place: Path) -> None:
    """The store is lost: what MLflow and the remote hold is enough."""
    shutil.rmtree(place / "home" / "store")
    code, said = selfsup(place, "reproduce", "stripes", "1")
    assert code == 0, said
    assert set(equal(said)) == {"yes"}
    code, said = selfsup(place, "reproduce", "stripes", "9")
    assert (code, "has no version 9" in said) == (2, True)
