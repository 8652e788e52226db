"""The candidates in which no network is trained: ridge regression, boosting and nearest labels, each as a network.

Letters: n labels, D features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from components.arrays import Doubles, Floats, Ints
from components.encoders import Encoder, NearestMeanConfig, ServedConfig, build_encoder
from components.encoders.baseline import (
    baseline_config,
    baseline_encoder,
    baseline_features,
    linear_config,
)
from components.encoders.nearest_mean import NearestMean
from components.encoders.trees import trees_of
from components.evaluation.regression.nearest import choose_k
from components.evaluation.regression.ridge import fit_ridge
from components.modalities.table.boosting import fit_boosting_regressor
from components.modalities.view_maker import ViewMaker
from components.training.finetune_numbers import NumberNetwork, Numbers


@dataclass(frozen=True)
class Seen:
    """Labelled samples as simple models see them: of some of the labels after take().

    plain, linear, frozen: encoders of plain features, of those for a ridge regression, and the pretrained one, with
    what they are. on_plain, on_linear, on_frozen: [n, D].
    """

    material: Numbers
    plain: Encoder
    linear: Encoder
    frozen: Encoder
    frozen_config: ServedConfig
    on_plain: Floats
    on_linear: Floats
    on_frozen: Floats

    def take(self, use: Ints) -> "Seen":
        """Of these labels alone."""
        material = replace(
            self.material, labelled=self.material.labelled[use], targets=self.material.targets[use]
        )
        known = {name: getattr(self, name)[use] for name in ("on_plain", "on_linear", "on_frozen")}
        return replace(self, material=material, **known)


def seen_by(material: Numbers, encoder: Encoder, config: ServedConfig) -> Seen:
    """encoder: the pretrained one; config: what it is."""
    packed, views = material.packed, material.views
    plain = linear = baseline_encoder(packed, views)
    on_plain = on_linear = baseline_features(plain, packed, views, material.labelled)
    if (other := linear_config(views)) != baseline_config(views):
        linear = baseline_encoder(packed, views, other)
        on_linear = baseline_features(linear, packed, views, material.labelled)
    on_frozen = material.features(encoder, material.labelled)
    return Seen(material, plain, linear, encoder, config, on_plain, on_linear, on_frozen)


def ridge_on_plain(seen: Seen, seed: int) -> NumberNetwork:
    found = fit_ridge(seen.on_linear, seen.material.targets)
    config = linear_config(seen.material.views)
    return NumberNetwork(seen.material.placement.put(seen.linear), head_of(found.weight, found.bias), config)


def ridge_on_frozen(seen: Seen, seed: int) -> NumberNetwork:
    found = fit_ridge(seen.on_frozen, seen.material.targets)
    return NumberNetwork(seen.frozen, head_of(found.weight, found.bias), seen.frozen_config)


def nearest(seen: Seen, seed: int) -> NumberNetwork:
    targets, views = seen.material.targets, seen.material.views
    k, _ = choose_k(seen.on_plain, targets)
    config = NearestMeanConfig(plain=baseline_config(views), samples=len(targets), k=k)
    encoder = build_encoder(config, views.packing)
    assert isinstance(encoder, NearestMean)
    encoder.plain.load_state_dict(seen.plain.state_dict())
    encoder.remember(torch.from_numpy(seen.on_plain), torch.from_numpy(targets))
    return NumberNetwork(seen.material.placement.put(encoder.eval()), head_of(np.ones(1), 0.0), config)


def boosting(seen: Seen, seed: int) -> NumberNetwork:
    views = seen.material.views
    rows = seen.material.packed.gather(torch.from_numpy(seen.material.labelled))
    fitted = fit_boosting_regressor(views.clean(rows).numpy(), seen.material.targets, views.packing, seed)
    encoder = trees_of(fitted, views.packing)
    placed = seen.material.placement.put(encoder.eval())
    return NumberNetwork(placed, head_of(np.ones(1), 0.0), encoder.config)


SIMPLE: Mapping[str, Callable[[Seen, int], NumberNetwork]] = {
    "plain": ridge_on_plain,
    "boosting": boosting,
    "knn": nearest,
    "probe": ridge_on_frozen,
}


def fitting(views: ViewMaker[Any, Any]) -> tuple[str, ...]:
    """Those that this kind of data has: ridge regressions, and what its view maker names."""
    return tuple(name for name in SIMPLE if name in ("plain", "probe", *views.simple))


def head_of(weight: Doubles, bias: float) -> nn.Linear:
    """[D] and a number as a layer."""
    head = nn.Linear(len(weight), 1)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(np.asarray(weight, dtype=np.float64)))
        head.bias.fill_(bias)
    return head
