"""`selfsup up` and `down`, for real: both pages answer on loopback alone, nobody else may read the home, what does not
run is started by a second `up`, and nothing is left."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from components.errors import UserError
from pipelines.operations import services, supervisor, up
from pipelines.settings import Settings
from tests.scaled.services import free_port


def test_down_where_nothing_is_up_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    up.down(Settings(home=tmp_path), said.append)
    assert said == ["nothing was up"]


def test_a_port_that_is_taken_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(up, "answers", lambda page, healthy=False: str(port) in page)
        with pytest.raises(UserError, match=f"port {port} is taken by another program.*SELFSUP_AIRFLOW_PORT"):
            up.up(Settings(home=tmp_path, airflow_port=port), print)


def readable_by_others(home: Path) -> list[str]:
    """Paths below the home, and the home, that anybody but their owner may read, write or enter."""
    paths = [path for path in (home, *home.rglob("*")) if not path.is_symlink()]
    return [str(path) for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.mark.slow
def test_up_answers_on_loopback_alone_and_mends_and_down_leaves_nothing(tmp_path: Path) -> None:
    ports = {name: free_port() for name in ("airflow_port", "mlflow_port", "metrics_port")}
    settings = Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path / "recipes", **ports)
    environ = {**os.environ, **settings.environ()}

    def selfsup(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipelines.cli.main", *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=400)

    def running() -> list[psutil.Process]:
        return [process for name in services.SERVICES for process in services.members(settings, name)]

    try:
        first = selfsup("up")
        assert first.returncode == 0, first.stderr
        with urllib.request.urlopen(services.pages(settings)["api-server"]) as answer:
            assert b'"healthy"' in answer.read()
        found = running()
        listening = {c.laddr.ip for p in found for c in p.net_connections() if c.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}
        assert readable_by_others(settings.home) == []
        assert "Password for user" not in (settings.home / "logs" / "api-server.log").read_text()
        refuses_other_pages(settings)

        with supervisor.proxy(settings) as server:
            server.stopProcess("metrics")
        again = selfsup("up")
        assert again.returncode == 0, again.stderr
        assert "metrics did not run and is started" in again.stdout
        assert supervisor.states(settings)["metrics"].name == "RUNNING"

        # the supervisor and who would replace it, both at once: the next `up` begins anew
        dead = {n: s.pid for n, s in supervisor.states(settings).items()}
        keeper = supervisor.process(settings)
        assert keeper is not None
        os.kill(dead[supervisor.WATCHDOG], signal.SIGSTOP)
        keeper.kill()
        keeper.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.kill(dead[supervisor.WATCHDOG], signal.SIGKILL)
        third = selfsup("up")
        assert third.returncode == 0, third.stderr
        assert all(state.pid != dead[name] for name, state in supervisor.states(settings).items())
    finally:
        down = selfsup("down")
    assert down.stdout == "down: 6 services ended\n"
    assert running() == []
    assert supervisor.process(settings) is None


def refuses_other_pages(settings: Settings) -> None:
    """A page of another program on this machine may neither change the registry nor read Airflow's answers."""
    place = f"http://127.0.0.1:{settings.mlflow_port}/ajax-api/2.0/mlflow/registered-models/create"
    foreign = {"Origin": "http://localhost:9999", "Content-Type": "application/json"}
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(place, b'{"name": "theirs"}', foreign))
    own = {**foreign, "Origin": f"http://127.0.0.1:{settings.mlflow_port}"}
    with urllib.request.urlopen(urllib.request.Request(place, b'{"name": "ours"}', own)) as answer:
        assert answer.status == 200
    request = urllib.request.Request(services.pages(settings)["api-server"], headers=foreign)
    with urllib.request.urlopen(request) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
