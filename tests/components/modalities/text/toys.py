"""Made-up texts, small enough to follow by hand, and a vocabulary for them."""

import numpy as np

from components.modalities.text.config import TextConfig, TextPacking
from components.modalities.text.tokenizer import SPECIAL

LETTERS = [chr(ord("a") + k) for k in range(26)]
VOCABULARY = (*SPECIAL, "▁", *LETTERS, "▁the", "▁cat", "▁dog", "▁sat", "▁ran", "s", "ting")
SUBJECTS = ("cat", "dog", "bird", "ship", "star", "king", "rose", "lake")
VERBS = ("sleeps", "runs", "shines", "rules", "sinks", "grows", "waits", "sings")
PLACES = ("house", "garden", "water", "night", "castle", "forest", "harbour", "field")


def packing(length=16, vocabulary=VOCABULARY):
    return TextPacking(read_as=TextConfig(length=length), vocabulary=vocabulary)


def sentences(count, seed=0):
    """`count` texts of 4 to 12 words, as bytes."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        subject, verb, place, more = (rng.integers(8) for _ in range(4))
        text = f"the {SUBJECTS[subject]} {VERBS[verb]} in the {PLACES[place]}"
        made.append((text + " with the others and waits for nobody"[: 6 * more]).encode())
    return made


def batches(samples, size=7):
    """As `pack` takes them."""
    return lambda: (samples[start : start + size] for start in range(0, len(samples), size))
