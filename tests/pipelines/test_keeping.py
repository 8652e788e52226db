"""A model is rebuilt bit by bit from its record, warm start and all, and gc takes nothing that it needs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.place import ROOT, deliver, make

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


def selfsup(place: Path, *arguments: str) -> tuple[int, str]:
    """Exit code, and all that was said."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SELFSUP_")}
    ours = {
        "SELFSUP_HOME": str(place / "home"), "SELFSUP_DATA": str(place / "data"), "SELFSUP_RECIPES": str(place),
        "SELFSUP_DEVICE": "cpu", "OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli.main", *arguments],
        cwd=place, env=kept | ours, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout


def equal(said: str) -> list[str]:
    """The last word of each line of the table."""
    lines = said.splitlines()
    head = next(n for n, line in enumerate(lines) if line.split() == ["figure", "then", "now", "equal"])
    return [line.split()[-1] for line in lines[head + 1 : -1]]


def test_a_lost_store_gc_and_a_warm_start_keep_no_model_from_being_rebuilt(tmp_path: Path) -> None:
    make(tmp_path)
    assert selfsup(tmp_path, "run", "stripes.yaml")[0] == 0
    deliver(tmp_path / "inbox" / "third", 60, seed=5)
    assert selfsup(tmp_path, "run", "stripes.yaml", "--force", "warm")[0] == 0
    (tmp_path / "home" / "store" / "embed" / ".0123456789abcdef.part").mkdir()
    code, said = selfsup(tmp_path, "gc", "--yes")
    assert (code, "deleted" in said) == (0, True), said
    assert not (tmp_path / "home" / "store" / "embed" / ".0123456789abcdef.part").exists()

    shutil.rmtree(tmp_path / "home" / "dvc-cache")  # the data come from the remote
    shutil.rmtree(tmp_path / "home" / "store")  # what MLflow and the remote hold is enough
    code, said = selfsup(tmp_path, "reproduce", "stripes", "2")
    assert code == 0, said
    assert said.count("pretrain | done in") == 2  # the parent's, then its own
    assert "it is the same model, bit by bit" in said
    assert len(equal(said)) > 8
    assert set(equal(said)) == {"yes"}
    code, said = selfsup(tmp_path, "reproduce", "stripes", "9")
    assert (code, "has no version 9" in said) == (2, True)
