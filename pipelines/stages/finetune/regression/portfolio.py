"""Which model is served: the method's network, a simpler one, or several as one.

Every candidate is judged by what it predicts for labels that it was not given. The weighted mean of the candidates is
one network again: linear heads on the features of encoders side by side (components.encoders.joined).
Letters: C candidates, n labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from components.arrays import Doubles, Ints
from components.encoders import JoinedConfig, build_encoder
from components.encoders.joined import Joined
from components.evaluation.regression.metrics import r2
from components.evaluation.regression.stacking import stacked_numbers
from components.training.finetune_numbers import NumberNetwork, Numbers
from pipelines.registry.number_candidates import COMMITTEE, TOLD, NumberPortfolio, NumberRow
from pipelines.stages.finetune.regression.config import METHOD, NumberPortfolioConfig


@dataclass(frozen=True)
class Held:
    """targets [n], standardised; predictions [n] of them by candidate, each by a training that was not given the label.
    fold [n]: the one it was in."""

    targets: Doubles
    predictions: Mapping[str, Doubles]
    fold: Ints

    def r2(self, predicted: Doubles) -> float:
        return float(r2(self.targets, predicted))


@dataclass(frozen=True)
class Chosen:
    """network: what is served. residuals: [n] of held-out labels, standardised. portfolio: why."""

    network: NumberNetwork
    residuals: Doubles
    portfolio: NumberPortfolio


def weigh(config: NumberPortfolioConfig, held: Held) -> Doubles:
    """[C] weights in the mean, of sum 1; one candidate has all where it leads."""
    answers = np.stack(list(held.predictions.values()))
    prior = np.full(len(answers), 1 / len(answers))
    weight = stacked_numbers(answers, held.targets, prior, config.strength)
    best = int(weight.argmax())
    if weight[best] >= config.lead:
        return np.asarray(np.eye(len(weight))[best], dtype=np.float64)
    weight = np.where(weight >= config.least, weight, 0.0)
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def choose(
    config: NumberPortfolioConfig | None,
    networks: Mapping[str, NumberNetwork],
    held: Held,
    material: Numbers,
) -> Chosen:
    """networks: by candidate, of all labels, in the order of the predictions. config: None serves the method alone."""
    names = list(networks)
    one = np.array([float(name == METHOD) for name in names])
    weight = one if config is None else weigh(config, held)
    mean = sum(w * held.predictions[name] for w, name in zip(weight, names, strict=True))
    assert isinstance(mean, np.ndarray)
    rows = [
        NumberRow(name=name, r2=held.r2(held.predictions[name]), weight=float(w))
        for name, w in zip(names, weight, strict=True)
    ]
    parts = {name: float(w) for name, w in zip(names, weight, strict=True) if w > 0}
    if len(parts) == 1:
        (served,) = parts
        network = networks[served]
        reason = f"{TOLD[served]} is served alone: " + (
            "the recipe has no portfolio"
            if config is None
            else "the held-out labels leave little to the others"
        )
    else:
        served, network = COMMITTEE, joined([(networks[name], w) for name, w in parts.items()], material)
        shares = ", ".join(f"{TOLD[name]} {w:.0%}" for name, w in parts.items())
        reason = f"several are served as one, by weight: {shares}"
    told = NumberPortfolio(served=served, reason=reason, rows=rows, r2=held.r2(mean))
    return Chosen(network, mean - held.targets, told)


def joined(parts: list[tuple[NumberNetwork, float]], material: Numbers) -> NumberNetwork:
    """The network whose number is the sum of the parts', each times its weight; those that learnt nothing last."""
    ordered = sorted(parts, key=lambda part: not part[0].encoder.learnt)
    members = [network.config.model_dump() for network, _ in ordered]
    config = JoinedConfig.model_validate({"members": members})
    encoder = build_encoder(config, material.views.packing)
    assert isinstance(encoder, Joined)
    for member, (network, _) in zip(encoder.members, ordered, strict=True):
        member.load_state_dict(network.encoder.state_dict())
    device = ordered[0][0].head.weight.device
    head = nn.Linear(encoder.feature_dim, 1, device=device)
    with torch.no_grad():
        weights = [network.head.weight.to(device) * w for network, w in ordered]
        head.weight.copy_(torch.cat(weights, dim=1))
        head.bias.copy_(sum((network.head.bias.to(device) * w for network, w in ordered), torch.zeros(1)))
    return NumberNetwork(encoder.to(device).eval(), head, config)


def lines(portfolio: NumberPortfolio) -> list[str]:
    """For a person: R² of each candidate on held-out labels, and what is served."""
    ordered = sorted(portfolio.rows, key=lambda row: -row.r2)
    leading = ", ".join(f"{TOLD[row.name]} {row.r2:.3f}" for row in ordered)
    return [f"R² on held-out labels: {leading}; what is served {portfolio.r2:.3f}", portfolio.reason]
