"""What a recipe may ask of a model beyond its accuracy: published protocols by name, each with its published defaults.

    evaluate:
      protocols: [retrieval, clustering, corruptions, low_shot, lora]

Sources: in the modules of components.evaluation that measure. Those that train nothing are asked by default, on a
bounded number of samples; a protocol that cannot be followed is left out with the reason, for by then the model is
trained. All look at the frozen encoder, but for corruptions, which looks at the fine-tuned model.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import numpy as np
import torch
from pydantic import AfterValidator, Field

from components.clustering.kmeans import kmeans, unit
from components.config import Config, unknown
from components.errors import UserError
from components.evaluation.classification.corruptions import robustness
from components.evaluation.representation.clusters import agreement, nearest
from components.evaluation.representation.fine_tuning import How, fine_tune
from components.evaluation.representation.low_shot import low_shot
from components.evaluation.representation.retrieval import retrieve
from pipelines.stages.evaluate.dense import detection, segmentation
from pipelines.stages.evaluate.pairs import pair_retrieval, prompted
from pipelines.stages.evaluate.subject import Subject

Answers = dict[str, float]

# Samples at most: for retrieval, corruptions, clustering, and labels to fine-tune on.
ASKED, DAMAGED, GROUPED, TAUGHT = 2000, 400, 16384, 4000


class Protocols(Config):
    """figures: protocol -> name -> figure. left_out: protocol -> why."""

    figures: dict[str, dict[str, float]] = Field(default_factory=dict)
    left_out: dict[str, str] = Field(default_factory=dict)


def follow(asked: Sequence[str], subject: Subject, say: Callable[[str], None]) -> Protocols:
    """The protocols `asked`, in their order. say: one line for each that is left out."""
    figures, left_out = dict[str, Answers](), dict[str, str]()
    for name in dict.fromkeys(asked):
        try:
            figures[name] = PROTOCOLS[name](subject)
        except UserError as error:
            left_out[name] = str(error)
            say(f"protocol {name} left out: {error}")
    return Protocols(figures=figures, left_out=left_out)


def retrieval(subject: Subject) -> Answers:
    """Each test sample asks the others."""
    rows = subject.some(subject.table.test_rows(), ASKED)
    found = retrieve(subject.frozen(rows), subject.labels(rows))
    recall = {f"recall_{k}": value for k, value in found.recall.items()}
    return {
        **recall,
        "map_at_r": found.map_at_r,
        "reciprocal_rank": found.reciprocal_rank,
        "samples": len(rows),
    }


def clustering(subject: Subject) -> Answers:
    """As many clusters of the training samples as there are classes; the test samples go to the nearest."""
    pool = subject.frozen(subject.some(subject.table.train_rows(), GROUPED))
    centre = pool.mean(axis=0)
    found = kmeans(unit(pool - centre), subject.classes, seed=subject.seed)
    test = subject.table.test_rows()
    given = nearest(subject.frozen(test), found.centroids, centre=centre)
    return {**agreement(given, subject.labels(test)), "samples": len(test)}


def corruptions(subject: Subject) -> Answers:
    """noise_1 to geometric_5; clean; mean of the twenty."""
    if subject.samples.packing.name != "image":
        raise UserError(
            "modality-unsuitable",
            "corruptions damage images, and the recipe's modality is another; leave them out",
        )
    images, labels = subject.views(subject.some(subject.table.test_rows(), DAMAGED))
    found = robustness(subject.placement.put(subject.model).eval(), images, labels, seed=subject.seed)
    (clean,) = found.pop("clean")
    each = {f"{kind}_{i}": value for kind, values in found.items() for i, value in enumerate(values, start=1)}
    return {**each, "clean": clean, "mean": float(np.mean(list(each.values()))), "samples": len(labels)}


def few_labels(subject: Subject) -> Answers:
    """1 % and 10 % of the labels: accuracy, deviation between the draws, labels."""
    own, test = subject.table.labelled_rows(), subject.table.test_rows()
    given = (subject.frozen(own), subject.labels(own), subject.frozen(test), subject.labels(test))
    found = low_shot(*given, subject.classes, seed=subject.seed)
    return {
        f"{name}_{share:.0%}".replace("%", "_percent"): value
        for share, shot in found.items()
        for name, value in vars(shot).items()
    }


def tuned(how: How, subject: Subject) -> Answers:
    """Accuracy of a head and of what `how` lets learn of the encoder, trained on the labels alone."""
    images, labels = subject.views(subject.some(subject.table.labelled_rows(), TAUGHT))
    model = fine_tune(subject.encoder()[0], images, labels, subject.classes, how=how, seed=subject.seed)
    test, right = subject.table.test_rows(), 0
    for part in np.array_split(test, -(-len(test) // 512)):
        shown, truth = subject.views(part)
        with torch.inference_mode():
            right += int((model(shown).argmax(dim=1) == truth).sum())
    return {"accuracy": right / len(test), "labels": len(labels)}


PROTOCOLS: dict[str, Callable[[Subject], Answers]] = {
    "retrieval": retrieval,
    "clustering": clustering,
    "corruptions": corruptions,
    "low_shot": few_labels,
    "fine_tuning": partial(tuned, "full"),
    "freezing": partial(tuned, "frozen"),
    "lora": partial(tuned, "lora"),
    "segmentation": segmentation,
    "detection": detection,
    "pair_retrieval": pair_retrieval,
    "zero_shot": prompted,
}
CHEAP = ("retrieval", "clustering")
OF_KIND = {"image": ("corruptions",), "pair": ("pair_retrieval", "zero_shot")}


def cheap(modality: str) -> tuple[str, ...]:
    """Those that train nothing and suit this kind of data."""
    return (*CHEAP, *OF_KIND.get(modality, ()))


def _known(name: str) -> str:
    if name not in PROTOCOLS:
        raise ValueError(
            unknown(name, list(PROTOCOLS)).replace("key", "protocol", 1).replace("keys", "protocols")
        )
    return name


Name = Annotated[str, AfterValidator(_known)]
