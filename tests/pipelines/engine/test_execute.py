"""A stage in a process of its own, for real: how it ends, what is said of it, and what is left of it."""

import json
import os
import signal

import pytest

from components.errors import UserError
from pipelines.engine import journal, processes
from pipelines.engine.child import disk_full, fullest
from pipelines.engine.context import read_metrics
from pipelines.engine.progress import Display, duration
from pipelines.engine.store import is_finished

CODE = """
import json, sys
from pathlib import Path
from pipelines.engine.execute import execute, StageError
from pipelines.recipe import load
from pipelines.settings import Settings
names = ("torch", "numpy", "pandas", "ray", "mlflow", "airflow", "pipelines.stages.first")
heavy = [m for m in names if m in sys.modules]
told = []
try:
    reference = execute("first", load(Path("recipes/small.yaml")), {}, Settings.load(), "one", told.append)
except (ValueError, StageError) as error:
    reference = f"{type(error).__name__}: {error}"
print(json.dumps([reference, told, heavy]))
"""


@pytest.fixture
def execute(project):
    project.recipe()
    return lambda **extra: json.loads(project.python(CODE, **extra))


def test_a_stage_runs_once_and_tells_what_happens(project, execute):
    project.behave("naps")
    reference, told, heavy = execute()
    assert heavy == []
    assert [r for r in told if "say" in r] == [{"stage": "first", "say": "at work"}]
    assert [r for r in told if "done" in r] == [{"stage": "first", "done": 0.5, "text": "half"}]
    assert [r["status"] for r in told if "status" in r] == ["started", "ran"]
    assert told[-1]["memory"] > 10e6
    folder = project.home / "store" / reference
    assert "loud library" in (folder / "log.txt").read_text()
    assert {k for m in read_metrics(folder) for k in m} >= {"loss", "system/memory", "system/cpu"}

    again, told, heavy = execute()
    assert (again, heavy) == (reference, [])
    assert [r["status"] for r in told] == ["started", "found"]
    assert project.calls == ["first"]
    lines = [r for r in journal.records(journal.journal_file(project.home, "one")) if "stage" in r]
    assert [line["status"] for line in lines] == ["ran", "found"]
    assert [line.status for line in journal.stages(project.home, "one")] == ["found"]


@pytest.mark.parametrize(
    ("how", "said", "code"),
    [
        ("user", "UserError: first: a spoon is needed, a fork came; bring a spoon", "spoon-missing"),
        ("full", "PassingError: first: the disk is full: free some space for", "disk-full"),
        ("wrapped", "PassingError: first: the disk is full: free some space for", "disk-full"),
        ("bug", "StageError: first: KeyError: ", ""),
        ("killed", "StageError: first: was killed (out of memory?); run again", ""),
    ],
)
def test_how_it_fails_is_one_line_and_it_resumes(project, execute, how, said, code):
    project.behave(how)
    message, told, _ = execute()
    assert message.startswith(said)
    assert "\n" not in message
    assert (told[-1]["status"], told[-1]["code"]) == ("failed", code)
    part = next((project.home / "store" / "first").glob(".*.part"))
    assert ("Traceback" in (part / "log.txt").read_text()) == (how != "killed")
    project.behave("well")
    reference, _, _ = execute()
    manifest = json.loads((project.home / "store" / reference / "manifest.json").read_text())
    assert manifest["output"]["before"] == ["a.bin"]
    assert not part.exists()


def test_a_disk_that_is_full_for_real(project, execute):
    """No file may grow beyond 1 kB: the stage's own writes fail, and so does the manifest's."""
    project.recipe("first: {size: 5000}\n")
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n" + CODE
    message, _, _ = json.loads(project.python(limited, PYTHONDONTWRITEBYTECODE="1"))
    assert message.startswith("PassingError: first: the disk is full")
    assert not list((project.home / "store" / "first").glob("[!.]*"))
    assert execute()[0].startswith("first/")


def test_nothing_of_it_is_left_running_even_in_a_session_of_its_own(project, execute):
    project.behave("orphans")
    assert execute()[0].startswith("first/")
    assert project.processes() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_the_process_that_started_it(project, eventually, number):
    recipe = str(project.recipe())
    project.behave("waits")
    run = project.start("run", recipe)
    waiting = project.home / "waiting"
    eventually(lambda: waiting.exists() and waiting.read_text() != "")
    assert any("pipelines.engine.fork_server" in line for line in project.processes())
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert "Traceback" not in err
    if number != signal.SIGKILL:
        assert run.returncode == 130
        assert "resumes" in err
    eventually(lambda: project.processes() == [])
    assert not list((project.home / "store" / "first").glob("[!.]*"))

    project.behave("well")
    assert project.selfsup("run", recipe)[0] == 0
    assert project.calls == ["first", "first", "second"]


