"""Every objective on the same data, encoder, samples seen and threads: python benchmarks/objectives.py [--names a,b]

Data: the first N training images of the quickstart; its named test items judge. Every objective and seed is
trained in a process of its own, forked after the imports, and its figures are added to OUT/objectives.json
under the settings it was measured with: what is there is not measured again, so the command may be stopped
and given again. OUT/objectives.md and OUT/objectives.png are written anew after each run.

Accuracies on the test items: knn (20 neighbours among all N, labels known), linear (logistic regression on
all N, strength .03), few (logistic regression on 100 labels, strength by cross-validation), tuned (the whole
network on the same 100 labels for TUNE steps; left out with --tune 0). "pixels" has the same of raw pixels,
"random" and "random_vit" of encoders that were never trained; the latter is what mae, maskfeat, ibot, ijepa
and capi begin with, which need a transformer. distillation has no teacher here and says so.
seconds: of pretraining; cpu_seconds: of the whole run. A fork's peak memory counts what it shares with its
parent (about 300 MB: torch and the images).
"""

import argparse
import csv
import hashlib
import json
import os
import resource
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from components.data.packed import PackedArray
from components.encoders import Encoder, EncoderConfig, build_encoder
from components.encoders.resnet import ResnetConfig
from components.encoders.vit import VitConfig
from components.errors import UserError
from components.evaluation.classification.baselines import pixels
from components.evaluation.classification.knn import knn
from components.evaluation.classification.logistic import fit_logistic
from components.evaluation.classification.probe import fit_probe, moments
from components.evaluation.representation.diagnostics import health
from components.modalities.base import Packing
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import ImageConfig, image_packing
from components.modalities.image.pack import decode
from components.modalities.image.views import ImageViews
from components.objectives import OBJECTIVES, build_objective
from components.semisupervised.supervised import SupervisedConfig
from components.training.candidates import candidate
from components.training.defaults import batch_of, learning_rate
from components.training.device import place
from components.training.finetune import FitConfig, Job, Material, final_parts, fit, logits
from components.training.learner import Learner, derive_seed
from components.training.loop import TrainConfig, train
from components.training.optimiser import AdamwConfig
from components.training.view_source import ViewSource

ROOT = Path(__file__).resolve().parents[1]
QUICKSTART = ROOT / "recipes" / "quickstart"
FIGURES = (
    "knn",
    "linear",
    "few",
    "tuned",
    "rank",
    "seconds",
    "cpu_seconds",
    "samples_per_second",
    "memory_mb",
)
ENCODERS: dict[str, EncoderConfig] = {
    "resnet": ResnetConfig(widths=(32, 64, 128), blocks=(1, 1, 1), stem_stride=2),
    "vit": VitConfig(width=96, depth=4, heads=3, patch=4),
}
WHOLE = ("autoencoder", "bigan", "colour", "denoising", "inpainting", "vae")
CUT = ("jigsaw", "location")
BESIDE = ("pixels", "random", "random_vit")
NOISE = 0.013  # two standard errors of an accuracy of .8 on 4,000 test items
WRITTEN = "<!-- What stands below is written by hand. -->"
Figures = dict[str, Any]


@dataclass(frozen=True)
class Given:
    """What runs that are compared have in common."""

    images: int = 8000
    epochs: int = 10
    size: int = 20
    threads: int = 1
    encoder: str = "resnet"
    tune: int = 200

    @property
    def key(self) -> str:
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())


