"""`selfsup forget` killed at each of its points: the same command again leaves nothing of the sample."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.crash import POINTS, VARIABLE
from tests.crash.matrix import OWN

ROOT = Path(__file__).resolve().parents[2]
NAME = "photo-of-a-customer.png"
RECIPE = """\
name: small
modality: {name: image, size: 16, channels: 1}
inbox: ../inbox
ingest: {settle_seconds: 0}
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def picture(seed: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 16), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


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


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two data versions that hold the sample, whose file is no longer in the inbox."""
    root = tmp_path_factory.mktemp("forget") / "made"
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


@pytest.mark.parametrize("crash", [point for point in POINTS if point.startswith(OWN)])
def test_the_same_command_again_ends_what_was_killed(ingested: Path, crash: str) -> None:
    root = ingested.parent / crash
    shutil.copytree(ingested, root, symlinks=True)
    command = ("forget", "small", f"first/{NAME}", "--yes")
    assert left(root)
    killed = selfsup(root, *command, crash=crash)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = selfsup(root, *command)
    assert again.returncode == 0, again.stderr
    assert left(root) == []
    assert not (root / "home" / "forgetting.json").exists()
    (line,) = map(json.loads, (root / "home" / "forgotten.jsonl").read_text().splitlines())
    assert (line["recipe"], line["samples"], len(line["versions"])) == ("small", 1, 2)
    done = selfsup(root, "run", "small", "--flow", "ingest")
    assert done.returncode == 0, done.stderr
    assert "11 samples" in done.stdout
    assert "nothing holds them" in selfsup(root, "forget", "small", line_id()).stdout
    shutil.rmtree(root)


def line_id() -> str:
    import hashlib

    return hashlib.sha256(picture(0)).hexdigest()
