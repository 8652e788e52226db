"""The drill: back up a live platform, destroy it, restore it, rebuild its champion, and take the next delivery, by the
very lines of docs/operations.md."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.data.shards import Index
from pipelines.flows import due
from pipelines.recipe import load
from pipelines.settings import Settings
from tests.crash.place import NAME, ROOT, deliver, make
from tests.platform.conftest import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def lines_of(block: str) -> str:
    """The commands of a fenced block of the page."""
    page = (ROOT / "docs" / "operations.md").read_text()
    (found,) = re.findall(rf"```bash {block}\n(.*?)```", page, re.S)
    return str(found)


def test_a_backup_of_a_live_platform_brings_all_of_it_back(tmp_path: Path) -> None:
    place = tmp_path / "place"
    (place / "recipes").mkdir(parents=True)
    recipe = make(place / "recipes")
    ports = {name: free_port() for name in ("airflow_port", "mlflow_port", "metrics_port")}
    settings = Settings(
        home=place / "home", data=place / "data", recipes=place / "recipes", device="cpu", cpus=2, **ports
    )
    programs = tmp_path / "bin"  # what an installation has on its path
    programs.mkdir()
    for name, command in (("selfsup", "-m pipelines.cli.main"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n')
        (programs / name).chmod(0o755)
    environ = {
        **os.environ, **settings.environ(), "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
        "BACKUP": str(tmp_path / "backup"), "RECIPE": NAME,
    }  # fmt: skip

    def bash(script: str) -> str:
        done = subprocess.run(
            ["bash", "-c", f"set -e\n{script}"], env=environ, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    bash(f"selfsup run {recipe}")
    before = due.champion(load(recipe), settings)
    assert before == "1"
    bash("selfsup up")
    try:
        began = time.monotonic()
        bash(lines_of("backup"))
        backed_up = time.monotonic() - began
    finally:
        bash("selfsup down")
    for path in (settings.home, settings.data):
        shutil.rmtree(path)
    settings.data.with_name("data.dvc").unlink()
    recipe.unlink()

    *restore, doctor = lines_of("restore").strip().splitlines()
    began = time.monotonic()
    said = bash("\n".join(restore))
    restored = time.monotonic() - began
    assert "it is the same model, bit by bit" in said
    examined = subprocess.run(["bash", "-c", doctor], env=environ, capture_output=True, text=True).stdout
    wrong = [line for line in examined.splitlines() if line.startswith("WRONG")]
    assert [
        line for line in wrong if "versions" not in line
    ] == []  # those of a checkout may differ from the lock

    index = Index.load(settings.data / NAME)
    assert index.samples == 330
    assert due.champion(load(recipe), settings) == before
    deliver(recipe.parent / "inbox" / "next", 30, seed=5)
    assert "30 new samples in 1 new delivery, 360 in all" in bash(f"selfsup run {recipe} --flow ingest")
    print(f"backup {backed_up:.0f} s, restore with reproduction {restored:.0f} s")
