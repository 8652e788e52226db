"""Keeps the home from growing without bound: python -m pipelines.operations.upkeep, daily by the DAG `upkeep`.

What is older than SELFSUP_RETENTION_DAYS: journals of runs become a line each, logs of tasks and of DAG files are
deleted, and Airflow's database forgets its runs. Services' logs are kept short by the supervisor, finished stages by
`selfsup gc`. Data, models and the journals of promotions are never touched.
"""

import contextlib
import math
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from components.wording import counted
from pipelines.engine import run_list
from pipelines.settings import Settings

LOGS = ("airflow/logs", "airflow/runs", "cache/checked")


def upkeep(settings: Settings, moment: float) -> str:
    """What was done, in one line. moment: unix time that counts as now.

    Raises:
        RuntimeError: Airflow's database could not be cleaned; the rest is done.
    """
    before = moment - settings.retention_days * run_list.DAY
    runs = run_list.shorten(settings.home, settings.store, settings.retention_days, moment)
    files = sum(delete_older(settings.home / name, before) for name in LOGS)
    if settings.profile == "embedded" and (settings.home / "airflow" / "airflow.db").is_file():
        clean_database(before)
    return f"{counted(runs, 'run')} shortened, {counted(files, 'log')} deleted"


def delete_older(folder: Path, before: float) -> int:
    """How many files of a folder were last written before a unix time; they are gone, and folders left empty."""
    # A folder's time is looked at before its files are deleted, which would make it new.
    times = {place: _written(place) for place, _, _ in os.walk(folder)}
    deleted = 0
    for place, folders, files in os.walk(folder, topdown=False):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for path in (os.path.join(place, name) for name in [*files, *links]):
            if _written(path) < before:
                with contextlib.suppress(OSError):
                    os.unlink(path)
                    deleted += 1
        if times.get(place, before) < before and place != str(folder):
            with contextlib.suppress(OSError):  # something is in it
                os.rmdir(place)
    return deleted


def _written(path: str) -> float:
    """When it was written last; the end of time where it is gone."""
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return math.inf


def clean_database(before: float) -> None:
    """Airflow's rows of runs that began before a unix time; the latest run of each DAG stays."""
    command = [sys.executable, "-m", "airflow", "db", "clean", "--yes", "--skip-archive"]
    command += ["--clean-before-timestamp", datetime.fromtimestamp(before, UTC).isoformat()]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise RuntimeError(f"airflow db clean ended with code {done.returncode}: {last[0]:.300}")


if __name__ == "__main__":
    print(upkeep(Settings.load(), time.time()))
