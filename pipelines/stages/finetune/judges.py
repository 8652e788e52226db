"""What judges a fine-tuning: cross-fitting folds, the same encoder with the labels alone, the same network from random.

First the linear models, which take seconds and need no views; then all that learns from labels alone, side by side,
which says from which start the method goes on; then the folds of the method.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from components.arrays import Ints
from components.encoders import Encoder, ServedConfig, build_encoder
from components.encoders.published import Published, published
from components.evaluation.classification.probe import Probe
from components.implementations import name_of
from components.registry.model import ModelConfig
from components.training.finetune import Material, Network, final_parts
from components.training.loop import Trained
from pipelines.stages.finetune.baseline import Grid, Scratch
from pipelines.stages.finetune.config import FinetuneConfig
from pipelines.stages.finetune.cross_fit import Held, folds_of, held_out, lead_of
from pipelines.stages.finetune.head import Frozen, fit_head
from pipelines.stages.finetune.lead import Leaderboard, Networks
from pipelines.stages.finetune.linear_models import (
    linear,
    on_plain_features,
    plain_features,
    shown_plainly,
    simple_model,
    simple_names,
)
from pipelines.stages.finetune.trainings import (
    Fold,
    Linears,
    Meter,
    Simple,
    Start,
    finetune,
    linear_folds,
    method_folds,
    simple_folds,
)

OnPlain = Callable[[], tuple[Network, ServedConfig]]


class Foreign(NamedTuple):
    """A published encoder, and its features of the labels, [n, F]."""

    encoder: Published
    own: NDArray[np.float32]


@dataclass(frozen=True)
class Judges:
    """of: [n] fold of each label, None where none can be held out. probe: the head on the frozen features, of
    all labels and pseudo-labels; on_labels: of the labels alone. plain: regression on plain features, fitted when
    it is first asked for; others: likewise the simple models beside it, by name. published: what the portfolio names.
    simple, folds: of the models on labels alone and of the method. alone: None where the method is just that. scratch:
    None where the recipe has no such baseline. start: of the method's training; reason: why it is not the pretrained
    encoder, if it is not."""

    of: Ints | None
    probe: Probe
    on_labels: Probe
    plain: OnPlain
    others: Mapping[str, OnPlain]
    published: Foreign | None
    simple: Sequence[Simple]
    folds: Sequence[Fold]
    alone: Trained | None
    scratch: Scratch | None
    start: Start
    reason: str | None


@dataclass(frozen=True)
class First:
    """of, on_labels, plain, others, published: as in Judges. folds: of the linear models."""

    of: Ints | None
    on_labels: Probe
    plain: OnPlain
    others: Mapping[str, OnPlain]
    published: Foreign | None
    folds: Sequence[Linears]


def simple_held(of: Ints, simple: Sequence[Linears], material: Material) -> dict[str, Held]:
    """What the models on labels alone answer on the labels that they were not given, by the candidate's name."""
    parts = {"plain": "plain", "probe": "before"}
    if isinstance(simple[0], Simple):
        parts["alone"] = "alone"
    if simple[0].published is not None:
        parts["published"] = "published"
    found = {
        name: held_out(of, [getattr(fold, part) for fold in simple], material) for name, part in parts.items()
    }
    others = simple[0].others
    return found | {name: held_out(of, [fold.others[name] for fold in simple], material) for name in others}


def first_look(
    request: FinetuneConfig,
    encoder: Encoder,
    frozen: Frozen,
    material: Material,
    meter: Meter,
    lead: Leaderboard,
) -> First:
    """Judge the linear models, which take seconds and see no views: the best of them is a model that can be used."""
    of = folds_of(material.labels, request.cross_fit.folds, request.seed)
    head = fit_head(request, frozen, material, pseudo=False)
    other, plain = published_encoder(request, material, lead.model, meter), plain_features(material)
    shown, folds = shown_plainly(plain, material), []
    if of is not None:
        folds = meter.side_by_side(
            linear_folds(request, frozen, other and other.own, shown, of, material, meter)
        )
    on_plain_once = cache(partial(on_plain_features, plain, material, request.seed))
    others = {
        name: cache(partial(simple_model, name, shown, material, request.seed))
        for name in simple_names(request, material)
    }
    networks: Networks = {
        "plain": on_plain_once,
        **others,
        "probe": lambda: (Network(encoder, linear(head.raw())), lead.model.encoder),
    }
    judged = simple_held(of, folds, material) if of is not None else {}
    lead.tell(judged, networks, "all layers trained on the labels alone")
    return First(of, head, on_plain_once, others, other, folds)


