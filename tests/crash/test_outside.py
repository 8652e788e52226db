"""What a run needs fails under it: MLflow's server, a Ray worker, the disk."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash.place import DRIVE, Home, ended
from tests.crash.reference import Reference
from tests.crash.traces import MLFLOW, ask, differences, files, halves, output, processes, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n" + DRIVE


# -- MLflow's server


class Server:
    """MLflow on a free port, which can go and come back."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.address = folder, f"http://127.0.0.1:{self.port}"
        self.database = folder / "mlflow.db"
        folder.mkdir()

    @contextmanager
    def up(self) -> Iterator[None]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SELFSUP_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers",
             "1", "--backend-store-uri", f"sqlite:///{self.database}", "--artifacts-destination",
             str(self.folder / "artifacts")],
            env=environ, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            wait(self.answers, "MLflow's server did not come up")
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def rows(self, name: str) -> list[tuple[object, ...]]:
        return ask(self.database, MLFLOW[name]) if self.database.exists() else []


def wait(holds: Callable[[], bool], otherwise: str, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, otherwise
        time.sleep(0.1)


@pytest.fixture
def trained(reference: Reference) -> tuple[Home, dict[str, str]]:
    """A home in which the model is to be registered; its database is not used."""
    return reference.before("register", "served")


def test_mlflow_gone_before_register_and_back_makes_one_version(
    trained: tuple[Home, dict[str, str]], tmp_path: Path
) -> None:
    home, done = trained
    server = Server(tmp_path / "server")
    served = {"SELFSUP_MLFLOW": server.address}
    gone = home.run("register", done, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1", **served)
    assert gone.code == 1
    last = gone.said.strip().splitlines()[-1]
    assert f"MLflow at {server.address}" in last
    assert "run again when its server is back" in last
    assert not list(home.store.glob("register/[!.]*"))

    with server.up():
        registering = home.begin("register", done, **served)
        wait(lambda: bool(server.rows("runs")), "register made no run")
    time.sleep(5)  # it is at work, and MLflow is not there
    with server.up():
        back = ended(registering)
        if back.code != 0:  # it did not wait so long
            assert f"MlflowException: API request to {server.address}" in back.said.strip().splitlines()[-1]
            back = home.run("register", done, **served)
        assert back.code == 0, back.said
        assert home.run("register", done, **served).done == back.done
        assert [row[1:] for row in server.rows("versions")] == [(1, "READY")]
        assert len(server.rows("models")) == 1
        assert [(name, status) for name, status, _ in server.rows("runs")] == [("register", "FINISHED")]
    assert halves(home) == processes(home) == []


# -- a Ray worker


def test_a_ray_worker_killed_in_the_middle_of_an_epoch_changes_no_byte(reference: Reference) -> None:
    home, done = reference.before("pretrain", "worker-killed")
    training = home.begin("pretrain", done, SELFSUP_WORKERS="2")  # as many as the reference had processes
    wait(lambda: bool(list(home.store.glob("pretrain/.*.part/checkpoints/step-*.pt"))), "no checkpoint")
    workers = [process for process in running(home) if "TrainWorker" in " ".join(process.cmdline())]
    assert len(workers) == 2
    workers[1].kill()
    again = ended(training)
    assert again.code == 0, again.said
    assert "resuming at epoch" in again.said
    whole, pretrain = reference.after("pretrain"), reference.done["pretrain"]
    assert again.done["pretrain"] == pretrain
    assert differences(output(home, pretrain), output(whole, pretrain)) == []
    assert halves(home) == processes(home) == []


# -- the disk


def test_no_room_in_the_data_folder_is_said_and_ingest_goes_on_where_it_was(
    reference: Reference, tmp_path: Path
) -> None:
    whole = reference.after("ingest")
    home = Home(tmp_path / "full", reference.recipe)
    full = ended(home.begin("ingest", {}, LIMITED, PYTHONDONTWRITEBYTECODE="1"))
    assert full.code == 1
    said = full.said.strip().splitlines()[-1]
    assert "the disk is full: free some space for" in said
    assert "run again; it resumes" in said
    assert not (home.data / "stripes" / "index.json").exists()
    again = home.run("ingest", {})
    assert again.code == 0, again.said
    assert files(home) == files(whole)
    assert halves(home) == []
