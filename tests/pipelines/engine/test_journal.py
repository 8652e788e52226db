"""The journal of a run, as `selfsup runs` shows it."""

import contextlib
import json
import os
import time

from pipelines.engine import journal, run_list
from pipelines.engine.now import Lead, Now, lines, shown


def test_a_run_that_has_no_end_is_at_work_open_or_was_broken_off(tmp_path):
    """By its process, which is this one; by its recipe's copy, which Airflow's last task takes away."""
    now = time.time()
    heads = {
        "a": {"pid": os.getpid(), "started": now},
        "b": {"pid": os.getpid(), "started": 1.0},  # another process had the number then
        "c": {"pid": 2**22 + 1, "started": now},
        "d": {"pid": 2**22 + 1, "started": now, "airflow": True},
        "e": {"pid": os.getpid(), "started": now, "ended": now, "error": ""},
        "f": {"pid": os.getpid(), "started": now, "ended": now, "error": "pretrain: no"},
        "g": {"pid": 2**22 + 1, "started": now},  # `selfsup run --airflow`, which was killed
        "h": {"pid": 2**22 + 1, "started": now, "airflow": True},  # its last task has ended it
    }
    for run, head in heads.items():
        journal.append(journal.journal_file(tmp_path, run), {"run": run, **head})
        now = Now(stage="finetune", reference=f"finetune/{run}", started=time.time() - 75)
        journal.now_file(tmp_path, run).write_text(now.model_dump_json())
    for run in "dg":
        (tmp_path / "runs" / f"{run}{journal.COPY}").touch()
    every = [line for shown in run_list.page(tmp_path, tmp_path / "store", 100) for line in shown.lines]
    lines = [line for line in every if not line.startswith(" ")]
    # What a kill has left behind says nothing.
    live = [line for line in every if line.startswith(" ")]
    assert [line.split()[0::3] for line in live] == [["now", "finetune/a"], ["now", "finetune/d"]]
    assert all(75 <= float(line.split()[1]) < 85 for line in live)
    assert [line.split("  ")[1] for line in lines] == [
        "is at work", "was broken off", "was broken off", "is open in Airflow", "done", "pretrain: no",
        "was broken off", "was broken off",
    ]  # fmt: skip
    assert journal.open_runs(tmp_path) == {"a": "is at work", "d": "is open in Airflow"}


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
    head = run_list.page(tmp_path, tmp_path / "store", 1)[0].lines[0]
    assert head == (
        "a  stopped by hand  (3 ran, 0 found, 0 failed)  flow train; plan: warm; model cells/3, promoted"
    )


def test_what_is_told_of_candidates_is_kept_while_the_stage_runs(tmp_path):
    """Written anew each time; what else is told goes on; nothing is left behind, whatever ends the stage."""
    file, heard = tmp_path / "runs" / "a.now", []
    lead = {"seconds": 3.0, "candidates": {}, "model": "head", "folder": "/early"}
    with (
        contextlib.suppress(KeyboardInterrupt),
        shown(file, Now(stage="finetune", reference="finetune/0", started=time.time()), heard.append) as told,
    ):
        assert len(lines(file)) == 1
        told({"stage": "finetune", "lead": lead})
        assert lines(file)[1:] == ["  usable      3.0 s  head: /early"]
        told({"stage": "finetune", "lead": Lead(seconds=4.0, candidates={"a": 0.5}).model_dump()})
        assert lines(file)[1:] == ["  leads       4.0 s  a 50.0% of held-out labels"]
        told({"stage": "finetune", "say": "x"})
        raise KeyboardInterrupt
    assert heard == [{"stage": "finetune", "say": "x"}]
    assert not file.exists()
    assert lines(file) == []
    file.write_text('{"stage": 1')
    assert lines(file) == []


def test_a_damaged_journal_costs_the_stages_of_its_run_alone(tmp_path):
    whole = {"stage": "plan", "reference": "plan/0", "status": "ran", "started": 1.0, "seconds": 2.0}
    for run, line in (("one", whole), ("two", {"stage": "embed", "status": "ran"})):
        file = journal.journal_file(tmp_path, run)
        journal.append(file, {"run": run, "started": 1.0, "ended": 2.0, "error": ""})
        journal.append(file, line)
    shown = {one.run: one.lines for one in run_list.page(tmp_path, tmp_path / "store", 10)}
    assert len(shown["one"]) == 2
    damaged = journal.journal_file(tmp_path, "two")
    assert shown["two"] == [f"two  done  (damaged, the stages cannot be read: {damaged})"]
