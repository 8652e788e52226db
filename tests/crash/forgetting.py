"""`selfsup forget` killed at one of its points: the same command again leaves nothing of the sample."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from components.crash import VARIABLE
from tests.crash.place import ROOT

NAME = "photo-of-a-customer.png"
COMMAND = ("forget", "small", f"first/{NAME}", "--yes")
RECIPE = """\
name: small
modality: {name: image, size: 16, channels: 1}
inbox: ../inbox
ingest: {settle_seconds: 0}
"""


def picture(seed: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 16), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def id_of_the_sample() -> str:
    return hashlib.sha256(picture(0)).hexdigest()


def selfsup(root: Path, *arguments: str, crash: str = "") -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SELFSUP_")}
    environ = kept | {
        "PYTHONPATH": str(ROOT), "SELFSUP_HOME": str(root / "home"), "SELFSUP_DATA": str(root / "data"),
        "SELFSUP_RECIPES": str(root / "recipes"), VARIABLE: crash,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli.main", *arguments],
        cwd=root, env=environ, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def prepare(root: Path) -> Path:
    """A home with two data versions that hold the sample, whose file is no longer in the inbox."""
    inbox = root / "inbox" / "first"
    for folder in (inbox, root / "recipes"):
        folder.mkdir(parents=True)
    (root / "recipes" / "small.yaml").write_text(RECIPE)
    for seed in range(1, 12):
        (inbox / f"{seed:03}.png").write_bytes(picture(seed))
        if seed in (10, 11):
            (inbox / NAME).write_bytes(picture(0))
            done = selfsup(root, "run", "small", "--flow", "ingest")
            assert done.returncode == 0, done.stderr
    (inbox / NAME).unlink()
    return root


def left(root: Path) -> list[str]:
    """Files that tell of the sample: by its bytes or its name, whole or packed away."""
    from tests.pipelines.maintenance.forget.test_forget import left as holding

    return holding(root, {"bytes": picture(0), "name": NAME.encode()})


def case(prepared: Path, crash: str) -> tuple[Path, float, float, list[str]]:
    """Kill the command at a point, in a copy, and give it again.

    Returns:
        the copy; seconds of the command that was killed and of the next; what is not as if it had not been killed.
    """
    root = prepared.parent / crash
    shutil.copytree(prepared, root, symlinks=True)
    start = time.perf_counter()
    killed = selfsup(root, *COMMAND, crash=crash)
    between = time.perf_counter()
    again = selfsup(root, *COMMAND)
    end = time.perf_counter()
    wrong = [] if killed.returncode == -signal.SIGKILL else [f"not killed: {killed.stderr}"]
    wrong += [] if again.returncode == 0 else [f"did not resume: {again.stderr}"]
    wrong += [f"tells of the sample: {file}" for file in left(root)]
    wrong += ["still begun"] if (root / "home" / "forgetting.json").exists() else []
    recorded = root / "home" / "forgotten.jsonl"
    lines = [*map(json.loads, recorded.read_text().splitlines())] if recorded.exists() else []
    told = [(line["recipe"], line["samples"], len(line["versions"])) for line in lines]
    wrong += [] if told == [("small", 1, 2)] else [f"recorded as {told}"]
    return root, between - start, end - between, wrong
