"""Small histories, packed."""

import tempfile
from pathlib import Path

import numpy as np

from components.modalities.events.config import EventsConfig
from components.modalities.events.decode import Event, encode
from components.modalities.events.modality import EventHistories

TURNS = ("a", "b", "c", "d", "e", "f")


def history(text, start=100):
    """ "abc": a at 100, b at 101, c at 102."""
    return [Event(item, float(start + place)) for place, item in enumerate(text)]


def pack(histories, folder=None, before=None, batch=7, **config):
    """(packed histories, packing, what pack wrote) of words or lists of events."""
    folder = Path(folder or tempfile.mkdtemp())
    modality = EventHistories(EventsConfig(**config))
    data = [
        one if isinstance(one, bytes) else encode(history(one) if isinstance(one, str) else one)
        for one in histories
    ]
    written = modality.pack(
        lambda: (data[k : k + batch] for k in range(0, len(data), batch)), len(data), folder, before=before
    )
    packing = modality.packing(written, folder, np.arange(written.samples))
    files = {name: folder / file for name, file in written.files.items()}
    return packing.open(files), packing, written


def turns(count=60, length=9, seed=0, odd=0.1):
    """Words in which each of six letters is followed by the next one, but for a tenth of the events."""
    random = np.random.default_rng(seed)
    words = []
    for _ in range(count):
        place, word = random.integers(6), ""
        for _ in range(length + random.integers(4)):
            place = random.integers(6) if random.random() < odd else (place + 1) % 6
            word += TURNS[place]
        words.append(word)
    return words
