"""Nearest neighbours, gradient boosting and regression on captions, fitted on labelled samples, as networks that are
judged and served like any other.

Each is tuned on the labels that it is given, and what is fitted becomes tensors: no pickle, no scikit-learn where it is
served. Which of them a kind of data has is `ViewMaker.simple`; logistic regression on plain features, which every kind
has, is components.evaluation.classification.baselines.fit_plain.
Letters: n labelled samples, D plain features, K classes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from components.arrays import Doubles, Floats, Ints
from components.data.packed import Packed
from components.encoders import Encoder, NeighboursConfig, ServedConfig, build_encoder
from components.encoders.baseline import baseline_config, baseline_encoder, baseline_features
from components.encoders.neighbours import Neighbours
from components.encoders.one_side import OneSideConfig
from components.encoders.tfidf import TfidfConfig
from components.encoders.trees import trees_of
from components.evaluation.classification.baselines import fit_plain
from components.evaluation.classification.knn import choose_k
from components.evaluation.classification.probe import Probe
from components.modalities.table.baseline import fit_boosting
from components.modalities.view_maker import ViewMaker

ABSENT = -20.0  # logit of a class without a label: never predicted


@dataclass(frozen=True)
class Shown:
    """Samples as simple models see them. positions: [n] of `packed`. plain: the encoder of the kind's plain features;
    features: [n, D], what it gives for these."""

    packed: Packed
    maker: ViewMaker[Any, Any]
    positions: Ints
    plain: Encoder
    features: Floats

    def take(self, which: Ints) -> "Shown":
        """Some of them."""
        return replace(self, positions=self.positions[which], features=self.features[which])

    def clean(self) -> Floats:
        """[n, ...] clean views."""
        found: Floats = self.maker.clean(self.packed.gather(torch.from_numpy(self.positions))).numpy()
        return found


def shown_by(plain: Encoder, packed: Packed, maker: ViewMaker[Any, Any]) -> Shown:
    """All samples of `packed`."""
    return Shown(packed, maker, np.arange(len(packed)), plain, baseline_features(plain, packed, maker))


class SimpleModel(NamedTuple):
    """A network whose encoder learnt nothing but what it holds of the labels. config: of the encoder."""

    encoder: Encoder
    head: nn.Linear
    config: ServedConfig

    @torch.inference_mode()
    def logits(self, shown: Shown) -> Doubles:
        """[n, K] of these samples."""
        if isinstance(self.encoder, Neighbours):  # their plain features are there already
            seen = self.encoder.votes(torch.from_numpy(shown.features))
        else:
            found = baseline_features(self.encoder, shown.packed, shown.maker, shown.positions)
            seen = torch.from_numpy(found)
        return np.asarray(self.head(seen).double().numpy(), dtype=np.float64)


def neighbours(shown: Shown, labels: Ints, classes: int, seed: int = 0) -> SimpleModel:
    """k nearest neighbours on plain features, k chosen by leaving one label out at a time; nothing here is random."""
    bank, known = torch.from_numpy(shown.features), torch.from_numpy(labels)
    config = NeighboursConfig(
        plain=baseline_config(shown.maker),
        samples=len(labels),
        classes=classes,
        k=choose_k(bank, known, classes=classes),
    )
    encoder = build_encoder(config, shown.maker.packing)
    assert isinstance(encoder, Neighbours)
    encoder.plain.load_state_dict(shown.plain.state_dict())
    encoder.remember(bank, known)
    return SimpleModel(encoder.eval(), _head(torch.eye(classes), torch.zeros(classes)), config)


def boosting(shown: Shown, labels: Ints, classes: int, seed: int = 0) -> SimpleModel:
    """Histogram gradient boosting on rows of a table; the head gives its raw scores to the classes that have labels.

    Raises:
        UserError: fewer than two classes among the labels.
    """
    fitted = fit_boosting(shown.clean(), labels, classes, shown.maker.packing, seed)
    encoder = trees_of(fitted.estimator, shown.maker.packing)
    weight, bias = torch.zeros(classes, encoder.feature_dim), torch.full((classes,), ABSENT)
    present = torch.from_numpy(fitted.classes)
    bias[present] = 0.0
    if encoder.feature_dim == 1:  # one score for two classes: the logarithm of their odds
        weight[present[1], 0] = 1.0
    else:
        weight[present, torch.arange(len(present))] = 1.0
    return SimpleModel(encoder.eval(), _head(weight, bias), encoder.config)


def caption(shown: Shown, labels: Ints, classes: int, seed: int = 0) -> SimpleModel:
    """Logistic regression on tf-idf of the captions of pairs, whose n-grams and weights are those of these captions."""
    config = OneSideConfig(plain=TfidfConfig())
    encoder = baseline_encoder(shown.packed.select(shown.packed.rows[shown.positions]), shown.maker, config)
    features = baseline_features(encoder, shown.packed, shown.maker, shown.positions)
    linear = fit_plain(features, labels, classes, seed=seed).raw()
    head = _head(torch.from_numpy(linear.weight).float(), torch.from_numpy(linear.bias).float())
    return SimpleModel(encoder, head, config)


SIMPLE: Mapping[str, Callable[[Shown, Ints, int, int], SimpleModel]] = {
    "knn": neighbours,
    "boosting": boosting,
    "caption": caption,
}
"""By the name that ViewMaker.simple and a recipe's `candidates` have for it; evaluation adds `_plain`."""


def on_plain_features(
    own: Shown, labels: Ints, asked: Shown, classes: int, seed: int = 0
) -> tuple[dict[str, Doubles], Probe]:
    """Every baseline of this kind of data: logits [m, K] of the samples asked by models of [n] labelled ones, by the
    names that evaluation gives them; and the regression."""
    probe = fit_plain(own.features, labels, classes, seed=seed)
    answers = {"logistic_plain": probe.logits(asked.features)}
    for name in own.maker.simple:
        answers[f"{name}_plain"] = SIMPLE[name](own, labels, classes, seed).logits(asked)
    return answers, probe


def _head(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    head = nn.Linear(weight.shape[1], len(weight))
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
    return head
