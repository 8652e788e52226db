"""Stages as forks of a server: what they share with each other and what not, and how they and the server end."""

import json
import signal

import pytest

# Each line of `steps` is done in turn; `told` is printed at the end.
CODE = """
import json, os, signal, sys, threading, time
from pathlib import Path
from pipelines.engine import stage_process
from pipelines.engine.execute import execute, StageError
from pipelines.recipe import load
from pipelines.settings import Settings

told, settings = [], Settings.load()

def run(stage, recipe, **done):
    memory = [0]
    try:
        reference = execute(stage, load(Path(recipe)), done, settings, "one",
                            lambda record: memory.append(record.get("memory", 0)))
    except (ValueError, StageError) as error:
        reference = f"{type(error).__name__}: {error}"
    told.append([reference, max(memory)])
    return reference

def server():
    return stage_process._server.process.pid

with stage_process.serving(settings):
STEPS
print(json.dumps(told))
"""
NOTES = """
    import os, sys
    seen = [os.getppid(), os.environ.get("LEAK"), os.getcwd(), "colorsys" in sys.modules, os.getpgrp() == os.getpid()]
    (context.settings.home / "seen").write_text(repr(seen))
"""

LEAVES = """
    orphan = context.settings.home / "orphan"
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            orphan.write_text(str(os.getpid()))
            time.sleep(600)
        os._exit(0)
    os.wait()
    while not orphan.exists() or not orphan.read_text():
        time.sleep(0.02)
"""


@pytest.fixture
def served(project):
    """What is told by steps, each a line of Python, that run within serving()."""

    def run(*steps, **extra):
        project.recipe()
        code = CODE.replace("STEPS", "\n".join(f"    {line}" for line in steps))
        return json.loads(project.python(code, **extra))

    return run


def into(project, stage, text):
    """Put text at the beginning of a stage's run()."""
    file = project.root / "pipelines" / "stages" / f"{stage}.py"
    head, run, body = file.read_text().partition(
        "def run(request: Request, folder: Path, context: Context) -> Output:\n"
    )
    file.write_text(f"{head}{run}{text.strip(chr(10))}\n{body}")


def seen(project):
    return eval((project.home / "seen").read_text())


def test_stages_are_forks_of_one_server_and_lead_a_session_of_their_own(project, served):
    into(project, "second", NOTES)
    served(
        'first = run("first", "recipes/small.yaml")',
        'run("second", "recipes/small.yaml", first=first)',
        "told.append(server())",
    )
    parent, _, _, _, leads = seen(project)
    assert (
        served("run('first', 'recipes/small.yaml')", "told.append(stage_process._server.process)")[1] is None
    )
    assert (project.calls, leads) == (["first", "second"], True)
    assert parent > 1


def test_what_a_stage_does_to_its_process_does_not_reach_the_next(project, served):
    into(project, "first", '    import colorsys\n    os.environ["LEAK"] = "1"\n    os.chdir("/")')
    into(project, "second", NOTES)
    told = served(
        'first = run("first", "recipes/small.yaml")',
        'run("second", "recipes/small.yaml", first=first)',
        "told.append(server())",
    )
    assert told[1][0].startswith("second/")
    assert seen(project) == [told[2], None, str(project.root), False, True]


def test_a_stage_that_is_killed_leaves_the_server_usable(project, served):
    told = served(
        'how = settings.home / "how"; how.parent.mkdir(exist_ok=True); how.write_text("killed")',
        'run("first", "recipes/small.yaml")',
        "told.append(server())",
        'how.write_text("well")',
        'run("first", "recipes/small.yaml")',
        "told.append(server())",
    )
    assert told[0][0].startswith("StageError: first: was killed (out of memory?); run again")
    assert told[2][0].startswith("first/")
    assert told[1] == told[3]


def test_a_server_that_is_killed_takes_its_stage_along_and_another_follows(project, served, eventually):
    project.behave("waits")
    told = served(
        "def kill():",
        '    waiting = settings.home / "waiting"',
        "    while not waiting.exists() or not waiting.read_text(): time.sleep(0.05)",
        "    told.append(server()); os.kill(server(), signal.SIGKILL)",
        "threading.Thread(target=kill).start()",
        'run("first", "recipes/small.yaml")',
        '(settings.home / "how").write_text("well")',
        'run("first", "recipes/small.yaml")',
        "told.append(server())",
    )
    assert told[1][0].startswith("StageError: first: was killed")
    assert told[2][0].startswith("first/")
    assert told[0] != told[3]
    eventually(lambda: project.processes() == [])


def test_nothing_that_a_stage_left_outlives_it(project, served):
    """A process in a session of its own whose parent has ended, too, forked without a new program."""
    into(project, "first", LEAVES)
    told = served(
        'run("first", "recipes/small.yaml")',
        "import psutil",
        'told.append(psutil.pid_exists(int((settings.home / "orphan").read_text())))',
    )
    assert told[0][0].startswith("first/")
    assert told[1] is False
    assert project.processes() == []


def test_memory_is_measured_stage_by_stage(project, served):
    into(
        project,
        "first",
        "    filled = bytearray(200_000_000)\n    filled[::4096] = b'x' * len(filled[::4096])\n    time.sleep(1.5)",
    )
    into(project, "second", "    import time\n    time.sleep(1.5)")
    told = served(
        'first = run("first", "recipes/small.yaml")', 'run("second", "recipes/small.yaml", first=first)'
    )
    assert told[0][1] > 220e6
    assert 20e6 < told[1][1] < 180e6


def test_an_import_that_begins_a_thread_costs_the_fork_and_not_the_stage(project, served):
    file = project.root / "pipelines" / "stages" / "first.py"
    thread = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    file.write_text(file.read_text().replace("VERSION = 1", f"{thread}VERSION = 1"))
    into(project, "first", NOTES)
    told = served('run("first", "recipes/small.yaml")', "told.append(os.getpid())")
    assert told[0][0].startswith("first/")
    assert seen(project)[0] == told[1]


def test_an_error_of_an_import_is_the_stages(project, served):
    file = project.root / "pipelines" / "stages" / "first.py"
    file.write_text(file.read_text().replace("VERSION = 1", "VERSION = 1\nimport nosuch"))
    told = served('run("first", "recipes/small.yaml")')
    assert told[0][0].startswith(
        "StageError: first: ModuleNotFoundError: No module named 'nosuch'; the traceback is in"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_ends_its_server_between_stages_too(project, eventually, number):
    recipe = str(project.recipe())
    into(
        project,
        "second",
        "    import time\n    (context.settings.home / 'waiting').write_text('1')\n    time.sleep(600)",
    )
    run = project.start("run", recipe)
    eventually(lambda: (project.home / "waiting").exists())
    assert sum("pipelines.engine.fork_server" in line for line in project.processes()) == 2
    run.send_signal(number)
    run.communicate(timeout=60)
    assert run.returncode == 130
    assert project.processes() == []
