"""Processes of one thread each beside the threads of one process: `python benchmarks/processes.py [--turns 5]`.

Pretraining (the quickstart's SwAV), fine-tuning (its FixMatch) and embedding for a fixed number of samples, on a quiet
machine and beside one and two busy loops that it starts and ends; and pretraining of a ResNet-18 at 64 x 64 on the
quiet one. Every measurement is a process of its own; the two ways take turns. Prints a table of medians (samples a
second, least to most) and last the ratios of pretraining in processes to pretraining in threads on a quiet machine.
Writes docs/processes.md.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from pydantic import TypeAdapter

from benchmarks.data_path import quickstart_images
from components.cores import ONE_THREAD, available
from components.data.packed import Packed
from components.encoders import EncoderConfig, build_encoder
from components.encoders.resnet import ResnetConfig
from components.forks import run_all
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import image_packing
from components.objectives import ObjectiveConfig, build_objective
from components.objectives.simclr import SimclrConfig
from components.training.data_parallel import processes_for, together
from components.training.device import place
from components.training.finetune import Job, Material, fit
from components.training.learner import Learner, features
from components.training.loop import TrainConfig, train
from components.training.view_source import ViewSource
from pipelines.stages.finetune.config import FinetuneConfig

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "processes.md"
WORK = ("pretraining", "fine-tuning", "embedding", "pretraining, ResNet-18 at 64 x 64")
WAYS = ("threads", "processes")
BUSY = (0, 1, 2)
FEW = 1024  # samples of two views in threads beside a busy loop, where they take seconds a step
LARGE = 320  # of the large network, in batches of 64
MANY = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--measure", nargs=3, metavar=("WORK", "WAY", "SAMPLES"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        work, way, samples = given.measure
        print(json.dumps(measure(work, way, int(samples))))
        return
    cells = [(work, busy) for work in WORK for busy in BUSY if busy == 0 or work != WORK[3]]
    found: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    for turn in range(given.turns):
        for work, busy in cells:
            for way in WAYS:
                with busy_loops(busy):
                    found[work, way, busy].append(apart(work, way, busy))
        print(f"turn {turn + 1} of {given.turns}", file=sys.stderr, flush=True)
    text = table(found)
    PAGE.write_text(text)
    print(text)
    base = statistics.median(found[WORK[0], "threads", 0])
    ratio = {busy: statistics.median(found[WORK[0], "processes", busy]) / base for busy in BUSY}
    print(f"quiet={ratio[0]:.2f} busy1={ratio[1]:.2f} busy2={ratio[2]:.2f}")


def apart(work: str, way: str, busy: int) -> float:
    """Samples a second, measured in a process with the environment of that way."""
    threads = {name: str(available()) for name in ONE_THREAD} | {"GOMP_SPINCOUNT": "20000"}
    environ = {**os.environ, **(threads if way == "threads" else ONE_THREAD), "PYTHONPATH": str(ROOT)}
    samples = LARGE if work == WORK[3] else FEW if way == "threads" and busy else MANY
    command = [sys.executable, __file__, "--measure", work, way, str(samples)]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def measure(work: str, way: str, samples: int) -> float:
    """Samples a second, start-up and the first steps left out."""
    recipe = yaml.safe_load((ROOT / "recipes" / "quickstart.yaml").read_text())
    processes = available() if way == "processes" else 1
    torch.set_num_threads(1 if way == "processes" else available())
    with tempfile.TemporaryDirectory() as folder:
        if work == "embedding":
            return embedding(recipe, processes, 8 * samples)
        if work == "fine-tuning":
            return fine_tuning(recipe, processes, samples, Path(folder))
        return pretraining(recipe, processes, samples, Path(folder), large=work == WORK[3])


def pretraining(recipe: dict[str, Any], processes: int, samples: int, folder: Path, large: bool) -> float:
    if large:
        images: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (samples, 3, 64, 64), np.uint8)
        encoder_config: Any = ResnetConfig(widths=(64, 128, 256, 512), blocks=(2, 2, 2, 2))
        objective_config: Any = SimclrConfig()
        options = ViewConfig(size=64)
    else:
        images = quickstart_images(samples)
        encoder_config = TypeAdapter(EncoderConfig).validate_python(recipe["pretrain"]["encoder"])
        asked = recipe["pretrain"]["objective"]
        objective_config = TypeAdapter(ObjectiveConfig).validate_python(asked)
        options = ViewConfig.model_validate(recipe["pretrain"]["views"])
    config = TrainConfig.model_validate({
        **recipe["pretrain"]["train"], "epochs": 1, "watch_steps": 2, "checkpoint_seconds": 1e9,
        **({"batch_size": 64} if large else {}),
    })  # fmt: skip

    def work() -> list[float]:
        torch.manual_seed(0)
        placement = place()
        encoder = build_encoder(
            encoder_config, image_packing(images.shape[1], [0.3] * images.shape[1], [0.3] * images.shape[1])
        )
        objective = build_objective(objective_config, encoder, len(images), options.size)
        source = ViewSource(
            Packed(images, np.arange(len(images))), objective.views, {"global": options},
            batch_size=config.batch_size, seed=0, device=placement.device,
        )  # fmt: skip
        seen: list[float] = []
        train(
            Learner(encoder, objective), source, config, folder,
            lambda step, figures: seen.append(figures.get("samples_per_second", 0.0)),
            seed=0, placement=placement,
        )  # fmt: skip
        return seen

    return steady(together(work, min(processes, processes_for(processes, config.batch_size))))


def fine_tuning(recipe: dict[str, Any], processes: int, samples: int, folder: Path) -> float:
    """Samples that pass the training, labelled and unlabelled, a second."""
    asked = {k: v for k, v in recipe["finetune"].items() if k not in ("cross_fit",)}
    config = FinetuneConfig.model_validate(asked)
    size = config.batch_size * (1 + config.ratio)
    images, steps = quickstart_images(4096), max(6, samples // size // 2 * 2)
    view = ViewConfig(hue=0, saturation=0, grayscale=0)

    def work() -> list[float]:
        torch.manual_seed(0)
        material = Material(
            packed=Packed(images, np.arange(len(images))), classes=10, labelled=np.arange(100),
            labels=np.arange(100) % 10, kept=np.arange(0), kept_labels=np.arange(0), confidence=np.zeros(0),
            weak=view, strong=view, placement=place(), folder=folder,
        )  # fmt: skip
        encoder_config = TypeAdapter(EncoderConfig).validate_python(recipe["pretrain"]["encoder"])
        encoder = build_encoder(encoder_config, image_packing(1, [0.286], [0.353]))
        job = Job("a", config.method, np.arange(100), pseudo=False, steps=steps, rate=config.learning_rate)
        seen: list[float] = []
        fit(
            job, config, material, encoder,
            lambda step, figures: seen.append(figures.get("samples_per_second", 0.0)), lambda text: None,
        )  # fmt: skip
        return seen

    shared = processes_for(processes, config.batch_size, config.batch_size * config.ratio)
    return steady(together(work, shared))


def embedding(recipe: dict[str, Any], processes: int, samples: int) -> float:
    torch.manual_seed(0)
    images = quickstart_images(2048)
    placement = place()
    encoder_config = TypeAdapter(EncoderConfig).validate_python(recipe["pretrain"]["encoder"])
    encoder = placement.put(build_encoder(encoder_config, image_packing(1, [0.286], [0.353])))
    packed = Packed(images, np.arange(len(images)))

    def part() -> int:
        with torch.inference_mode():
            clean = lambda index: packed.gather(index).float() / 255  # noqa: E731
            return len(features(encoder, clean, len(packed), placement))

    part()
    began = time.perf_counter()
    done = sum(run_all([part] * max(2, samples // len(packed)), processes))
    return done / (time.perf_counter() - began)


def steady(seen: list[float]) -> float:
    """The median speed after the first look and without the epoch's own line."""
    return statistics.median([speed for speed in seen if speed][1:])


def table(found: dict[tuple[str, str, int], list[float]]) -> str:
    lines = [
        "# Processes of one thread beside the threads of one process",
        "",
        f"`python benchmarks/processes.py`, {available()} cores; samples a second (pretraining: of two large views), "
        "median (least to most). Threads as they were: `GOMP_SPINCOUNT=20000`.",
        "",
        "| work | busy loops beside it | threads | processes | ratio |",
        "|---|---|---|---|---|",
    ]
    for work, busy in dict.fromkeys((work, busy) for work, _, busy in found):
        one, two = (found[work, way, busy] for way in WAYS)
        cells = [f"{statistics.median(v):,.0f} ({min(v):,.0f} to {max(v):,.0f})" for v in (one, two)]
        ratio = statistics.median(two) / statistics.median(one)
        lines.append(f"| {work} | {busy} | {cells[0]} | {cells[1]} | {ratio:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
