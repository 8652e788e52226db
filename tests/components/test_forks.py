"""Forked processes: results in order, work shared out, errors as they were raised, the dead replaced, none left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from components.errors import Collapse, UserError
from components.forks import RESTARTS, WorkerDiedError, at_once, run_all, side_by_side

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _none_left() -> object:
    before = set(psutil.Process().children(recursive=True))
    yield
    left = [p for p in psutil.Process().children(recursive=True) if p not in before]
    assert [p for p in left if p.status() != psutil.STATUS_ZOMBIE] == []


def test_results_in_the_order_of_the_jobs_whoever_is_done_first() -> None:
    def job(i: int) -> Callable[[], tuple[int, int]]:
        def run() -> tuple[int, int]:
            time.sleep(0.2 if i == 0 else 0.0)
            return i, os.getpid()

        return run

    done = run_all([job(i) for i in range(5)], processes=2)
    assert [i for i, _ in done] == [0, 1, 2, 3, 4]
    pids = {pid for _, pid in done}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert done[0][1] not in {pid for i, pid in done if i in (1, 2, 3)}  # they did not wait for the slow one


@pytest.mark.parametrize(("jobs", "processes"), [(3, 1), (1, 8)])
def test_alone_it_is_done_in_this_process(jobs: int, processes: int) -> None:
    assert set(run_all([os.getpid] * jobs, processes)) == {os.getpid()}


def test_each_process_is_made_ready_once() -> None:
    def make() -> Callable[[int], tuple[int, int]]:
        made = time.monotonic_ns()
        return lambda task: (task * task, made)

    done = dict(side_by_side(range(8), make, processes=2))
    assert [done[i][0] for i in range(8)] == [i * i for i in range(8)]
    assert len({made for _, made in done.values()}) == 2


def test_within_a_fork_all_is_done_there() -> None:
    def outer() -> tuple[int, set[int]]:
        return os.getpid(), set(run_all([os.getpid] * 3, processes=2))

    for pid, inner in run_all([outer, outer], processes=2):
        assert inner == {pid}


@pytest.mark.parametrize(
    "error",
    [
        UserError("spoon-missing", "a fork came"),
        Collapse("representation-collapsed", "dead"),
        OSError(28, "No space left"),
    ],
)
def test_an_error_comes_back_as_it_was_raised(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        run_all([fail, fail], processes=2)
    assert caught.value.args == error.args


class TwoArgumentsError(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


def test_an_error_that_cannot_travel_comes_back_by_name() -> None:
    def fail() -> None:
        raise TwoArgumentsError(1, 2)

    with pytest.raises(RuntimeError, match="TwoArgumentsError: 1 and 2"):
        run_all([fail, fail], processes=2)


def test_the_killed_are_replaced_and_their_task_is_done(tmp_path: Path) -> None:
    def job(i: int) -> Callable[[], int]:
        def run() -> int:
            if i == 1 and not (tmp_path / "killed").exists():
                (tmp_path / "killed").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return i

        return run

    said: list[str] = []
    assert run_all([job(i) for i in range(4)], 2, said.append) == [0, 1, 2, 3]
    assert said == ["a process was killed by signal 9: its task is given to another one"]


def test_a_task_that_kills_is_not_given_out_for_ever() -> None:
    said: list[str] = []
    with pytest.raises(WorkerDiedError, match="was killed by signal 9, for the 4th time"):
        run_all([lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: time.sleep(0.01)], 2, said.append)
    assert len(said) == RESTARTS


def test_at_once_gives_what_the_first_returns(tmp_path: Path) -> None:
    def work(rank: int) -> int:
        (tmp_path / str(rank)).touch()
        until = time.monotonic() + 30
        while len(list(tmp_path.iterdir())) < 3:  # all three run at the same time, or this never ends
            assert time.monotonic() < until
            time.sleep(0.01)
        return 10 + rank

    assert at_once(work, 3) == 10


def test_a_users_mistake_is_raised_before_what_follows_from_it() -> None:
    def work(rank: int) -> None:
        if rank == 0:
            raise RuntimeError("connection closed by peer")
        time.sleep(0.3)
        raise UserError("batch-too-small", "the batch is too small")

    with pytest.raises(UserError, match="the batch is too small"):
        at_once(work, 2)


def test_a_death_is_told_from_the_errors_that_follow_from_it() -> None:
    def work(rank: int) -> None:
        if rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        raise RuntimeError("connection closed by peer")

    with pytest.raises(WorkerDiedError, match="was killed by signal 9"):
        at_once(work, 2)


def test_forks_end_with_the_process_that_made_them() -> None:
    code = """
import os, time
from components.forks import at_once
at_once(lambda rank: (os.write(1, b"%d\\n" % rank), time.sleep(600)), 2)
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert {process.stdout.readline(), process.stdout.readline()} == {"0\n", "1\n"}
    children = psutil.Process(process.pid).children()
    assert len(children) == 2
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_a_crash_point_in_a_fork_is_a_power_cut(tmp_path: Path) -> None:
    """Everything ends, or the fork would be replaced and the run would go on."""
    code = """
from components.crash import point
from components.forks import run_all
run_all([lambda: point("train.step")] * 2, 2, print)
"""
    environ = {**os.environ, "SELFSUP_CRASH": "train.step"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-9, "")
