"""Who is told of what when a service ends, keeps failing or does not answer."""

import io
from pathlib import Path

import pytest

from pipelines.operations import supervisor, watchdog
from pipelines.operations.supervisor import State
from pipelines.settings import Settings


def event(name: str, body: str) -> str:
    return (
        f"ver:3.0 server:selfsup serial:1 pool:watchdog poolserial:1 eventname:{name} len:{len(body)}\n{body}"
    )


ENDED = event(
    "PROCESS_STATE_EXITED", "processname:mlflow groupname:mlflow from_state:RUNNING expected:0 pid:7"
)
TRIED = "processname:scheduler groupname:scheduler from_state:STARTING tries:{}"
STOPPING = event("SUPERVISOR_STATE_CHANGE_STOPPING", "")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(watchdog, "notify", lambda s, kind, text, recipe, run: found.append((kind, text)))
    return found


def test_restarts_and_repeated_failures_are_told(tmp_path: Path, told: list[tuple[str, str]]) -> None:
    tries = "".join(event("PROCESS_STATE_BACKOFF", TRIED.format(n)) for n in range(1, 11))
    answers = io.StringIO()
    killed = watchdog.watch(Settings(home=tmp_path), io.StringIO(ENDED + tries + STOPPING), answers)
    assert not killed
    log = f"its log is {tmp_path}/logs"
    assert told == [
        ("restarted", f"mlflow ended by itself and is being restarted; {log}/mlflow.log"),
        ("failing", f"scheduler keeps failing: 3 attempts in a row; {log}/scheduler.log"),
        ("failing", f"scheduler keeps failing: 10 attempts in a row; {log}/scheduler.log"),
    ]
    assert answers.getvalue() == "READY\nRESULT 2\nOK" * 11 + "READY\n"


@pytest.mark.parametrize("rest", ["", "ver:3.0 serv"])
def test_a_supervisor_that_ends_without_a_word_was_killed(tmp_path: Path, rest: str) -> None:
    assert watchdog.watch(Settings(home=tmp_path), io.StringIO(rest), io.StringIO())


def test_a_page_that_is_silent_for_five_minutes_is_restarted(
    tmp_path: Path, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, restarted = Settings(home=tmp_path), list[str]()
    state = {"mlflow": State("RUNNING", 0.0, 7, ""), "api-server": State("STARTING", 0.0, 8, "")}
    silent = [True, True, False, *[True] * 7]
    monkeypatch.setattr(supervisor, "states", lambda settings: state)
    monkeypatch.setattr(supervisor, "restart_service", lambda settings, name: restarted.append(name))
    monkeypatch.setattr(watchdog, "answers", lambda page, timeout: not silent.pop(0))
    monkeypatch.setattr(watchdog, "end_runs_without_recipe", lambda settings: [])
    known = watchdog.Pages()
    for _ in range(10):
        watchdog.minute(settings, known)
    assert silent == []  # one that is being started is not asked
    assert restarted == ["mlflow"]
    assert told == [("restarted", "mlflow has not answered for 5 minutes and is being restarted")]
