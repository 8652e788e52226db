"""Which model is served: the method's network, a simpler one, or several as one.

Every candidate is judged by what it answers on labels that it was not given. With few labels that says little about
which is best, so their calibrated answers are averaged rather than one of them chosen: as a logarithmic pool
(components.encoders.joined), which is one network and needs no further training. Measured on chess pieces in styles
that no training sample has (docs/log.md): a student that learnt from the mean was 12 points below the mean itself.
The weights are those of components.evaluation.classification.stacking. Where the evidence is strong enough for one
candidate it is served alone, whoever made it.
Letters: n labels, h of them held out in turn, K classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from components.arrays import Doubles
from components.encoders import Encoder, JoinedConfig, ServedConfig, build_encoder
from components.encoders.joined import Joined
from components.evaluation.classification.calibration import log_loss, softmax
from components.evaluation.classification.probe import fit_probe
from components.evaluation.classification.stacking import stacked
from components.modalities.view_maker import ViewMaker
from components.registry.model import ModelConfig
from components.training.finetune import Material, Network, final_parts
from pipelines.registry.candidates import COMMITTEE, METHOD, TOLD, Portfolio, Row
from pipelines.stages.finetune.config import FinetuneConfig, PortfolioConfig
from pipelines.stages.finetune.cross_fit import Held, lead_of
from pipelines.stages.finetune.judges import Judges, OnPlain, simple_held
from pipelines.stages.finetune.linear_models import BASELINE, linear, pooled

ERRORS = 2.0  # standard errors: of several baselines that are equal the best is often ahead by one
LEAST = 0.05  # weight under which a candidate is left out of the mean


@dataclass(frozen=True)
class Candidate:
    """held: what it answers on labels that it was not given, None where none could be held out. network: of all labels;
    encoder: what its encoder is."""

    held: Held | None
    network: Network
    encoder: ServedConfig


class Rival(NamedTuple):
    """held: as of a Candidate. network: fits it to all labels, when it is first asked for."""

    held: Held
    network: OnPlain


@dataclass(frozen=True)
class Chosen:
    """model: what is served. portfolio: why."""

    model: Candidate
    portfolio: Portfolio


def candidates_of(
    request: FinetuneConfig,
    own: Candidate,
    encoder: Encoder,
    judges: Judges,
    model: ModelConfig,
    material: Material,
) -> dict[str, Candidate]:
    """The method's own first; then those that the recipe names, as far as there are such. model: what describes the
    network of `encoder`."""
    assert request.portfolio is not None
    assert judges.of is not None
    found, wanted = {METHOD: own}, pooled(request.portfolio, material)
    held = simple_held(judges.of, judges.simple, material)
    if "plain" in wanted:
        found["plain"] = Candidate(held["plain"], *judges.plain())
    for name, made in judges.others.items():
        if name in wanted:
            found[name] = Candidate(held[name], *made())
    if "probe" in wanted:
        head = linear(judges.on_labels.raw())
        found["probe"] = Candidate(held["probe"], Network(encoder, head), model.encoder)
    if "alone" in wanted and judges.alone is not None:
        found["alone"] = Candidate(held["alone"], final_parts(judges.alone), model.encoder)
    if "scratch" in wanted and judges.scratch is not None and judges.scratch.held is not None:
        network = final_parts(judges.scratch.trained)
        found["scratch"] = Candidate(judges.scratch.held, network, model.encoder)
    if judges.published is not None:
        other, seen = judges.published
        head = linear(fit_probe(seen, material.labels, material.classes, pool=seen, seed=request.seed).raw())
        found["published"] = Candidate(held["published"], Network(other, head), other.config)
    return found


def rivals_of(request: FinetuneConfig, judges: Judges, material: Material) -> dict[str, Rival]:
    """The baselines that may be served in place of what the candidates give; none where the recipe allows none."""
    assert request.portfolio is not None
    assert judges.of is not None
    if BASELINE not in request.portfolio.challengers:
        return {}
    held = simple_held(judges.of, judges.simple, material)
    return {name: Rival(held[name], made) for name, made in {"plain": judges.plain, **judges.others}.items()}


def choose(
    config: PortfolioConfig,
    found: Mapping[str, Candidate],
    model: ModelConfig,
    rivals: Mapping[str, Rival] | None = None,
    favoured: Mapping[str, float] = ViewMaker.favoured,
) -> Chosen:
    """What the labels say of the candidates, the method's own first; each has held-out answers.

    rivals: baselines, candidates or not, the best of which is served where it is ahead of what the candidates give.
    favoured: see weigh.
    """
    names, judged = list(found), [one.held for one in found.values() if one.held is not None]
    temperatures, labels = [held.temperature for held in judged], judged[0].labels
    scores = np.stack([held.logits / t for held, t in zip(judged, temperatures, strict=True)])
    served, weight = weigh(config, names, softmax(scores), labels, favoured)
    rows = [
        Row(name=name, accuracy=own.accuracy, loss=log_loss(score, labels), weight=float(w))
        for name, own, score, w in zip(names, judged, scores, weight, strict=True)
    ]
    mean = replace(judged[0], logits=np.tensordot(weight, scores, axes=1))
    overtaking = ahead(rivals or {}, mean)
    if overtaking is not None:
        return _instead(*overtaking, rivals or {}, rows, served)
    if served == COMMITTEE:
        parts = [(found[n], w / t) for n, w, t in zip(names, weight, temperatures, strict=True) if w]
        one = Candidate(mean, *joined(parts, model))
        shares = ", ".join(f"{TOLD[row.name]} {row.weight:.0%}" for row in rows if row.weight)
        reason = f"several are served as one, by weight: {shares}"
    else:
        one = found[served]
        reason = (
            f"{TOLD[served]} is served alone: the labels leave less than {1 - config.lead:.0%} to the others"
        )
    rows += [_row(name, rival.held) for name, rival in (rivals or {}).items() if name not in found]
    told = Portfolio(served=served, reason=reason, rows=rows, accuracy=mean.accuracy, loss=mean.loss)
    return Chosen(one, told)


def ahead(rivals: Mapping[str, Rival], served: Held) -> tuple[str, str] | None:
    """The baseline with the most held-out labels right, if it has more of them right than what would be served, by
    more than ERRORS standard errors; and why, in a sentence."""
    if not rivals:
        return None
    best = min(rivals, key=lambda name: (-rivals[name].held.accuracy, rivals[name].held.loss))
    lead = lead_of(rivals[best].held, served, ERRORS)
    if lead is None:
        return None
    gain, error = lead
    return best, (
        f"{TOLD[best]}, a baseline, is served: it has {gain:+.1%} of the held-out labels right (standard error "
        f"{error:.1%}) over what the candidates give"
    )


def _instead(best: str, reason: str, rivals: Mapping[str, Rival], rows: Sequence[Row], over: str) -> Chosen:
    """A baseline in place of `over`, which the rows led to."""
    held = rivals[best].held
    every = [*rows, *(_row(n, rival.held) for n, rival in rivals.items() if n not in {r.name for r in rows})]
    alone = [row.model_copy(update={"weight": float(row.name == best)}) for row in every]
    reason = f"{reason} ({TOLD.get(over, 'several as one')})"
    told = Portfolio(
        served=best, reason=reason, rows=alone, accuracy=held.accuracy, loss=_calibrated_loss(held)
    )
    return Chosen(Candidate(held, *rivals[best].network()), told)


def _row(name: str, held: Held) -> Row:
    """Of a baseline that has no part in the mean."""
    return Row(name=name, accuracy=held.accuracy, loss=_calibrated_loss(held), weight=0.0)


def _calibrated_loss(held: Held) -> float:
    return log_loss(held.logits / held.temperature, held.labels)


def joined(parts: Sequence[tuple[Candidate, float]], model: ModelConfig) -> tuple[Network, JoinedConfig]:
    """The network whose logits are the sum of the parts', each times its factor; those that learnt nothing last."""
    ordered = sorted(parts, key=lambda part: not part[0].network.encoder.learnt)
    config = JoinedConfig.model_validate({"members": [one.encoder.model_dump() for one, _ in ordered]})
    encoder = build_encoder(config, model.packing)
    assert isinstance(encoder, Joined)
    heads = [one.network.head for one, _ in ordered]
    for member, (one, _) in zip(encoder.members, ordered, strict=True):
        member.load_state_dict(one.network.encoder.state_dict())
    weight = torch.cat(
        [head.weight * factor for head, (_, factor) in zip(heads, ordered, strict=True)], dim=1
    )
    bias = torch.stack([head.bias * factor for head, (_, factor) in zip(heads, ordered, strict=True)]).sum(
        dim=0
    )
    head = nn.Linear(weight.shape[1], len(weight), device=weight.device)
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
    return Network(encoder.to(weight.device).eval(), head), config


