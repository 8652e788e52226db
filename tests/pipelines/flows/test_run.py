"""Whole runs of a small project, through the command, for real."""

import fcntl

import pytest

from pipelines.engine import journal


def test_a_second_run_finds_everything_and_says_so(project):
    recipe = str(project.recipe())
    code, out, err = project.selfsup("run", recipe)
    assert (code, err) == (0, "")
    assert "first | at work" in out
    assert "of the wall time" in out
    assert project.calls == ["first", "second"]

    code, out, err = project.selfsup("run", recipe)
    assert (code, err) == (0, "")
    assert "0 steps trained: nothing changed" in out
    assert project.calls == ["first", "second"]
    run = sorted((project.home / "runs").glob("*.jsonl"))[-1]
    assert [line.status for line in journal.stages(project.home, run.stem)] == ["found", "found"]
    assert journal.records(run)[-1]["error"] == ""
    assert not list((project.home / "runs").glob("*.live"))


COUNTING = """
import subprocess, sys
begun, real = [], subprocess.Popen.__init__
def begins(self, command, *rest, **more):
    begun.append(" ".join(map(str, command[1:3])))
    real(self, command, *rest, **more)
subprocess.Popen.__init__ = begins
from pipelines.cli.main import main
assert main(["run", "recipes/small.yaml"]) == 0
print("begun:", begun)
"""


def test_an_unchanged_run_starts_no_process_and_a_first_one_the_server_alone(project):
    project.recipe()
    begun = project.python(COUNTING).splitlines()[-1]
    assert (begun.count("-m "), begun.count("-m pipelines.engine.fork_server")) == (1, 1)
    out = project.python(COUNTING)
    assert "-m " not in out.splitlines()[-1]
    assert "first | found first/" in out
    assert "second | found second/" in out
    assert project.calls == ["first", "second"]


def test_mlflow_shows_a_run_in_which_anything_ran_and_a_run_stands_without_it(project):
    recipe = str(project.recipe())
    project.home.mkdir()
    (project.home / "no-mlflow").touch()
    code, out, err = project.selfsup("run", recipe)
    assert (code, err) == (0, "")
    assert "MLflow does not show this run (OSError: no route to the server)" in out
    mirrored = (project.home / "mirrored").read_text().split()
    assert mirrored == [file.stem for file in (project.home / "runs").glob("*.jsonl")]
    project.selfsup("run", recipe)
    assert (project.home / "mirrored").read_text().split() == mirrored


def test_a_change_runs_what_lies_below_it_and_nothing_above(project):
    project.selfsup("run", str(project.recipe()))
    assert project.selfsup("run", str(project.recipe("second: {factor: 3}\n")))[0] == 0
    assert project.calls == ["first", "second", "second"]
    project.selfsup("run", str(project.recipe("first: {size: 4}\nsecond: {factor: 3}\n")))
    assert project.calls == ["first", "second", "second", "first", "second"]


def test_a_change_of_code_runs_again_and_a_comment_does_not(project):
    recipe = str(project.recipe())
    project.selfsup("run", recipe)
    file = project.root / "pipelines" / "stages" / "second.py"
    file.write_text(file.read_text() + "# a comment\n")
    project.selfsup("run", recipe)
    assert project.calls == ["first", "second"]
    file.write_text(file.read_text().replace("size * request.factor", "size * request.factor + 1"))
    project.selfsup("run", recipe)
    assert project.calls == ["first", "second", "second"]


def test_only_one_run_at_a_time_on_a_home(project):
    recipe = str(project.recipe())
    project.home.mkdir()
    with (project.home / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        code, _, err = project.selfsup("run", recipe)
    assert code == 2
    assert "another run (process 4711) is at work on" in err
    assert err.count("\n") == 1
    assert project.calls == []
    assert project.selfsup("run", recipe)[0] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frist: {}\n", "unknown key 'frist'; did you mean 'first'"),
        ("second: {fcator: 3}\n", "second: unknown key 'fcator'; did you mean 'factor'"),
        ("second: {factor: lots}\n", "second: factor: "),
    ],
)
def test_a_mistake_in_the_recipe_stops_it_before_anything_runs(project, text, message):
    code, _, err = project.selfsup("run", str(project.recipe(text)))
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert project.calls == []


