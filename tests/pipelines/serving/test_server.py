"""`selfsup serve` as a process: started, killed, started again, ended."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import ROOT
from tests.pipelines.serving.serving import expected, png, recipe_of
from tests.pipelines.stages import crowned

PNG = {"Content-Type": "image/png"}


class Server:
    def __init__(self, context: Any, *arguments: str) -> None:
        recipe = recipe_of(context)
        command = [
            sys.executable,
            "-m",
            "pipelines.cli.main",
            "serve",
            str(recipe.file),
            "--poll",
            "0.2",
            *arguments,
        ]
        keep = {name: value for name, value in os.environ.items() if not name.startswith("SELFSUP_")}
        environ = {**keep, **context.settings.environ(), "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.below: list[psutil.Process] = []

    def address(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127.0.0.1:\d+", line)
        assert found, self.process.communicate()
        self.below = psutil.Process(self.process.pid).children(recursive=True)
        return found[0]

    def gone(self) -> bool:
        _, alive = psutil.wait_procs(self.below, timeout=0)
        return not alive


@pytest.fixture
def start(context: Any) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def begin(*arguments: str) -> Server:
        servers.append(Server(context, *arguments))
        return servers[-1]

    yield begin
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def test_it_is_killed_and_started_again_and_nothing_stays_behind(
    context: Any, start: Callable[..., Server], eventually: Callable[[Callable[[], bool]], None]
) -> None:
    server = start("--port", "0")
    address = server.address()
    response = httpx.post(f"{address}/predict", content=png(1), headers=PNG)
    right = expected(0, [png(1)])["class"][0]
    assert response.json()["predictions"][0]["class"] == right
    assert len(server.below) == 3  # fork server, its tracker, one process of the model
    os.kill(server.process.pid, signal.SIGKILL)
    eventually(server.gone)
    port = address.rpartition(":")[2]
    again = start("--port", port, "--store", "10")
    assert again.address() == address
    told = httpx.post(f"{address}/predict", content=png(1), headers=PNG).json()
    assert (told["predictions"][0]["class"], told["version"]) == (right, "1")
    models = Path(context.settings.home) / "serving" / "toys" / "models"
    assert len(list(models.iterdir())) == 1  # the killed one's are gone
    crowned.crown(context, 1)
    eventually(lambda: httpx.post(f"{address}/predict", content=png(1), headers=PNG).json()["version"] == "2")
    began = time.monotonic()
    again.process.send_signal(signal.SIGTERM)
    _, errors = again.process.communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert (again.process.returncode, "Traceback" in errors) == (0, False)
    eventually(again.gone)
    assert not list(models.iterdir())
    [stored] = (Path(context.settings.home) / "inbox").iterdir()  # brought there at the end
    assert stored.name.startswith("served-")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "0.0.0.0"), "[invalid-option]: selfsup serve: a token is required where other machines"),
        (("--port", "seventy"), "[invalid-option]: selfsup serve: port: Input should be a valid integer"),
        (("--canary", "challenger"), "[invalid-option]: --canary must be ALIAS=SHARE"),
        (
            ("--host", "192.0.2.1", "--token", "0123456789abcdef"),
            "[cannot-listen]: cannot listen at 192.0.2.1",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    start: Callable[..., Server], arguments: tuple[str, ...], said: str
) -> None:
    process = start(*arguments).process
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    [line] = errors.strip().splitlines()
    assert line.startswith(f"selfsup: error {said}")


def test_the_server_imports_no_torch() -> None:
    code = "import sys, pipelines.serving.server, uvicorn; print('torch' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "False", done.stdout
