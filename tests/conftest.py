"""What many tests share. Nothing heavy is imported here: a test of the recipe needs no torch."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import pytest

from components.cores import ONE_THREAD

ROOT = Path(__file__).resolve().parent.parent

os.environ.update(ONE_THREAD)  # read by torch, numpy and faiss when they are first imported
os.environ.setdefault("MPLBACKEND", "Agg")
hypothesis.settings.register_profile("suite", deadline=None)  # the first example pays for imports
hypothesis.settings.load_profile("suite")
for _name in [name for name in os.environ if name.startswith("SELFSUP_")]:
    del os.environ[_name]  # a test never touches the home of the person who runs it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With --dist loadgroup a file's tests stay in one process, and so do all that share the crash matrix's run."""
    for item in items:
        folder = item.path.parent
        item.add_marker(pytest.mark.xdist_group("crash" if folder.name == "crash" else str(item.path)))


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    """Where a test has imported torch: two runs give the same bits, and tests side by side do not crowd."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):
        torch.set_num_threads(1)


STAGES = {
    "first": '''
"""Counts its calls, and can be told to fail, to wait, or to be killed."""
import errno, os, signal, subprocess, sys, time
from pathlib import Path
from components.config import Config
from components.errors import UserError
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context

VERSION = 1

class Request(Config):
    seed: int = 0
    size: int = 3
    how: str = "well"

class Output(Config):
    file: Artifact
    before: list[str]

def run(request: Request, folder: Path, context: Context) -> Output:
    before = sorted(p.name for p in folder.iterdir() if p.name not in ("log.txt", "metrics.jsonl"))
    calls = context.settings.home / "calls"
    with calls.open("a") as file:
        file.write("first\\n")
    print("loud library")
    context.say("at work")
    context.progress(0.5, "half")
    context.log(1, loss=2.0)
    (folder / "a.bin").write_bytes(bytes(request.size))
    told = context.settings.home / "how"
    how = told.read_text() if told.exists() else request.how
    if how == "user":
        raise UserError("spoon-missing", "a spoon is needed, a fork came; bring a spoon")
    if how == "bug":
        raise KeyError("nobody\\nexpects")
    if how == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    if how == "wrapped":
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise RuntimeError("could not save") from error
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "naps":
        time.sleep(1.6)
    if how == "slow":
        (context.settings.home / "waiting").write_text(str(os.getpid()))
        time.sleep(12)
    if how == "leads":
        context.lead(seconds=2.5, candidates={"pixels": 0.6, "head": 0.5}, model="head", folder="/early")
        context.say("behind the lead")
    if how in ("waits", "orphans"):
        if how == "orphans":
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        (context.settings.home / "waiting").write_text(str(os.getpid()))
        time.sleep(600 if how == "waits" else 0)
    return Output(file=Artifact.of(folder / "a.bin", folder), before=before)
''',
    "second": '''
"""Reads the first."""
from pathlib import Path
from components.config import Config
from pipelines.engine.context import Context

VERSION = 1

class Request(Config):
    first: str
    factor: int = 2

class Output(Config):
    skipped: str | None = None
    total: int

def run(request: Request, folder: Path, context: Context) -> Output:
    with (context.settings.home / "calls").open("a") as file:
        file.write("second\\n")
    output = context.output(request.first)
    size = len(context.file(request.first, output.file).read_bytes())
    return Output(total=size * request.factor)
''',
}
GRAPH = """
GRAPH = {"first": (), "second": ("first",)}
FLOWS = {"ingest": ("first",), "train": ("first", "second"), "score": ("first",), "monitor": ("first",)}
ORDER_ONLY: dict[str, tuple[str, ...]] = {}
HEAVY = ("second",)
POOL = "accelerator"

def references(stage, done):
    return {name: done[name] for name in GRAPH[stage] if name not in ORDER_ONLY.get(stage, ())}
"""
TRACKING = """
def mirror(settings, run):
    with (settings.home / "mirrored").open("a") as file:
        file.write(run + "\\n")
    if (settings.home / "no-mlflow").exists():
        raise OSError("no route to the server")
"""


@dataclass
class Project:
    """A checkout of its own, with the real pipelines/ and dags/ around two small stages."""

    root: Path
    bytecode: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.root / ".selfsup"

    @property
    def calls(self) -> list[str]:
        file = self.home / "calls"
        return file.read_text().split() if file.exists() else []

    def recipe(self, text: str = "", name: str = "small") -> Path:
        file = self.root / "recipes" / f"{name}.yaml"
        file.write_text(f"name: {name}\nmodality: {{name: image}}\ninbox: inbox\n{text}")
        return file

    def behave(self, how: str) -> None:
        """What the first stage does from now on; no part of its request."""
        self.home.mkdir(exist_ok=True)
        (self.home / "how").write_text(how)

    def environ(self, **extra: str) -> dict[str, str]:
        keep = ("PATH", "HOME", "LANG", "TMPDIR", "OMP_NUM_THREADS")
        base = {name: os.environ[name] for name in keep if name in os.environ}
        return {**base, "PYTHONPATH": str(self.root), "PYTHONPYCACHEPREFIX": str(self.bytecode), **extra}

    def start(self, *arguments: str, **extra: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli.main", *arguments],
            cwd=self.root,
            env=self.environ(**extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # What is started in the background of a shell ignores it, and so would all below it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.started.append(process)
        return process

    def selfsup(self, *arguments: str, **extra: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        process = self.start(*arguments, **extra)
        out, err = process.communicate(timeout=400)
        return process.returncode, out, err

    def python(self, code: str, **extra: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.root,
            env=self.environ(**extra),
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def processes(self) -> list[str]:
        """Command lines of what still runs below this project."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if str(self.root).encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return [line for line in found if line]


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes of a test session keep compiled libraries: the same ones, again and again."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def project(tmp_path: Path, bytecode: Path) -> Iterator[Project]:
    root = tmp_path / "checkout"
    ignore = shutil.ignore_patterns("__pycache__", "stages", "tracking*", "init.py")
    shutil.copytree(ROOT / "pipelines", root / "pipelines", ignore=ignore)
    if (ROOT / "dags").exists():
        shutil.copytree(ROOT / "dags", root / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "components", root / "components", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "pipelines" / "stages").mkdir()
    (root / "pipelines" / "stages" / "__init__.py").touch()
    (root / "pipelines" / "tracking.py").write_text(TRACKING)
    for name, text in STAGES.items():
        (root / "pipelines" / "stages" / f"{name}.py").write_text(text)
    (root / "pipelines" / "graph.py").write_text(GRAPH)
    recipe = (root / "pipelines" / "recipe.py").read_text()
    (root / "pipelines" / "recipe.py").write_text(recipe.replace('"seed": ("pretrain"', '"seed": ("first"'))
    (root / "recipes").mkdir()
    made = Project(root, bytecode)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The http address of an S3 server of one's own (moto), on loopback."""
    pytest.importorskip("moto.server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("objects") / "log.txt"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < until, log.read_text()
                assert server.poll() is None, log.read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def bucket(objects: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """s3://... of an empty bucket; this process, and those that it starts, may use it."""
    import boto3

    from pipelines.engine import object_store

    for name, value in storage_environ(objects).items():
        monkeypatch.setenv(name, value)
    object_store._client.cache_clear()
    name = f"b{time.time_ns()}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}/selfsup"


def storage_environ(address: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "a1b2c3d4e5f60718293a",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until something is so; fails when it is not within a minute."""

    def wait(holds: Callable[[], bool], seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < until, "did not happen"
            time.sleep(0.02)

    return wait
