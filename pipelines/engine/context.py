"""What a stage is handed beside its request, and the files that it hands back: Context and Artifact."""

import json
import os
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from components.errors import UserError
from pipelines.engine import object_store
from pipelines.engine.artifact import Artifact, digest
from pipelines.engine.store import read_output
from pipelines.settings import Settings, Store

# To the process that started this one (child.py opens it); without it prose goes to stdout.
_channel: BinaryIO | None = None


@dataclass(frozen=True)
class Context:
    """store: folder of finished runs. recipe: its name. folder: of this run. run: name of the whole run.
    observed: what the stage saw of the world outside when the run was named.

    The last three are absent only where a stage is called outside the store, as in its own tests.
    """

    store: Path
    settings: Settings
    recipe: str
    folder: Path | None = None
    run: str = ""
    observed: dict[str, str] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    def output(self, reference: str) -> Any:
        """The Output of a finished run, as its stage's own type; imports that stage."""
        return read_output(reference, self.store)

    def file(self, reference: str, artifact: Artifact) -> Path:
        """Absolute path of a finished run's file; fetched where only others have it yet.

        Raises:
            UserError: the file is missing, or its digest is not the manifest's.
        """
        folder = self.store / reference
        path = folder / artifact.path
        if not path.exists() and isinstance(self.store, Store) and self.store.remote:
            object_store.fetch(reference, artifact, self.store, self.store.remote)
        _verify(path, folder, artifact.sha256, artifact.bytes)
        return path

    def log(self, step: int, **figures: float) -> None:
        """Appends one line of step metrics to metrics.jsonl of this run; see read_metrics."""
        if self.folder is not None:
            append_metrics(self.folder, {"step": int(step), **{k: float(v) for k, v in figures.items()}})

    def say(self, text: str) -> None:
        """One line for a person who follows the run."""
        if _channel is None:
            print(text, flush=True)
        else:
            tell({"say": text})

    def lead(self, **lead: Any) -> None:
        """Which candidate leads while the stage runs, for `selfsup runs`: the fields of pipelines.engine.now.Lead."""
        tell({"lead": lead})

    def progress(self, done: float, text: str = "") -> None:
        """How far this stage is. done: share, 0 to 1. text: shown beside it, with the time left."""
        now = time.monotonic()
        if done >= 1 or now - self._last.get("progress", -1.0) >= 0.2:
            self._last["progress"] = now
            tell({"done": min(1.0, max(0.0, float(done))), "text": text})


def open_channel(stream: BinaryIO) -> None:
    """From now on what this process tells is written there, a JSON object a line."""
    global _channel
    _channel = stream


def tell(record: dict[str, Any]) -> None:
    """One record to the process that started this one, if there is a channel to it."""
    if _channel is not None:
        _channel.write(json.dumps(record).encode() + b"\n")
        _channel.flush()


def append_metrics(folder: Path, figures: dict[str, float]) -> None:
    """One line of metrics.jsonl, with the time."""
    append_line(folder / "metrics.jsonl", {**figures, "time": round(time.time(), 3)})


def append_line(file: Path, record: dict[str, Any]) -> None:
    """One write a line: two processes may append. A line torn by a kill stays a line of its own."""
    with file.open("a+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        torn = size > 0 and os.pread(stream.fileno(), 1, size - 1) != b"\n"
        stream.write((b"\n" if torn else b"") + json.dumps(record).encode() + b"\n")


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl, in order: step, time (unix seconds) and figures.

    Of a step logged twice (a stage that was killed resumes before the point where it died) each figure's last
    value counts. A line torn by a kill is left out.
    """
    file = folder / "metrics.jsonl"
    merged: dict[tuple[int, tuple[str, ...]], dict[str, float]] = {}
    for line in file.read_text(errors="replace").splitlines() if file.exists() else []:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict) and "step" in record:
            merged.pop(key := (int(record["step"]), tuple(sorted(record))), None)
            merged[key] = record
    return list(merged.values())


@cache
def _verify(path: Path, folder: Path, sha256: str, size: int) -> None:
    if not path.is_file():
        raise UserError(
            "run-files-damaged", f"{path} is missing from the store; remove {folder} and run again"
        )
    if path.stat().st_size != size or digest(path) != sha256:
        raise UserError(
            "run-files-damaged",
            f"{path} is not what its manifest says (digest differs); remove {folder} and run again",
        )
