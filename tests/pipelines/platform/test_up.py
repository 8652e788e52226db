"""`selfsup up` and `down`, for real: both pages answer, on loopback alone, and nothing is left."""

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from components.errors import UserError
from pipelines.flows import services
from pipelines.settings import Settings


def test_down_where_nothing_is_up_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    services.down(Settings(home=tmp_path), said.append)
    assert said == ["nothing was up"]


def test_a_port_that_is_taken_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(services, "PORT", port)
        monkeypatch.setattr(services, "_answers", lambda page, healthy=False: str(port) in page)
        with pytest.raises(UserError, match=f"port {port} is taken by another program"):
            services.up(Settings(home=tmp_path), print)


def test_another_process_with_the_number_of_an_old_session_is_not_ours(tmp_path: Path) -> None:
    mine = os.getsid(0)
    later = psutil.Process().create_time() + 1000
    (tmp_path / "platform.json").write_text(f'{{"sessions": [{mine}], "since": {later}}}')
    assert services._running(Settings(home=tmp_path)) == []


@pytest.mark.slow
def test_up_answers_on_loopback_alone_and_down_leaves_nothing(tmp_path: Path) -> None:
    for port in (services.PORT, services.MLFLOW_PORT):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"port {port} is taken on this machine")
    environ = {**os.environ, "SELFSUP_HOME": str(tmp_path / "home"), "SELFSUP_DATA": str(tmp_path / "data")}
    settings = Settings(home=tmp_path / "home", data=tmp_path / "data")

    def selfsup(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipelines.cli.main", *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300)

    try:
        up = selfsup("up")
        assert up.returncode == 0, up.stderr
        again = selfsup("up")
        assert again.returncode == 2
        assert "up already" in again.stderr
        with urllib.request.urlopen(f"http://127.0.0.1:{services.PORT}/api/v2/monitor/health") as answer:
            assert b'"healthy"' in answer.read()
        running = services._running(settings)
        listening = {
            c.laddr.ip for p in running for c in p.net_connections() if c.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
    finally:
        down = selfsup("down")
    assert "processes ended" in down.stdout
    assert not [p for p in running if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
