"""Models that rank items, made and measured on the events that are held out.

Letters: M users, V items.
"""

from typing import Any

import numpy as np
import torch

from components.arrays import Ints
from components.encoders import Encoder, ServedConfig
from components.evaluation.ranking.gains import Gains, gains_of
from components.evaluation.ranking.histories import Histories
from components.evaluation.ranking.simple import Arrays, popularity
from components.modalities.events.config import FIRST, EventsPacking
from components.modalities.events.packed import PackedEvents, Part
from components.modalities.samples import Samples
from components.registry.ranking_model import Method, RankingDescription, RankingModel, described
from components.tasks.ranking import AT

BATCH = 1 << 24  # scores that are made at a time


def ranker(
    method: Method,
    arrays: Arrays,
    given: Histories,
    encoder: Encoder,
    config: ServedConfig,
    packing: EventsPacking,
    *,
    repeats: bool,
    top: int,
) -> RankingModel:
    """A model that is ready to be saved. arrays: of a simple model, none of the encoder. given: what popularity is
    counted in."""
    model = RankingModel(
        RankingDescription(
            encoder=config,
            packing=packing,
            method=method,
            repeats=repeats,
            top=top,
            shapes=described(arrays),
        )
    )
    model.encoder.load_state_dict(encoder.state_dict())
    model.fill({**arrays, "popular": popularity(given)["prior"]})
    return model.eval()


def open_events(samples: Samples, rows: Ints, part: Part) -> PackedEvents:
    """The histories of these rows up to what `part` is measured on."""
    packed = samples.open(rows)
    assert isinstance(packed, PackedEvents), "the task ranking works on event histories"
    return packed.before(part)


@torch.inference_mode()
def measured(model: RankingModel, packed: PackedEvents, targets: Ints) -> Gains:
    """Gains of the rows of `packed`, each with the item [M] (0 to V - 1, -1 for one that is unknown, which nobody can
    recommend) that was chosen next."""
    size = max(1, BATCH // max(1, len(model.names)))
    hits, ndcg = [np.zeros(0)], [np.zeros(0)]
    for start in range(0, len(targets), size):
        index = torch.arange(start, min(start + size, len(targets)))
        scores = model.scores(packed.gather(index)).double().numpy()
        own = targets[start : start + size]
        found = gains_of(scores, np.maximum(own, 0), AT)
        hits.append(np.where(own >= 0, found.hit, 0.0))
        ndcg.append(np.where(own >= 0, found.ndcg, 0.0))
    return Gains(np.concatenate(hits), np.concatenate(ndcg))


@torch.inference_mode()
def recommended(model: RankingModel, packed: PackedEvents) -> dict[str, Any]:
    """What the model finds for these rows: arrays [M, ...] by name."""
    size = max(1, BATCH // max(1, len(model.names)))
    parts = [
        model.see(packed.gather(torch.arange(start, min(start + size, len(packed)))))
        for start in range(0, max(1, len(packed)), size)
    ]
    return {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}


def asked(packed: PackedEvents) -> tuple[PackedEvents, Ints]:
    """Those of the rows for which there is something to predict, and which item it is: 0 to V - 1, -1 where unknown."""
    targets = packed.targets()
    there = targets > 0
    return packed.select(packed.rows[there]), np.where(targets >= FIRST, targets - FIRST, -1)[there]