def test_a_stage_that_skips_is_said(project):
    file = project.root / "pipelines" / "stages" / "second.py"
    file.write_text(file.read_text().replace("Output(total=", "Output(skipped='no labels', total="))
    code, out, _ = project.selfsup("run", str(project.recipe()))
    assert code == 0
    assert "second skipped: no labels" in out


def test_a_home_that_cannot_be_written_to(project):
    (project.root / "file").touch()
    code, _, err = project.selfsup("run", str(project.recipe()), SELFSUP_HOME=str(project.root / "file"))
    assert code == 2
    assert "cannot write to SELFSUP_HOME" in err
    assert err.count("\n") == 1


def test_a_half_written_manifest_is_no_result(project):
    recipe = str(project.recipe())
    project.selfsup("run", recipe)
    stage = next((project.home / "store" / "second").glob("[!.]*"))
    (stage / "manifest.json").unlink()
    assert project.selfsup("run", recipe)[0] == 0
    assert project.calls[-1] == "second"


def test_a_flow_runs_its_stages_only(project):
    recipe = str(project.recipe())
    code, _, err = project.selfsup("run", recipe, "--flow", "ingest")
    assert (code, err) == (0, "")
    assert project.calls == ["first"]
    head = journal.records(next((project.home / "runs").glob("*.jsonl")))[0]
    assert (head["flow"], "force" in head) == ("ingest", False)
    code, _, err = project.selfsup("run", recipe, "--flow", "trian")
    assert (code, "flow: unknown name 'trian'; did you mean 'train'?" in err) == (2, True)
    code, _, err = project.selfsup("run", recipe, "--flow", "ingest", "--force", "warm")
    assert (code, "nothing to force" in err) == (2, True)
    assert project.calls == ["first"]


PLANNER = '''
"""Settles what a file in the home says."""
import json
from pathlib import Path
from components.config import Config
from pipelines.engine.context import Context

VERSION = 1

class Request(Config):
    first: str
    model: str
    asked: dict[str, dict[str, object]]
    seed: int
    modality: dict[str, object]

class Output(Config):
    settled: dict[str, str]
    parent: str | None = None
    previous: str | None = None
    decision: str = "skip"
    reason: str = "Nothing is new."

def observe(request, settings, recipe):
    file = settings.home / "settled"
    return {"settled": file.read_text() if file.exists() else "{}"}

def run(request: Request, folder: Path, context: Context) -> Output:
    return Output(settled=json.loads(context.observed["settled"]))
'''


def test_what_a_plan_settles_stands_and_names_what_comes_after_it(project):
    """The first stage changes, the plan lets its older run stand, so the second has nothing to do."""
    (project.root / "pipelines" / "stages" / "plan.py").write_text(PLANNER)
    graph = (project.root / "pipelines" / "graph.py").read_text()
    graph = graph.replace('"second": ("first",)}', '"plan": ("first",), "second": ("first", "plan")}', 1)
    graph = graph.replace('"train": ("first", "second")', '"train": ("first", "plan", "second")')
    graph = graph.replace("= {}\n", '= {"second": ("plan",)}\n', 1)
    (project.root / "pipelines" / "graph.py").write_text(graph)

    def run(text=""):
        code, out, err = project.selfsup("run", str(project.recipe(text)))
        assert (code, err) == (0, "")
        last = sorted((project.home / "runs").glob("*.jsonl"))[-1]
        return out, {line.stage: line for line in journal.stages(project.home, last.stem)}

    _, before = run()
    (project.home / "settled").write_text(f'{{"first": "{before["first"].reference}"}}')
    out, after = run("first: {size: 9}\n")
    assert after["first"].reference != before["first"].reference  # it ran before the plan, as a snapshot does
    assert (after["second"].reference, after["second"].status) == (before["second"].reference, "found")
    assert "plan: skip. Nothing is new." in out
    assert project.calls == ["first", "second", "first"]

    (project.home / "settled").write_text(f'{{"second": "{before["second"].reference}"}}')
    _, after = run("second: {factor: 7}\n")
    assert (after["second"].reference, after["second"].status) == (before["second"].reference, "found")

    (project.home / "settled").unlink()
    _, after = run("second: {factor: 7}\n")
    assert (after["second"].status, project.calls[-1]) == ("ran", "second")
