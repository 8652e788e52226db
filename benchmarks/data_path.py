"""What the data path costs, on the quickstart's images: `python benchmarks/data_path.py [--samples 16000]`.

Pretraining: the share of the time that the loop waits for data (promised: at most 5 %). Embedding: a worker of the
stage beside a bare torch loop over the same array (promised: at least .9 of its speed). The two take turns, and
each one's best time counts: on a shared machine the best is what the code costs.
"""

import argparse
import io
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from components.training.role_views import role_views
from PIL import Image

from components.data.packed import Packed
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import image_packing
from components.objectives import build_objective
from components.objectives.simclr import SimclrConfig
from components.training.checkpoint import export_encoder
from components.training.device import place
from components.training.learner import Learner
from components.training.loop import TrainConfig, train
from components.training.view_source import ViewSource
from pipelines.stages.embed import Embedder

INBOX = Path(__file__).resolve().parent.parent / "recipes" / "quickstart" / "inbox"
ENCODER = ResnetConfig(stem_stride=2)  # the recipe's
TURNS = 3


def quickstart_images(samples: int) -> np.ndarray:
    """uint8 [N, 1, 28, 28], decoded from the deliveries."""
    images: list[np.ndarray] = []
    for file in sorted(INBOX.glob("*.parquet")):
        if "image" in pq.read_schema(file).names:
            for data in pq.read_table(file)["image"].to_pylist()[: samples - len(images)]:
                images.append(np.asarray(Image.open(io.BytesIO(data))))
    return np.stack(images)[:, None]


def pretraining(images: np.ndarray, folder: Path) -> tuple[float, float]:
    """(samples a second, share of the time waited for data) of SimCLR for one epoch."""
    placement = place()
    encoder = build_encoder(ENCODER, image_packing(1, [0.286], [0.353]))
    objective = build_objective(SimclrConfig(), encoder, len(images), 20)
    packed = Packed.open(folder / "images.npy")
    views = role_views(ViewConfig(size=20), None, size=28, channels=1, encoder=ENCODER)
    source = ViewSource(packed, objective.views, views, batch_size=256, seed=0, device=placement.device)
    done = train(
        Learner(encoder, objective), source, TrainConfig(epochs=1), folder / "checkpoints",
        lambda step, figures: None, seed=0, placement=placement,
    )  # fmt: skip
    return done.samples_per_second, done.data_wait_share


def embedding(images: np.ndarray, folder: Path, batch_size: int = 512) -> tuple[float, float]:
    """(samples a second of the stage's worker, of a bare loop)."""
    placement, rows = place(), len(images)
    encoder = build_encoder(ENCODER, image_packing(1, [0.286], [0.353]))
    export_encoder(folder / "encoder.safetensors", encoder)
    features = np.lib.format.open_memmap(
        folder / "features.npy", mode="w+", dtype=np.float32, shape=(rows, encoder.feature_dim)
    )
    described = {"encoder_config": ENCODER.model_dump(), "channels": 1, "mean": [0.286], "std": [0.353]}
    worker = Embedder({
        "weights": folder / "encoder.safetensors", "encoder": described, "images": folder / "images.npy",
        "features": folder / "features.npy", "batch_size": batch_size, "device": "auto", "precision": "auto",
    })  # fmt: skip
    bare = placement.put(encoder).eval()
    best = [float("inf"), float("inf")]
    for _ in range(TURNS):
        start = time.perf_counter()
        worker({"start": 0, "stop": rows})
        best[0] = min(best[0], time.perf_counter() - start)
        start = time.perf_counter()
        with torch.inference_mode(), placement.autocast():
            for x in torch.split(torch.from_numpy(images), batch_size):
                bare(x.to(placement.device).float() / 255).float().cpu()
        best[1] = min(best[1], time.perf_counter() - start)
    assert np.isfinite(features).all()
    return rows / best[0], rows / best[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=16000)
    images = quickstart_images(parser.parse_args().samples)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "images.npy", images)
        speed, waited = pretraining(images, folder)
        print(f"pretraining  {speed:8.0f} samples/s, waiting for data {waited:.2%} (bound 5 %)")
        stage, bare = embedding(images, folder)
        print(
            f"embedding    {stage:8.0f} samples/s, bare loop {bare:.0f}, share {stage / bare:.3f} (bound .9)"
        )


if __name__ == "__main__":
    main()