def train_judges(
    request: FinetuneConfig,
    encoder: Encoder,
    frozen: Frozen,
    first: First,
    material: Material,
    meter: Meter,
    lead: Leaderboard,
) -> Judges:
    """Train them all. lead: who is told of them."""
    of, on_labels, model = first.of, first.on_labels, lead.model
    head = on_labels if request.labels_alone else fit_head(request, frozen, material)
    start = Start(encoder, head, request.learning_rate)
    grid = Grid(request, model, material, meter) if request.scratch.steps else None
    jobs: list[Callable[[], Any]] = []
    if of is not None:
        jobs += simple_folds(request, encoder, first.folds, of, material, meter)
    count = len(jobs)
    jobs += grid.jobs() if grid else []
    if not request.labels_alone:
        meter.announce("alone")
        jobs.append(partial(_alone, request, encoder, on_labels, material, meter))
    done = meter.side_by_side(jobs)
    simple = done[:count]
    alone = None if request.labels_alone else done.pop()
    rate, evidence = grid.best(done[count:]) if grid else (0.0, None)
    reason = None
    if of is not None:
        judged = simple_held(of, simple, material)
        reason = random_is_better(evidence, judged["alone"]) if evidence else None
        start = from_random(request, model, material, rate) if reason else start
        networks: Networks = {} if alone is None else {"alone": lambda: (final_parts(alone), model.encoder)}
        tried_next = f"{name_of(request.method)} from {'random' if reason else 'the pretrained encoder'}"
        lead.tell(judged | ({"scratch": evidence} if evidence else {}), networks, tried_next)
    jobs = method_folds(request, start, frozen, of, simple, material, meter) if of is not None else []
    if grid:
        meter.announce("scratch")
        jobs.append(partial(grid.final, rate, evidence))
    done = meter.side_by_side(jobs)
    scratch = done[-1] if grid else None
    return Judges(
        of,
        head,
        on_labels,
        first.plain,
        first.others,
        first.published,
        simple,
        done[: len(simple)],
        alone,
        scratch,
        start,
        reason,
    )


def published_encoder(
    request: FinetuneConfig, material: Material, model: ModelConfig, meter: Meter
) -> Foreign | None:
    """Raises UserError: the recipe names one that is not there."""
    if request.portfolio is None or request.portfolio.published is None:
        return None
    cache = meter.context.settings.home / "cache"
    encoder = published(request.portfolio.published, cache=cache, channels=model.packing.channels)
    if model.packing.scale is not None:  # kept values are no bytes
        return Foreign(encoder, material.features(encoder, material.labelled))
    return Foreign(
        encoder, encoder.features(material.packed.gather(torch.from_numpy(material.labelled)).numpy())
    )


def random_is_better(scratch: Held, alone: Held) -> str | None:
    """Why the method should begin from random: on held-out labels the network from random is better than the pretrained
    encoder by more than a standard error, both trained on labels alone. None where it is not."""
    ahead = lead_of(scratch, alone)
    if ahead is None:
        return None
    gain, error = ahead
    return (
        f"from random the labels alone give {gain:+.1%} on held-out labels (standard error {error:.1%}) over the "
        "pretrained encoder, so the method begins from random"
    )


def from_random(request: FinetuneConfig, model: ModelConfig, material: Material, rate: float) -> Start:
    torch.manual_seed(request.seed)
    encoder = build_encoder(model.encoder, model.packing)
    return Start(material.placement.put(encoder), None, rate)


def _alone(
    request: FinetuneConfig, encoder: Encoder, head: Probe, material: Material, meter: Meter
) -> Trained:
    """The same encoder trained on the labels alone."""
    every = np.arange(len(material.labels))
    return finetune(request, Start(encoder, head, request.learning_rate), material, every, meter, alone=True)
