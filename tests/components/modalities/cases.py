"""Every modality with samples that the one list of checks packs, sees, shows and serves.

A line here for each name in MODALITIES.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from components.modalities.events.config import EventsConfig
from components.modalities.events.decode import Event
from components.modalities.events.decode import encode as encode_events
from components.modalities.image.config import ImageConfig
from components.modalities.pair.config import PairConfig
from components.modalities.pair.container import MAGIC, join
from components.modalities.registry import build_modality
from components.modalities.samples import Samples
from components.modalities.series.config import SeriesConfig
from components.modalities.series.decode import encode
from components.modalities.sound.config import SoundConfig
from components.modalities.table.check import canonical
from components.modalities.table.config import TableConfig
from components.modalities.text.config import TextConfig


def png(seed: int) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def row(seed: int) -> bytes:
    random = np.random.default_rng(seed)
    cells = {
        "size": f"{random.normal():.3f}".replace(".", ","),
        "gaps": None if seed % 3 == 0 else str(seed % 5),
        "<b>colour</b>": ["red", "<script>alert(1)</script>", "blue"][seed % 3],
        "paid": ["yes", "no"][seed % 2],
        "seen": f"2026-01-{seed + 1:02} {seed:02}:30",
    }
    return canonical(cells)


def text(seed: int) -> bytes:
    words = [
        "the cat",
        "a <b>dog</b>",
        "one ship",
        "sleeps",
        "runs",
        "<script>alert(1)</script>",
        "here",
        "& there",
    ]
    random = np.random.default_rng(seed)
    chosen = " ".join(words[k] for k in random.permutation(8)[: 3 + seed % 6])
    return chosen.encode("utf-16" if seed % 5 == 0 else "utf-8")


def sound(seed: int) -> bytes:
    """A decaying tone in noise, of .1 to .5 seconds, of another rate, format and number of channels each."""
    random = np.random.default_rng(seed)
    rate = (8_000, 16_000, 44_100)[seed % 3]
    time = np.arange(int(rate * (0.1 + 0.4 * random.random()))) / rate
    tone = np.sin(2 * np.pi * (200 + 60 * seed) * time) * np.exp(-4 * time)
    frames = 0.4 * tone[:, None] + 0.02 * random.normal(size=(len(time), 1 + seed % 2))
    out = io.BytesIO()
    soundfile.write(out, frames, rate, format=("WAV", "FLAC", "OGG", "MP3")[seed % 4])
    return out.getvalue()


def waves(seed: int) -> bytes:
    """Two channels, 6 to 14 steps, some with a gap or as float64."""
    random = np.random.default_rng(seed)
    steps = 6 + seed % 9
    values = np.sin(np.arange(steps)[:, None] * (1 + seed % 3) + [0, 1]) * 3 + random.normal(
        0, 0.1, (steps, 2)
    )
    if seed % 4 == 0:
        values[2, seed % 2] = np.nan
    if seed % 5 == 0:
        return npy(values)
    return encode(values.astype(np.float32))


def visits(seed: int) -> bytes:
    """3 to 11 events of six items, some of one time."""
    names = ["milk", "<b>bread</b>", "<script>alert(1)</script>", "salt & oil", "Äpfel", "tea"]
    random = np.random.default_rng(seed)
    times = np.cumsum(random.integers(0, 3, 3 + seed % 9)) + 1_700_000_000 + seed / 2
    chosen = (seed + random.integers(0, 3, len(times))) % 6
    return encode_events(Event(names[k], float(t)) for k, t in zip(chosen, times, strict=True))


def npy(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


@dataclass(frozen=True)
class Case:
    """samples: good ones. hostile: bad ones. foreign: samples that none of these may be taken for markup by."""

    config: Any
    samples: list[bytes]
    hostile: dict[str, bytes]
    encoder: dict[str, Any]
    tolerance: float = 0.0
    limits: dict[str, Any] = field(default_factory=dict)


CASES = {
    "image": Case(
        config=ImageConfig(size=8, channels=1),
        samples=[png(seed) for seed in range(24)],
        hostile={"empty": b"", "text": b"hello", "cut": png(0)[:60]},
        encoder={"name": "resnet", "widths": [4, 8], "blocks": [1, 1]},
    ),
    "sound": Case(
        config=SoundConfig(rate=8_000, seconds=0.3),
        samples=[sound(seed) for seed in range(24)],
        hostile={"empty": b"", "text": b"hello", "cut": sound(1)[:-500], "cut wav": sound(0)[:-500]},
        encoder={"name": "sound_cnn", "widths": [4, 8], "mels": 16},
    ),
    "text": Case(
        config=TextConfig(length=20, vocabulary=128),
        samples=[text(seed) for seed in range(24)],
        hostile={
            "empty": b"",
            "blank": b" \n ",
            "binary": png(0),
            "cut": b"\xff\xfea",
            "control": b"\1\2\3a",
        },
        encoder={"name": "text_transformer", "width": 16, "depth": 1, "heads": 2},
    ),
    "table": Case(
        config=TableConfig(rare=1),
        samples=[row(seed) for seed in range(24)],
        hostile={"empty": b"", "text": b"hello", "cut": row(0)[:30], "nothing": b"{}", "nested": b'{"a":{}}'},
        encoder={"name": "table_mlp", "width": 16, "layers": 1},
        tolerance=2e-3,  # of a time in days
    ),
    "events": Case(
        config=EventsConfig(held_out="none", length=16),
        samples=[visits(seed) for seed in range(24)],
        hostile={
            "empty": b"",
            "text": b"hello",
            "cut": visits(1)[:-9],
            "no events": b"[]",
            "no list": b'{"a": 1}',
            "no time": b'[["a"]]',
            "words for a time": b'[["a", "yesterday"]]',
            "infinite": b'[["a", 1e999]]',
            "no item": b'[["", 1]]',
            "item that is a list": b'[[["a"], 1]]',
            "numbers": b"[1, 2]",
            "nested": b"[" * 5000,
            "huge": b"[[1, " + b"9" * 400 + b"]]",
        },
        encoder={"name": "history_transformer", "width": 16, "depth": 1, "window": 8},
    ),
    "series": Case(
        config=SeriesConfig(),
        samples=[waves(seed) for seed in range(24)],
        hostile={
            "empty": b"",
            "text": b"hello",
            "cut": waves(0)[:150],
            "one point": npy(np.ones((1, 2))),
            "all missing": npy(np.full((9, 2), np.nan)),
            "three axes": npy(np.ones((2, 3, 4))),
            "objects": npy(np.array([1, None, "x"], dtype=object)),
            "complex": npy(np.ones((9, 2), dtype=complex)),
            "infinite": npy(np.array([1.0, np.inf, 2.0])),
            "no channels": npy(np.ones((9, 0))),
        },
        encoder={"name": "series_conv", "hidden": 8, "width": 16, "depth": 2},
    ),
    "pair": Case(
        config=PairConfig(image=ImageConfig(size=8, channels=1), text=TextConfig(length=20, vocabulary=128)),
        samples=[join(png(seed), text(seed)) for seed in range(24)],
        hostile={
            "empty": b"",
            "text": b"hello",
            "header": MAGIC,
            "cut": join(png(0), b"")[:60],
            "no image": join(b"", text(0)),
            "no caption": join(png(0), b""),
            "blank caption": join(png(0), b" \n"),
            "binary caption": join(png(0), png(1)),
            "cut image": join(png(0)[:60], text(0)),
            "text as image": join(b"hello", text(0)),
        },
        encoder={
            "name": "two_towers",
            "image": {"name": "resnet", "widths": [4, 8], "blocks": [1, 1]},
            "text": {"name": "text_bag", "width": 8},
            "embedding": 6,
        },
    ),
}


@dataclass(frozen=True)
class Made:
    """What packing a case's samples gave."""

    case: Case
    modality: Any
    samples: Samples
    written: Any


def made(
    name: str, folder: Path, samples: list[bytes] | None = None, batch: int = 7, before: Any = None
) -> Made:
    """Pack samples of a case, `batch` at a time."""
    case = CASES[name]
    given = case.samples if samples is None else samples
    modality = build_modality(case.config)

    def encoded() -> Iterator[list[bytes]]:
        for start in range(0, len(given), batch):
            yield given[start : start + batch]

    folder.mkdir(parents=True, exist_ok=True)
    written = modality.pack(encoded, len(given), folder, before=before)
    packing = modality.packing(written, folder, np.arange(written.samples))
    files = {key: folder / file for key, file in written.files.items()}
    return Made(case, modality, Samples(packing=packing, files=files), written)
