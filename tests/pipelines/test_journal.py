"""The journal of a run, as `selfsup runs` shows it."""

import os
import time

from pipelines import journal


def test_a_run_that_has_no_end_is_at_work_open_or_was_broken_off(tmp_path):
    """By its process, which is this one; by its recipe's copy, which Airflow's last task takes away."""
    now = time.time()
    heads = {
        "a": {"pid": os.getpid(), "started": now},
        "b": {"pid": os.getpid(), "started": 1.0},  # another process had the number then
        "c": {"pid": 2**22 + 1, "started": now},
        "d": {"pid": 2**22 + 1, "started": now},
        "e": {"pid": os.getpid(), "started": now, "ended": now, "error": ""},
        "f": {"pid": os.getpid(), "started": now, "ended": now, "error": "pretrain: no"},
    }
    for run, head in heads.items():
        journal.append(journal.journal_file(tmp_path, run), {"run": run, **head})
    (tmp_path / "runs" / f"d{journal.COPY}").touch()
    assert [line.split("  ")[1] for line in journal.overview(tmp_path)] == [
        "is at work", "was broken off", "was broken off", "is open in Airflow", "done", "pretrain: no",
    ]  # fmt: skip