@dataclass(frozen=True)
class Data:
    """images: uint8 [N + M, 1, 28, 28], N to train on, then M to test on. labels: [N + M] int64."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    train: int
    classes: int


def data(count: int) -> Data:
    """The first `count` training images and all test items, with their true labels."""
    delivery = next((QUICKSTART / "inbox").glob("*.parquet"))
    shipped = pq.read_table(delivery, columns=["image", "name"]).to_pydict()
    known = pq.read_table(QUICKSTART / "truth.parquet", columns=["id", "label"]).to_pydict()
    truth = dict(zip(known["id"], known["label"], strict=True))
    with (QUICKSTART / "inbox" / "labels.csv").open(newline="") as file:
        given = {row["name"]: row for row in csv.DictReader(file)}
    training, test = list[tuple[bytes, str]](), list[tuple[bytes, str]]()
    for image, name in zip(shipped["image"], shipped["name"], strict=True):
        row = given.get(name)
        label = row["label"] if row else truth[hashlib.sha256(image).hexdigest()]
        (test if row and row["split"] == "test" else training).append((image, label))
    chosen = training[:count] + test
    names = sorted({label for _, label in chosen})
    asked = ImageConfig(size=28, channels=1)
    images = np.stack([decode(image, asked) for image, _ in chosen])
    labels = np.array([names.index(label) for _, label in chosen], dtype=np.int64)
    return Data(images, labels, min(count, len(training)), len(names))


def measure(name: str, seed: int, given: Given, data: Data, folder: Path) -> Figures:
    """One run: pretrain, then every figure."""
    torch.set_num_threads(given.threads)
    few = shown(data, seed)
    if name == "pixels":
        flat = pixels(data.images).astype(np.float64)
        return judged(flat, data, few, seed)
    placement = place("cpu", "auto")
    pixel = data.images[: data.train] / 255
    packing = image_packing(1, [float(pixel.mean())], [float(pixel.std())], data.images.shape[-1])
    material = Material(
        packed=PackedArray(data.images, np.arange(len(data.images))), views=ImageViews(packing), classes=data.classes,
        labelled=few, labels=data.labels[few], kept=np.zeros(0, np.int64), kept_labels=np.zeros(0, np.int64),
        confidence=np.zeros(0), weak=_weak(), strong=_weak(), placement=placement, folder=folder,
    )  # fmt: skip
    torch.manual_seed(derive_seed(seed))
    found: Figures = {}
    if name in BESIDE:
        kept = build_encoder(ENCODERS["vit" if name == "random_vit" else given.encoder], packing)
    else:
        kept, found = pretrained(name, seed, given, data, few, material)
    features = material.features(kept, np.arange(len(data.images))).astype(np.float64)
    found |= judged(features, data, few, seed)
    found["encoder"] = type(kept).__name__.lower()
    found["rank"] = health(torch.from_numpy(features[: min(2000, data.train)]))["effective_rank"]
    if given.tune:
        found["tuned"] = tuned(kept, features, material, data, given, seed)
    return found


def pretrained(
    name: str, seed: int, given: Given, data: Data, few: NDArray[np.int64], material: Material
) -> tuple[Encoder, Figures]:
    """The encoder that the objective gives, and what it cost."""
    batch = batch_of(data.train)
    settings = TrainConfig(
        epochs=given.epochs,
        batch_size=batch,
        optimiser=AdamwConfig(learning_rate=learning_rate("adamw", batch), weight_decay=1e-4),
        checkpoint_seconds=1e9,
    )
    encoder, objective = built(name, given, settings, data, material.views.packing)
    known = torch.full((data.train,), -1)
    known[few] = torch.from_numpy(data.labels[few])
    patch = getattr(encoder, "patch", 1)
    views = material.views.roles(view_of(name, given.size), None, patch)
    source = ViewSource(
        PackedArray(data.images, np.arange(data.train)), material.views, objective.views, views,
        batch_size=batch, seed=seed, device=material.placement.device, labels=known if objective.uses_labels else None,
    )  # fmt: skip
    done = train(
        Learner(encoder, objective), source, settings, material.folder / "pretrain", lambda *_: None,
        seed=seed, placement=material.placement,
    )  # fmt: skip
    kept = done.learner.objective.exported(done.learner.encoder)
    return kept, {"seconds": done.seconds, "samples_per_second": done.samples_per_second}


def built(
    name: str, given: Given, settings: TrainConfig, data: Data, packing: Packing
) -> tuple[Encoder, Any]:
    """Encoder and objective; a transformer where the objective asks for tokens."""
    config = candidate(name, data.train, data.classes, settings)
    size = view_of(name, given.size).size
    try:
        encoder = build_encoder(ENCODERS[given.encoder], packing)
        return encoder, build_objective(config, encoder, data.train, size)
    except UserError as error:
        if "token" not in str(error):
            raise
        encoder = build_encoder(ENCODERS["vit"], packing)
        return encoder, build_objective(config, encoder, data.train, size)


def view_of(name: str, size: int) -> ViewConfig:
    """The global views that an objective is measured with: larger crops where the whole is to be made again, room for
    the pieces where it is cut."""
    suited: dict[str, Any] = {"scale": (0.5, 1.0)} if name in WHOLE else {"size": 36} if name in CUT else {}
    return ViewConfig(**{"size": size, "hue": 0.0, "saturation": 0.0, "grayscale": 0.0, **suited})


def _weak() -> ViewConfig:
    return ViewConfig(size=28, scale=(0.7, 1.0), jitter=0.0, grayscale=0.0)


def shown(data: Data, seed: int, each: int = 10) -> NDArray[np.int64]:
    """Positions of ten training images a class: the labels there are."""
    rng = np.random.default_rng(seed)
    known = data.labels[: data.train]
    rows = [rng.permutation(np.flatnonzero(known == k))[:each] for k in range(data.classes)]
    return np.sort(np.concatenate(rows))


def judged(features: NDArray[np.float64], data: Data, few: NDArray[np.int64], seed: int) -> Figures:
    """knn, linear, few: features [N + M, D]."""
    n, truth = data.train, data.labels[data.train :]
    bank, asked = (torch.from_numpy(part).float() for part in (features[:n], features[n:]))
    votes = knn(bank, torch.from_numpy(data.labels[:n]), asked, classes=data.classes).numpy()
    middle, scale = moments(features[:n])
    scaled = (features - middle) / scale
    linear = fit_logistic(scaled[:n], data.labels[:n], data.classes, strength=0.03, iterations=100)
    probe = fit_probe(features[few], data.labels[few], data.classes, pool=features[:n], seed=seed)
    answers = {"knn": votes, "linear": linear.logits(scaled[n:]), "few": probe.logits(features[n:])}
    return {name: float((answer.argmax(axis=1) == truth).mean()) for name, answer in answers.items()}


def tuned(
    encoder: Encoder, features: NDArray[np.float64], material: Material, data: Data, given: Given, seed: int
) -> float:
    """The whole network on the few labels, beginning with their probe as its head."""
    probe = fit_probe(
        features[material.labelled], material.labels, data.classes, pool=features[: data.train], seed=seed
    ).raw()
    use = np.arange(len(material.labelled))
    job = Job("tuned", SupervisedConfig(), use, False, given.tune, 3e-3, 0.3, head=(probe.weight, probe.bias))
    trained = fit(job, FitConfig(seed=seed), material, encoder, lambda *_: None, lambda _: None)
    answer = logits(final_parts(trained), material, np.arange(data.train, len(data.images)))
    return float((answer.argmax(axis=1) == data.labels[data.train :]).mean())


def in_its_own_process(name: str, seed: int, given: Given, data: Data) -> Figures:
    """`measure` in a fork; what went wrong comes back as {"error": ...}."""
    with tempfile.TemporaryDirectory(prefix="selfsup-objectives-") as folder:
        file = Path(folder) / "figures.json"
        child = os.fork()
        if child == 0:
            try:
                found = measure(name, seed, given, data, Path(folder))
                used = resource.getrusage(resource.RUSAGE_SELF)
                found["memory_mb"] = used.ru_maxrss / 1024
                found["cpu_seconds"] = used.ru_utime + used.ru_stime
            except Exception as error:
                if not isinstance(error, UserError):
                    traceback.print_exc()
                found = {"error": f"{type(error).__name__}: {error}"}
            file.write_text(json.dumps(found))
            os._exit(0)
        try:
            _, status = os.waitpid(child, 0)
        except KeyboardInterrupt:
            os.waitpid(child, 0)
            raise
        if not file.exists():
            return {"error": f"its process ended with status {status}"}
        found = json.loads(file.read_text())
        return dict(found)


def table(runs: dict[str, Figures], given: Given) -> str:
    """One row an objective, the best by `few` first; mean and deviation over seeds."""
    head = ["objective", "encoder", "seeds", *(f for f in FIGURES if f != "tuned" or given.tune)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, found in sorted(grouped(runs).items(), key=lambda item: -average(item[1], "few")):
        cells = [f"`{name}`", str(found[0].get("encoder", "")), str(len(found))]
        for figure in head[3:]:
            values = [run[figure] for run in found if figure in run]
            digits = 3 if figure in ("knn", "linear", "few", "tuned") else 0
            spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 and digits else ""
            cells.append(f"{mean(values):.{digits}f}{spread}" if values else "")
        lines.append("| " + " | ".join(cells) + " |")
    failed: dict[str, str] = {}
    for key, run in sorted(runs.items()):
        if "error" in run:
            failed.setdefault(key.partition("/")[0], run["error"])
    notes = [*below(runs), *(f"- `{name}`: {error}" for name, error in failed.items())]
    return "\n".join([*lines, "", *notes])


def below(runs: dict[str, Figures]) -> list[str]:
    """For each figure that pixels have: who stands below them by more than the noise."""
    found, lines = grouped(runs), list[str]()
    for figure in ("knn", "linear", "few") if "pixels" in found else ():
        bound = average(found["pixels"], figure) - NOISE
        names = [n for n in sorted(found) if n not in BESIDE and average(found[n], figure) < bound]
        lines.append(f"- below pixels in `{figure}`, by more than {NOISE}: {', '.join(names) or 'nobody'}")
    return lines


def grouped(runs: dict[str, Figures]) -> dict[str, list[Figures]]:
    found: dict[str, list[Figures]] = {}
    for key, run in sorted(runs.items()):
        if "error" not in run:
            found.setdefault(key.partition("/")[0], []).append(run)
    return found


def average(found: list[Figures], figure: str) -> float:
    return mean(float(run[figure]) for run in found)


def draw_picture(runs: dict[str, Figures], given: Given, file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    found = grouped(runs)
    names = sorted(found, key=lambda name: average(found[name], "few"))
    figure, axes = plt.subplots(figsize=(7, 0.32 * len(names) + 1.2))
    shown_figures = [f for f in ("knn", "linear", "few", "tuned") if f != "tuned" or given.tune]
    for label, colour in zip(shown_figures, ("#9aa5b1", "#4e79a7", "#2563eb", "#d97706"), strict=False):
        points = [(average(found[n], label), y) for y, n in enumerate(names) if label in found[n][0]]
        if points:
            axes.scatter(*zip(*points, strict=True), s=22, color=colour, label=label)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(f"accuracy; {given.images} images, {given.epochs} epochs, {given.encoder}")
    axes.grid(axis="x", color="#e4e7eb")
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(file, dpi=110, bbox_inches="tight")
    plt.close(figure)


def publish(everything: dict[str, Any], given: Given, out: Path) -> None:
    """The page, the largest budget first; what is written by hand below stays. The picture: of `given`."""
    page = out / "objectives.md"
    by_hand = page.read_text().partition(WRITTEN)[2] if page.exists() else ""
    parts = [
        "# Objectives compared\n",
        "Written by `benchmarks/objectives.py`; what the columns are stands there.",
    ]
    budget = {
        key: group["settings"]["images"] * group["settings"]["epochs"] for key, group in everything.items()
    }
    for key in sorted(everything, key=lambda key: (-budget[key], -everything[key]["settings"]["tune"])):
        group = everything[key]
        parts.append(f"\n## {key}\n\n{table(group['runs'], Given(**group['settings']))}")
    page.write_text("\n".join(parts) + f"\n\n{WRITTEN}{by_hand or chr(10)}")
    if grouped(everything[given.key]["runs"]):
        draw_picture(everything[given.key]["runs"], given, out / "objectives.png")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--names", default="", help="comma separated; default: all, and pixels")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--encoder", choices=ENCODERS, default="resnet")
    for name in ("images", "epochs", "size", "threads", "tune"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Given, name))
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    asked = parser.parse_args()
    given = Given(asked.images, asked.epochs, asked.size, asked.threads, asked.encoder, asked.tune)
    names = asked.names.split(",") if asked.names else [*BESIDE, *sorted(OBJECTIVES)]
    if unknown := set(names) - {*BESIDE, *OBJECTIVES}:
        parser.error(
            f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(BESIDE)}, {', '.join(sorted(OBJECTIVES))}"
        )
    file = asked.out / "objectives.json"
    asked.out.mkdir(parents=True, exist_ok=True)
    there = data(given.images)
    for seed in range(asked.seeds):
        for name in names:
            everything = json.loads(file.read_text()) if file.exists() else {}
            group = everything.setdefault(given.key, {"settings": asdict(given), "runs": {}})
            key = f"{name}/{seed}"
            if key in group["runs"] and "error" not in group["runs"][key]:
                continue
            began = time.perf_counter()
            group["runs"][key] = in_its_own_process(name, seed, given, there)
            shown_run = {k: round(v, 3) if isinstance(v, float) else v for k, v in group["runs"][key].items()}
            print(f"{key} {time.perf_counter() - began:.1f} s {shown_run}", flush=True)
            file.with_suffix(".part").write_text(json.dumps(everything, indent=1))
            file.with_suffix(".part").replace(file)
            publish(everything, given, asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
