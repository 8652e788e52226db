"""New deliveries beside old samples: whether each looks, to an encoder, like what the encoder has seen.

Old samples are dealt out among the deliveries, so that the tests share none and are independent of each other.
Torch is imported only when there is something to look at.
Letters: n rows, D feature size.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from components.config import Config
from components.data.table import Table
from components.monitoring.drift import mmd_test
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest

if TYPE_CHECKING:
    from components.modalities.samples import Samples

LOOK = 2_000  # samples of each side that are looked at, in all
FEWEST = 20  # samples of a delivery that say anything
PERMUTATIONS = 499  # with these a level of 0.01 is met exactly

Rows = NDArray[np.int64]


class Window(Config):
    """A delivery: samples of it that were compared, the estimate of MMD^2 to old samples, the test's p-value."""

    delivery: str
    samples: int
    statistic: float
    p: float


def compare(
    table: Table,
    samples: "Samples",
    fresh: Rows,
    deliveries: Mapping[str, str],
    pretrain: tuple[str, Manifest],
    context: Context,
    *,
    last: int,
    seed: int,
) -> list[Window]:
    """The last deliveries among the `fresh` rows, oldest first, each against its share of the other training rows.

    Args:
        deliveries: digest of a shard -> name of the delivery that it came with.
        pretrain: reference and manifest of the run whose encoder looks.
    """
    rng = np.random.default_rng(seed)
    parts = list(by_delivery(table, fresh, deliveries).items())[-last:]
    old = np.setdiff1d(table.train_rows(), fresh)
    if not parts or len(old) < FEWEST * len(parts):
        return []
    new = [_some(rows, LOOK // len(parts), rng) for _, rows in parts]
    shares = np.array_split(rng.permutation(_some(old, LOOK, rng)), len(parts))
    features = encode(pretrain, samples, np.concatenate([*new, *shares]), context)
    cuts = np.cumsum([len(rows) for rows in (*new, *shares)])[:-1]
    seen = np.split(features, cuts)
    found = []
    for place, (name, _) in enumerate(parts):
        x, y = seen[place], seen[len(parts) + place]
        statistic, p = mmd_test(x, y, permutations=PERMUTATIONS, seed=seed + place)
        found.append(Window(delivery=name, samples=len(x), statistic=statistic, p=p))
    return found


def by_delivery(table: Table, rows: Rows, deliveries: Mapping[str, str]) -> dict[str, Rows]:
    """Delivery -> its rows, in order of arrival; those with too few to say anything are left out."""
    names = np.array(
        [deliveries.get(shard, shard[:12]) for shard in table.shards[rows].tolist()], dtype=np.str_
    )
    found = {name: rows[names == name] for name in dict.fromkeys(names.tolist())}
    return {name: part for name, part in found.items() if len(part) >= FEWEST}


def encode(
    pretrain: tuple[str, Manifest], samples: "Samples", rows: Rows, context: Context
) -> NDArray[np.float32]:
    """[n, D] the features of these rows of a packed array."""
    import torch

    from components.training.device import place
    from pipelines.inference.encoder import load_encoder

    reference, manifest = pretrain
    weights = context.file(reference, Artifact.model_validate(manifest.output["encoder"]))
    encoder = load_encoder(manifest.output, weights)
    placement = place(context.settings.device, manifest.request["train"]["precision"])
    encoder, packed, views = placement.put(encoder).eval(), samples.open(rows), samples.views
    found = []
    with torch.inference_mode(), placement.autocast():
        for index in torch.split(torch.arange(len(rows)), 256):
            found.append(encoder(views.clean(packed.gather(index).to(placement.device))).float().cpu())
            context.progress(int(index[-1] + 1) / len(rows), f"{int(index[-1] + 1)} samples looked at")
    return torch.cat(found).numpy()


def _some(rows: Rows, most: int, rng: np.random.Generator) -> Rows:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
