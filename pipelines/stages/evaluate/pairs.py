"""The protocols of pairs: retrieval of captions by images and of images by captions, and zero-shot classification.

Both look at the frozen encoder, whose two sides are held against each other on the held-out test pairs.
Letters: M pairs, E size of the common space, K classes, P prompts.
"""

import numpy as np
import torch

from components.arrays import Floats, Ints
from components.encoders.baseline import BATCH, baseline_encoder, baseline_features
from components.encoders.one_side import OneSideConfig
from components.encoders.pixels import PixelsConfig
from components.encoders.tfidf import TfidfConfig
from components.encoders.two_towers import TwoTowers
from components.errors import UserError
from components.evaluation.classification.bootstrap import share_interval
from components.evaluation.representation.pairs import both_ways, by_ridge, named, zero_shot
from components.modalities.pair.config import CLASS
from components.modalities.pair.views import PairViews, seen_pair
from components.modalities.text.tokenizer import tokenizer_of
from pipelines.stages.evaluate.subject import Subject

FITTED = 2000  # training pairs at most that the regressions are fitted on: their cost grows with the cube
PLAIN = (
    OneSideConfig(plain=PixelsConfig(side=16)),
    OneSideConfig(plain=TfidfConfig(words=1024, characters=1024)),
)


def pair_retrieval(subject: Subject) -> dict[str, float]:
    """Recall at 1, 5 and 10 both ways among the test pairs, in the common space; `ridge_...` the same of a regression
    between the frozen features of both encoders, `plain_...` between pixels and tf-idf."""
    towers, test = _towers(subject), subject.table.test_rows()
    own = subject.some(subject.table.train_rows(), FITTED)
    image, text, features = _sides(towers, subject, test)
    learnt = _sides(towers, subject, own)[2]
    ridge = by_ridge(learnt, features)
    plain = by_ridge(_plain(subject, own, own), _plain(subject, own, test))
    return {
        **both_ways(image, text),
        **{f"ridge_{name}": value for name, value in ridge.items()},
        **{f"plain_{name}": value for name, value in plain.items()},
        "samples": len(test),
    }


def prompted(subject: Subject) -> dict[str, float]:
    """Accuracy of the class whose prompts (`modality.prompts`) are the nearest to an image; `most_frequent` that of
    the class with the most test pairs."""
    towers, test = _towers(subject), subject.table.test_rows()
    packing, labels = towers.pair, subject.labels(test)
    sentences = [prompt.replace(CLASS, name) for name in subject.names for prompt in packing.prompts]
    tokens = PairViews(packing).text.collate(tokenizer_of(packing.text).encode(sentences))
    with torch.inference_mode():
        prompts = towers.embed_texts(tokens.to(subject.placement.device)).float().cpu().numpy()
    found = zero_shot(
        _sides(towers, subject, test)[0], prompts.reshape(len(subject.names), len(packing.prompts), -1)
    )
    right = share_interval(int((found == labels).sum()), len(labels))
    most = float(np.bincount(labels).max() / len(labels))
    return {**named({"accuracy": right}), "most_frequent": most, "samples": len(test)}


def _towers(subject: Subject) -> TwoTowers:
    encoder = subject.encoder()[0]
    if not isinstance(encoder, TwoTowers):
        raise UserError(
            "encoder-unsuitable",
            "it needs an encoder of images beside one of captions (two_towers), and this one is "
            f"{type(encoder).__name__}; leave it out",
        )
    return subject.placement.put(encoder).eval()


@torch.inference_mode()
def _sides(towers: TwoTowers, subject: Subject, rows: Ints) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Images and captions in the common space, each [M, E], and the features of both encoders before it."""
    image, text, before, other = list[Floats](), list[Floats](), list[Floats](), list[Floats]()
    for part in np.array_split(rows, -(-len(rows) // BATCH)):
        seen = seen_pair(subject.samples.clean(part, subject.placement.device), towers.pair)
        of_image, of_text = towers.image(seen.image), towers.text(seen.text)
        before.append(of_image.float().cpu().numpy())
        other.append(of_text.float().cpu().numpy())
        image.append(towers.image_projection(of_image).float().cpu().numpy())
        text.append(towers.text_projection(of_text).float().cpu().numpy())
    whole = [np.concatenate(parts) for parts in (image, text, before, other)]
    return whole[0], whole[1], (whole[2], whole[3])


def _plain(subject: Subject, own: Ints, rows: Ints) -> tuple[Floats, Floats]:
    """Pixels of the images and tf-idf of the captions, whose n-grams are those of the pairs `own`."""
    views = subject.samples.views
    made = [baseline_encoder(subject.samples.open(own), views, config) for config in PLAIN]
    image, text = (baseline_features(encoder, subject.samples.open(rows), views) for encoder in made)
    return image, text
