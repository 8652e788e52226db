"""What a launcher does before it becomes the service: nothing that an earlier process of it started is left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipelines.flows import airflow_home
from pipelines.operations import services, supervisor
from pipelines.settings import Settings

SERVICE = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
print(child.pid, flush=True)
time.sleep(600)
"""
LAUNCH = f"""
import os
os.setpgid(0, 0)  # as the supervisor does
from pipelines.operations import services
from pipelines.settings import Settings
services.SERVICES["fake"] = services.Service(("-c", {SERVICE!r}))
services.launch("fake", Settings.load())
"""


def start(settings: Settings) -> tuple[subprocess.Popen[str], int]:
    """The launched service, and the process that it started in a group of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCH],
        env={**os.environ, **settings.environ()},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as said:
        return process, int(said.readline())


def test_orphans_of_a_killed_service_end_when_it_is_started_again(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    settings = Settings(home=tmp_path / "home")
    first, orphan = start(settings)
    assert os.getsid(orphan) == first.pid
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert psutil.Process(orphan).is_running()
    second, other = start(settings)
    try:
        eventually(lambda: not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == "zombie")
        assert {p.pid for p in services.members(settings, "fake")} == {second.pid, other}
    finally:
        assert services.end_members(settings, "fake") == 2
        second.wait()
    assert services.members(settings, "fake") == []


def test_another_process_with_the_number_of_an_old_session_is_not_ours(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    began = psutil.Process().create_time()  # its leader may lie outside of the container
    record = services.folder(settings) / "fake.session"
    record.write_text(json.dumps({"session": os.getsid(0), "since": time.time() + 1000}))
    assert services.members(settings, "fake") == []
    record.write_text(json.dumps({"session": os.getsid(0), "since": began - 5}))
    assert os.getpid() not in [
        p.pid for p in services.members(settings, "fake")
    ]  # a launcher does not end itself


def test_secrets_are_private_before_their_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    real = os.fdopen

    def looked_at(handle: int, mode: str) -> object:
        found = os.fstat(handle)
        modes.append(found.st_mode & 0o777)
        assert found.st_size == 0
        return real(handle, mode)

    monkeypatch.setattr(airflow_home.os, "fdopen", looked_at)
    before = os.umask(0o022)
    try:
        airflow_home.airflow_environ(Settings(home=tmp_path / "home"))
    finally:
        os.umask(before)
    place = tmp_path / "home" / "airflow"
    assert modes == [0o600, 0o600]
    assert place.stat().st_mode & 0o777 == 0o700
    assert {f.name: f.stat().st_mode & 0o777 for f in place.iterdir()} == {
        "secrets": 0o600,
        "passwords.json": 0o600,
    }
    assert list(json.loads((place / "passwords.json").read_text())) == ["admin"]


def test_an_older_home_is_made_private(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    log = settings.home / "airflow" / "logs" / "one.log"
    log.parent.mkdir(parents=True)
    log.write_text("a secret")
    for path in (settings.home, log.parent, log):
        path.chmod(0o755)
    airflow_home.make_private(settings)
    assert [path.stat().st_mode & 0o777 for path in (settings.home, log.parent, log)] == [0o700, 0o700, 0o600]


def test_the_supervisor_is_told_of_every_service(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "a%b")
    text = supervisor.config(settings)
    for name in services.SERVICES:
        assert f"[program:{name}]" in text
    assert f"logfile = {tmp_path}/a%%b/logs/supervisor.log" in text
    assert text.count("autorestart = true") == len(services.SERVICES) + 1


def test_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 90)
    short = supervisor.socket_of(Settings(home=deep))
    assert len(os.fsencode(short)) <= 107
    assert not short.is_relative_to(deep)
    assert short.parent.stat().st_mode & 0o777 == 0o700
