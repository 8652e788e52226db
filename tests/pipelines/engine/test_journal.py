"""The journal of a run, as `selfsup runs` shows it."""

import json
import os
import time

from pipelines.engine import journal


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
    assert [line.split("  ")[1] for line in journal.overview(tmp_path, tmp_path / "store")] == [
        "is at work", "was broken off", "was broken off", "is open in Airflow", "done", "pretrain: no",
    ]  # fmt: skip


def test_a_run_says_its_flow_its_decision_and_its_model(tmp_path):
    outputs = {
        "plan": {"decision": "warm"},
        "register": {"name": "cells", "version": "3"},
        "promote": {"promoted": True},
    }
    file = journal.journal_file(tmp_path, "a")
    journal.append(file, {"run": "a", "flow": "train"})
    for stage, output in outputs.items():
        folder = tmp_path / "store" / stage / "0123"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"output": output}))
        line = journal.StageLine(stage=stage, reference=f"{stage}/0123", status="ran", started=0, seconds=1)
        journal.append(file, line.model_dump())
    journal.append(file, {"ended": 1.0, "error": journal.BY_HAND})
    head = journal.overview(tmp_path, tmp_path / "store")[0]
    assert head == (
        "a  stopped by hand  (3 ran, 0 found, 0 failed)  flow train; plan: warm; model cells/3, promoted"
    )
