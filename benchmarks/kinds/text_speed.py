"""What the training loop costs on texts: tokens a second beside a bare loop of the same encoder, and waiting for data.

The bare loop has its batches ready, views made, and does nothing but losses, gradients and the optimiser's step. The
two take turns in one process; processor time counts, as the clock says little on a shared machine.
"""

import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from pydantic import TypeAdapter

from components.encoders import EncoderConfig, build_encoder
from components.modalities.samples import Samples
from components.modalities.text.augment import TextView
from components.modalities.text.config import TextConfig
from components.modalities.text.modality import Texts
from components.objectives import build_objective
from components.objectives.simclr import SimclrConfig
from components.training.device import place
from components.training.learner import Learner
from components.training.loop import TrainConfig, train
from components.training.optimiser import AdamwConfig, build_optimiser
from components.training.view_source import ViewSource

ENCODERS = {"text_bag": 16_384, "text_transformer": 1_024}
"""Encoder -> texts of an epoch."""
BATCH, TURNS = 256, 5
OPTIMISER = AdamwConfig(learning_rate=0.003)


def measure(texts: list[str], folder: Path) -> dict[str, float]:
    """Of each encoder, median over TURNS: tokens a second, share of the bare loop's, share of the time waited."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, float] = {}
    for name, count in ENCODERS.items():
        samples = packed([text.encode() for text in texts[:count]], folder)
        loop, bare, waited = list[float](), list[float](), list[float]()
        for turn in range(TURNS):
            speed, wait = in_loop(name, samples, folder / f"{name}-{turn}")
            loop.append(speed)
            waited.append(wait)
            bare.append(in_bare_loop(name, samples))
        shares = [one / other for one, other in zip(loop, bare, strict=True)]
        found |= {
            f"{name} tokens a second": median(loop),
            f"{name} share of a bare loop": median(shares),
            f"{name} waiting for data": median(waited),
        }
    return found


def packed(texts: list[bytes], folder: Path) -> Samples:
    texts_ = Texts(TextConfig(length=48))
    written = texts_.pack(lambda: [texts], len(texts), folder)
    packing = texts_.packing(written, folder, np.arange(written.samples))
    return Samples(packing=packing, files={name: folder / file for name, file in written.files.items()})


def _parts(name: str, samples: Samples) -> tuple[Learner, ViewSource]:
    """A fresh SimCLR as in recipes/text.yaml, and its batches."""
    torch.manual_seed(0)
    config = TypeAdapter(EncoderConfig).validate_python({"name": name})
    encoder, texts = build_encoder(config, samples.packing), samples.open()
    objective = build_objective(SimclrConfig(layers=0), encoder, len(texts), 48)
    roles = samples.views.roles(TextView(drop=0.5), None)
    source = ViewSource(
        texts, samples.views, objective.views, roles, batch_size=BATCH, seed=0, device=torch.device("cpu")
    )
    return Learner(encoder, objective), source


def in_loop(name: str, samples: Samples, folder: Path) -> tuple[float, float]:
    """Tokens of an epoch by the processor time of the product's loop, and the share of its time that it waited."""
    learner, source = _parts(name, samples)
    began = time.process_time()
    done = train(
        learner, source, TrainConfig(epochs=1, batch_size=BATCH, optimiser=OPTIMISER, precision="float32"), folder,
        lambda step, figures: None, seed=0, placement=place("cpu", "float32"),
    )  # fmt: skip
    return done.steps * BATCH * tokens(samples) / (time.process_time() - began), done.data_wait_share


def in_bare_loop(name: str, samples: Samples) -> float:
    """The same of a loop whose batches are ready."""
    learner, source = _parts(name, samples)
    generator = torch.Generator().manual_seed(0)
    steps = source.begin(0, 0, None)
    batches = []
    for step in range(steps):
        batches.append(source.batch(step, generator))
    source.close()
    optimiser = build_optimiser(OPTIMISER, ((learner.encoder, 1.0), (learner, 1.0)))
    learner.train()
    began = time.process_time()
    for batch in batches:
        losses = learner(batch)
        optimiser.zero_grad(set_to_none=True)
        losses.total.backward()
        optimiser.step()
    return steps * BATCH * tokens(samples) / (time.process_time() - began)


def tokens(samples: Samples) -> float:
    """Mean number of a text."""
    texts = samples.open()
    return float(np.mean([len(texts.row(row)) for row in range(len(texts))]))
