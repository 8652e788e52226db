"""The protocols that look at maps: segmentation and detection on scenes composed of the user's own pictures.

A scene has twice the side of a picture and up to three of them on black ground. So pictures on dark ground come out
as objects of their own shape, and others as their bright parts.
"""

import numpy as np
import torch

from components.encoders.base import MapEncoder
from components.errors import UserError
from components.evaluation.classification.average_precision import average_precision
from components.evaluation.dense.canvas import Scenes, compose
from components.evaluation.dense.detection import detect, fit_detector
from components.evaluation.dense.segmentation import fit_segmenter, intersection_over_union, maps_of, mean_iou
from pipelines.stages.evaluate.subject import Subject

PICTURES = 2000  # at most, that scenes are composed of
TAUGHT, SHOWN = 300, 150  # scenes to learn from, and to be measured on
INK = 0.2  # a pixel above it belongs to its object


def segmentation(subject: Subject) -> dict[str, float]:
    """mean_iou; nothing: of answering background everywhere."""
    encoder, (train, test) = _mapping(subject), _scenes(subject)
    kinds = subject.classes + 1
    model = fit_segmenter(maps_of(encoder, train.images), train.masks, kinds, seed=subject.seed)
    empty = intersection_over_union(test.masks, torch.zeros_like(test.masks), kinds)
    found = mean_iou(model, maps_of(encoder, test.images), test.masks)
    return {"mean_iou": found, "nothing": float(empty.nanmean()), "scenes": len(test.images)}


def detection(subject: Subject) -> dict[str, float]:
    """average_precision: mean over the classes."""
    encoder, (train, test) = _mapping(subject), _scenes(subject)
    known = {"kinds": subject.classes, "cell": encoder.reduction}
    head = fit_detector(
        maps_of(encoder, train.images), train.boxes, train.classes, **known, seed=subject.seed
    )
    boxes = detect(head, maps_of(encoder, test.images), encoder.reduction)
    found = average_precision(boxes, test.boxes, test.classes, kinds=subject.classes)
    return {"average_precision": float(np.mean(list(found.values()))), "scenes": len(test.images)}


def _mapping(subject: Subject) -> MapEncoder:
    encoder = subject.placement.put(subject.encoder()[0])
    if not isinstance(encoder, MapEncoder):
        raise UserError(
            "encoder-unsuitable",
            f"dense protocols need an encoder with maps (resnet), and this one is {type(encoder).__name__}; "
            "leave segmentation and detection out",
        )
    return encoder


def _scenes(subject: Subject) -> tuple[Scenes, Scenes]:
    """Of labelled training pictures, and of test pictures."""
    table, made = subject.table, list[Scenes]()
    for rows, count in ((table.labelled_rows(), TAUGHT), (table.test_rows(), SHOWN)):
        images, labels = (part.cpu() for part in subject.views(subject.some(rows, PICTURES)))
        seen = (images > INK).flatten(1).any(dim=1)
        if not seen.any():
            raise UserError(
                "pictures-too-dark",
                f"pictures brighter than {INK} somewhere needed to compose scenes, got none",
            )
        side, seed = 2 * images.shape[-1], 2 * subject.seed + len(made)
        made.append(compose(images[seen], labels[seen], count, side=side, ink=INK, seed=seed))
    return made[0], made[1]
