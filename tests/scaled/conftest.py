"""Real services of the scaled-out profile, each on a free port of loopback, ended with the tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.scaled.services import SECRET, answers, free_port, until


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Ray cluster of a head without room for work and one node, behind a token: the variables to reach it."""
    ray_environ = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": SECRET, "RAY_USAGE_STATS_ENABLED": "0"}
    # Beside other work its parts take long to find each other.
    ray_environ |= {"RAY_DASHBOARD_STARTUP_TIMEOUT_S": "300", "RAY_raylet_start_wait_time_s": "300"}
    log = tmp_path_factory.mktemp("ray") / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("ray_nodes.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True,
            env={**os.environ, **ray_environ}, start_new_session=True,
        )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address, log.read_text()
        yield {**ray_environ, "SELFSUP_JOBS": address}
    finally:
        process.stdout.close()
        process.stdin.close()  # it ends its nodes
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:  # they end with it, if not as gently
            process.kill()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Makes a database and gives its address, without the driver: user:password@127.0.0.1:PORT/NAME."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not places:
        pytest.skip("PostgreSQL is not installed; as root: apt-get install postgresql")
    programs, port = places[-1], free_port()
    folder, prefix = tmp_path_factory.mktemp("postgres"), list[str]()
    if os.getuid() == 0:  # it refuses to run as root
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        folder = Path(f"/tmp/selfsup-postgres-{port}")
        folder.mkdir(mode=0o700)
        shutil.chown(folder, "postgres", "postgres")

    def run(*command: str) -> None:
        done = subprocess.run([*prefix, *command], cwd="/", capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    data, password = folder / "data", folder / "password"
    password.write_text(SECRET)
    password.chmod(0o644)
    run(
        str(programs / "initdb"),
        "-D",
        str(data),
        "-U",
        "tests",
        "-A",
        "scram-sha-256",
        f"--pwfile={password}",
    )
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
    run(str(programs / "pg_ctl"), "-D", str(data), "-l", str(folder / "log"), "-w", "-o", options, "start")
    login = f"tests:{SECRET}@127.0.0.1:{port}"

    def database(name: str) -> str:
        run(str(programs / "createdb"), "--maintenance-db", f"postgresql://{login}/postgres", name)
        return f"{login}/{name}"

    try:
        yield database
    finally:
        run(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        if prefix:
            shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis server that asks for a password."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed; as root: apt-get install redis-server")
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    options = {"bind": "127.0.0.1", "port": str(port), "requirepass": SECRET, "save": "", "dir": str(folder)}
    command = [program, *(word for name, value in options.items() for word in (f"--{name}", value))]
    with (folder / "log.txt").open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until(lambda: answers(port), "Redis answers", 30)
        yield f"redis://:{SECRET}@127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()
