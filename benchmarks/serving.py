"""`selfsup serve` beside a bare FastAPI handler of the same model on one machine: python -m benchmarks.serving

Both serve one image a request, as bytes, with a network of the quickstart's size, and answer all columns of its
signature; both have one thread for the network. They take turns under the same load, whose client is another process;
then the champion changes in the middle of a turn of ours. Writes the table of docs/serving.md. About two minutes.
"""

import argparse
import base64
import contextlib
import io
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from components.cores import ONE_THREAD
from components.modalities.image.config import image_packing
from components.registry.champion import DIGEST, combined
from components.registry.mlflow_registry import REFERENCE, Registry, connect, experiment
from components.registry.model import Classifier, ModelConfig
from components.registry.served import digests, save_model
from pipelines.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "serving.md"
BEGIN, END = "<!-- benchmark -->", "<!-- /benchmark -->"
NAME, SIDE, CLASSES = "load", 28, [f"class {k}" for k in range(10)]
IMAGES = 64  # different ones that are sent in turn


@dataclass(frozen=True)
class Load:
    """What one turn came to. latencies: sorted, milliseconds. versions: that answered, in the order of their first
    answer."""

    seconds: float
    failed: int
    latencies: list[float]
    versions: list[str]

    @property
    def rate(self) -> float:
        """Requests answered a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def images() -> list[bytes]:
    """PNG files."""
    rng, made = np.random.default_rng(0), []
    for _ in range(IMAGES):
        out = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)).save(out, format="PNG")
        made.append(out.getvalue())
    return made


def model(seed: int) -> Classifier:
    """With the quickstart's encoder; untrained, which changes no time."""
    torch.manual_seed(seed)
    config = {
        "encoder": {"name": "resnet", "widths": [32, 64, 128], "blocks": [1, 1, 1], "stem_stride": 2},
        "packing": image_packing(1, [0.29], [0.35], SIDE).model_dump(mode="json"),
        "classes": CLASSES,
    }
    return Classifier(ModelConfig.model_validate(config)).eval()


def registry_of(settings: Settings) -> Registry:
    return Registry(connect(settings.mlflow, settings.mlflow_lock), NAME, settings.mlflow_lock)


def register(settings: Settings, seed: int) -> str:
    """A new version."""
    registry = registry_of(settings)
    place = settings.home / "models" / str(seed)
    files = place / "artifacts" / "classifier"
    save_model(model(seed), files)
    example = {"inputs": [base64.b64encode(images()[0]).decode()]}
    (place / "serving_input_example.json").write_text(json.dumps(example))
    where = experiment(registry.client, NAME, settings.mlflow_artifacts, registry.lock)
    run = registry.client.create_run(where).info.run_id
    logged = registry.client.create_logged_model(where, "model", run)
    return registry.register(
        f"register/{seed}", source=place.as_uri(), run_id=run, model_id=logged.model_id,
        tags={DIGEST: combined(digests(files)), REFERENCE: f"register/{seed}"},
    )  # fmt: skip


@contextlib.contextmanager
def ours(settings: Settings) -> Iterator[tuple[str, int]]:
    """Address and process id of `selfsup serve`."""
    command = [sys.executable, "-m", "pipelines.cli.main", "serve", NAME, "--port", "0", "--poll", "1"]
    with _process(command, settings) as process:
        yield f"{_address(process)}/predict", process.pid


