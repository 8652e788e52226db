"""Does the saved model load and predict in a clean process? Asked before it may be promoted.

The process is a fresh interpreter in isolated mode (no PYTHONPATH, no current folder, pickle refused), in an
empty folder, on the saved model alone. Its imports take seconds, so it is started early and waits for the
path: start, prepare the model meanwhile, then ask.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from components.errors import UserError

CHILD = """
import base64, json, sys, time
answer, sys.stdout = sys.stdout, sys.stderr
import mlflow.pyfunc, pandas, torch
torch.set_num_threads(1)
asked = json.loads(sys.stdin.readline())
model = mlflow.pyfunc.load_model(asked["model"])
def value(given):
    return base64.b64decode(given["base64"]) if isinstance(given, dict) and set(given) == {"base64"} else given
frame = pandas.DataFrame({name: [value(one) for one in column] for name, column in asked["columns"].items()})
rows = model.predict(frame).to_dict("list")
began = [time.perf_counter()]
for _ in range(5):
    model.predict(frame)
    began.append(time.perf_counter())
latency = min(after - before for before, after in zip(began, began[1:])) / len(frame)
code = next(m.__file__ for name, m in sys.modules.items() if name.startswith("selfsup_model_") and name.count(".") == 0)
print(json.dumps({"rows": rows, "latency": latency, "code": code}), file=answer, flush=True)
"""


@dataclass(frozen=True)
class Answered:
    """rows: the columns predicted. latency: seconds a sample, on one thread, the best of five times: what else the
    machine does can only add to it."""

    rows: dict[str, list[Any]]
    latency: float


class Smoke:
    """A clean process that waits to be asked once; use it as a context, so that none is left behind."""

    def __init__(self, timeout: float = 300.0) -> None:
        self.timeout = timeout  # seconds
        self._folder = tempfile.TemporaryDirectory(prefix="selfsup-smoke-")
        self._errors = Path(self._folder.name, "stderr").open("w+")  # noqa: SIM115  # __exit__ closes it
        cwd = Path(self._folder.name, "empty")
        cwd.mkdir()
        dropped = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "MLFLOW_RUN_ID")
        environment = {key: value for key, value in os.environ.items() if key not in dropped}
        environment |= {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", CHILD],
            cwd=cwd,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> "Smoke":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()
        self._folder.cleanup()

    def ask(self, model: Path, columns: Mapping[str, Sequence[Any]]) -> None:
        """Hand over the saved model and the columns of a request; does not wait."""
        line = {
            "model": str(model),
            "columns": {name: [_json(v) for v in of] for name, of in columns.items()},
        }
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:  # it is dead already; answer() says of what
            return

    def answer(self, model: Path) -> Answered:
        """What it predicted, and how fast.

        Raises:
            UserError: it failed, took too long, or ran other code than the model's own.
        """
        began = time.monotonic()
        try:
            out, _ = self._process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            raise UserError(
                "model-does-not-load",
                f"the model did not answer in a clean process within {time.monotonic() - began:.0f} s",
            ) from None
        if self._process.returncode != 0 or not out:
            self._errors.seek(0)
            lines = [line for line in self._errors.read().splitlines() if line.strip()]
            last = lines[-1] if lines else f"it ended with code {self._process.returncode} without a word"
            raise UserError(
                "model-does-not-load", f"the model does not load and predict in a clean process: {last}"
            )
        answer = json.loads(out.splitlines()[-1])
        if not Path(answer["code"]).resolve().is_relative_to(model.resolve()):
            raise UserError(
                "model-does-not-load", f"the clean process ran {answer['code']}, not the code in {model}"
            )
        return Answered(rows=answer["rows"], latency=answer["latency"])


def _json(value: Any) -> Any:
    return {"base64": b64encode(value).decode()} if isinstance(value, bytes) else value