def prior(names: Sequence[str], favoured: Mapping[str, float]) -> Doubles:
    """[C] weights of sum 1 before any evidence: those of `favoured`, the rest shared equally among the others.

    method, plain and probe with .4 for the method: .4, .3, .3; where all are favoured, in these proportions.
    """
    given = {name: favoured[name] for name in names if name in favoured}
    rest = (1 - sum(given.values())) / max(1, len(names) - len(given))
    weight = np.array([given.get(name, rest) for name in names], dtype=np.float64)
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def weigh(
    config: PortfolioConfig,
    names: Sequence[str],
    answers: Doubles,
    labels: NDArray[np.int64],
    favoured: Mapping[str, float] = ViewMaker.favoured,
) -> tuple[str, Doubles]:
    """What is served, and the weights [C] in the mean.

    Args:
        answers: [C, h, K] calibrated. labels: [h]. favoured: weights by name before any evidence, where the recipe does
            not say that of the method.
    """
    before = prior(names, {METHOD: config.favour} if config.favour is not None else favoured)
    weight = stacked(answers, labels, before, config.strength)
    best = int(weight.argmax())
    if weight[best] >= config.lead:
        return names[best], np.eye(len(names))[best]
    weight = np.where(weight >= LEAST, weight, 0.0)
    return COMMITTEE, weight / weight.sum()


def lines(portfolio: Portfolio) -> Sequence[str]:
    """For a person: what each candidate had right of the held-out labels, and what is served."""
    ordered = sorted(portfolio.rows, key=lambda row: -row.accuracy)
    leading = ", ".join(f"{TOLD[row.name]} {row.accuracy:.1%}" for row in ordered)
    return [f"right of held-out labels: {leading}; their mean {portfolio.accuracy:.1%}", portfolio.reason]