def test_a_stage_killed_in_the_middle_resumes(project, eventually):
    recipe = str(project.recipe())
    project.behave("waits")
    run = project.start("run", recipe)
    waiting = project.home / "waiting"
    eventually(lambda: waiting.exists() and waiting.read_text() != "")
    os.kill(int(waiting.read_text()), signal.SIGKILL)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "first: was killed" in err
    project.behave("well")
    assert project.selfsup("run", recipe)[0] == 0
    reference = journal.stages(project.home, sorted((project.home / "runs").glob("*.jsonl"))[-1].stem)[
        0
    ].reference
    manifest = json.loads((project.home / "store" / reference / "manifest.json").read_text())
    assert manifest["output"]["before"] == ["a.bin"]
    assert is_finished(reference, project.home / "store")


def test_code_that_changes_between_the_look_up_and_the_start_is_not_filed_under_the_old_key(project):
    project.recipe()
    changes = CODE.replace(
        "told = []",
        "told = []\n"
        "from pipelines.engine.code_digest import code_digest; code_digest('first', {})\n"
        "file = Path('pipelines/stages/first.py'); file.write_text(file.read_text() + 'LATE = 1')",
    )
    message, _, _ = json.loads(project.python(changes))
    assert message == "UserError: first: the code was changed while the run was starting; run again"


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "x"),
        RuntimeError("(sqlite3.OperationalError) database or disk is full"),
        OSError(122, "quota"),
    ],
)
def test_no_room_is_known_by_many_names(error, tmp_path):
    assert disk_full(error, tmp_path / "not" / "there")


def test_other_errors_are_not_a_full_disk(tmp_path):
    assert not disk_full(FileNotFoundError(2, "x"), tmp_path)
    assert not disk_full(UserError("labels-too-few", "x"), tmp_path)


def test_memory_of_a_process_that_is_gone_is_nothing():
    import psutil

    own = psutil.Process()
    assert processes.memory(own) > 10e6
    assert processes.tree(2**22 + 1) == []


# -- what a person sees


class Screen:
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return False


def test_a_file_gets_lines_at_intervals_and_a_terminal_a_moving_one(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    for live, lines in ((False, 4), (True, 2)):
        screen = Screen()
        display = Display(screen, live=live)
        display({"stage": "pretrain", "status": "started"})
        for step in range(26):
            display({"stage": "pretrain", "done": step / 100, "text": f"epoch {step}"})
            now[0] += 1
        display({"stage": "pretrain", "say": "halfway"})
        display({"stage": "pretrain", "status": "ran", "seconds": 75, "reference": "pretrain/0"})
        assert screen.text.count("\n") == lines
        assert "epoch 20  1:20 min left" in screen.text
        assert ("\r" in screen.text) == live
        assert "done in 1:15 min: pretrain/0" in screen.text


def test_hardly_anything_done_says_nothing_of_the_rest(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    display = Display(Screen(), live=True)
    for done in (0.0, 0.001, 0.02):
        display({"stage": "finetune", "done": done, "text": "step"})
        assert ("left" in display.stream.text) == (done == 0.02)
        now[0] += 6


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4 s"), (9.96, "10 s"), (59.7, "1:00 min"), (75, "1:15 min"), (3660, "1:01 h")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_the_disk_that_is_named_is_the_one_with_the_least_room(tmp_path, monkeypatch):
    import shutil
    from types import SimpleNamespace

    room = {tmp_path: 5 << 30, tmp_path / "data": 3}
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=room[folder]))
    assert (
        fullest(tmp_path / "store" / ".k.part", tmp_path / "data" / "toys", tmp_path)
        == tmp_path / "data" / "toys"
    )
    assert fullest(tmp_path / "store", tmp_path) == tmp_path / "store"


def test_while_a_stage_runs_its_run_shows_it_and_who_leads(project):
    """The picture is looked at when the stage says its second line; it is gone when the stage has ended."""
    project.recipe()
    project.behave("leads")
    looks = """
import os, time
from pipelines.engine import journal, run_list
home, store = Settings.load().home, Settings.load().store
journal.append(journal.journal_file(home, "one"), {"run": "one", "pid": os.getpid(), "started": time.time()})
def watch(record):
    told.append(record)
    if "say" in record:
        told.append({"shown": run_list.page(home, store, 1)[0].lines})
"""
    code = CODE.replace("told = []\n", f"told = []{looks}").replace("told.append)", "watch)")
    reference, told, _ = json.loads(project.python(code))
    assert not any("lead" in record for record in told)
    first, second = [record["shown"] for record in told if "shown" in record]
    assert first[0].startswith("one  is at work  (0 ran")
    assert [line.split()[0] for line in first[1:]] == ["now"]
    assert first[1].endswith(f" s  {reference}")
    assert second[2:] == [
        "  leads       2.5 s  pixels 60.0% of held-out labels, head 50.0%",
        "  usable      2.5 s  head: /early",
    ]
    assert not journal.now_file(project.home, "one").exists()