@contextlib.contextmanager
def bare(settings: Settings, folder: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of the bare handler."""
    command = [sys.executable, "-m", "benchmarks.load.bare", str(folder)]
    with _process(command, settings) as process:
        yield f"{_address(process)}/predict", process.pid


@contextlib.contextmanager
def _process(command: list[str], settings: Settings) -> "Iterator[subprocess.Popen[str]]":
    environ = {**os.environ, **settings.environ(), **ONE_THREAD, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://[0-9.]+:\d+", line):
            return found[0]
    raise RuntimeError("the server did not start")


class Client:
    """Turns of load. folder: of the bodies that are sent."""

    def __init__(self, folder: Path, seconds: float, connections: int) -> None:
        self.folder, self.seconds, self.connections = folder, seconds, connections
        folder.mkdir(parents=True)
        for number, data in enumerate(images()):
            (folder / f"{number:02d}.png").write_bytes(data)

    def load(
        self,
        address: str,
        seconds: float | None = None,
        connections: int | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Load:
        """One turn. meanwhile: what is done in its middle."""
        length = seconds or self.seconds
        command = [sys.executable, "-m", "benchmarks.load.client", address, str(self.folder), str(length)]
        command.append(str(connections or self.connections))
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as client:
            if meanwhile is not None:
                time.sleep(length / 2)
                meanwhile()
            out, _ = client.communicate()
        return Load(**json.loads(out))


def memory(process: int) -> float:
    """MB of a process and of those that it started: of each what it does not share."""
    import psutil

    whole = psutil.Process(process)
    return float(sum(one.memory_full_info().uss for one in [whole, *whole.children(recursive=True)])) / 1e6


def measure(settings: Settings, client: Client, turns: int) -> dict[str, Any]:
    """Turns of both, one after the other, then one of ours with a change of the champion."""
    registry, versions = registry_of(settings), [register(settings, seed) for seed in (0, 1)]
    registry.set_alias("champion", versions[0])
    folder = settings.home / "models" / "0" / "artifacts" / "classifier"
    began = time.perf_counter()
    with ours(settings) as (mine, pid):
        started = time.perf_counter() - began
        began = time.perf_counter()
        with bare(settings, folder) as (other, other_pid):
            other_started = time.perf_counter() - began
            for address in (mine, other):
                client.load(address, 1.0)
            pairs = [(client.load(mine), client.load(other)) for _ in range(turns)]
            alone = client.load(mine, connections=1), client.load(other, connections=1)
            sizes = memory(pid), memory(other_pid)
        moved = client.load(
            mine, 3 * client.seconds, meanwhile=lambda: registry.set_alias("champion", versions[1])
        )
    return {
        "pairs": pairs, "alone": alone, "moved": moved, "memory": sizes, "started": (started, other_started)
    }  # fmt: skip


def table(found: dict[str, Any], connections: int) -> tuple[str, str]:
    """Rows in Markdown, and the last line."""
    mine, other = ([pair[side] for pair in found["pairs"]] for side in (0, 1))
    ratios = [a.rate / b.rate for a, b in found["pairs"]]
    moved, failed = found["moved"], sum(one.failed for one in [*mine, *found["alone"][:1], found["moved"]])
    lines = ["| what | requests a second | p50, ms | p99, ms | failed |", "|---|---|---|---|---|"]
    for name, turns in (
        (f"`selfsup serve`, {connections} connections", mine),
        (f"bare handler, {connections} connections", other),
        (f"`selfsup serve`, the champion changes ({' to '.join(moved.versions)})", [moved]),
        ("`selfsup serve`, 1 connection", found["alone"][:1]),
        ("bare handler, 1 connection", found["alone"][1:]),
    ):
        rate, half, most = (
            statistics.median(turn_of)
            for turn_of in zip(*((t.rate, t.percentile(0.5), t.percentile(0.99)) for t in turns), strict=True)
        )
        failures = sum(one.failed for one in turns)
        lines.append(f"| {name} | {rate:.0f} | {half:.1f} | {most:.1f} | {failures} |")
    sizes, started = found["memory"], found["started"]
    lines += [
        "",
        f"Ratio of requests a second by pair of turns: {', '.join(f'{ratio:.2f}' for ratio in ratios)}. Start until "
        f"requests are taken: {started[0]:.1f} s and {started[1]:.1f} s; memory not shared with other processes: "
        f"{sizes[0]:.0f} MB and {sizes[1]:.0f} MB.",
    ]
    last = f"ratio={statistics.median(ratios):.2f} p99={moved.percentile(0.99):.1f}ms failed={failed}"
    return "\n".join(lines), last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=16)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="selfsup-serving-") as folder:
        home = Path(folder, "work", "home")
        settings = Settings(home=home, data=home / "data")
        settings.user_recipes.mkdir(parents=True)
        recipe = f"name: {NAME}\nmodality: {{name: image, size: {SIDE}, channels: 1}}\ninbox: inbox\n"
        (settings.user_recipes / f"{NAME}.yaml").write_text(recipe)
        client = Client(Path(folder, "bodies"), asked.seconds, asked.connections)
        rows, last = table(measure(settings, client, asked.turns), asked.connections)
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{rows}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    print(f"{rows}\n{last}")


if __name__ == "__main__":
    main()
