"""What is kept of the trainings: the model, and beside it what it has to beat, each as a model folder."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from components.data.table import Table
from components.encoders import Encoder, ServedConfig
from components.evaluation.classification.agreement import agreement, possible, temperature_for, together
from components.implementations import name_of
from components.registry.model import ModelConfig
from components.training.finetune import Material, Network, final_parts, logits
from components.training.loop import Trained
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.registry.candidates import COMMITTEE, METHOD, Portfolio
from pipelines.stages.finetune.baseline import Scratch, named, save
from pipelines.stages.finetune.config import CrossFitConfig, FinetuneConfig
from pipelines.stages.finetune.cross_fit import Held
from pipelines.stages.finetune.distil import distil
from pipelines.stages.finetune.head import Frozen
from pipelines.stages.finetune.judges import Judges
from pipelines.stages.finetune.outliers import ordinary_of
from pipelines.stages.finetune.portfolio import Candidate, candidates_of, choose, lines, rivals_of
from pipelines.stages.finetune.trainings import Meter


def described(
    snapshot: Any, encoder: ServedConfig, held: Held | None, temperature: float, config: CrossFitConfig
) -> ModelConfig:
    """What model.json says. snapshot: output of that stage."""
    return ModelConfig(
        encoder=encoder,
        packing=snapshot.packing,
        classes=list(snapshot.classes),
        temperature=temperature,
        sets=held.sets(config, temperature) if held else None,
    )


def agreed(
    served: Network,
    own: Network,
    alone: Trained | None,
    frozen: Frozen,
    material: Material,
    most: float = 1.0,
) -> tuple[float, float] | tuple[None, None]:
    """Share of the sampled rows without a label that the method's own network and the labels alone name alike; and the
    served network's temperature at which it is as sure as that, or as `most`. None where there is no second model, or
    no such row.

    Not the served network's own agreement: where the labels alone are a part of it, it agrees with itself (with the
    quickstart .87 instead of .81, and it is right on .78)."""
    rows = np.setdiff1d(frozen.sampled, material.labelled)
    if alone is None or not len(rows):
        return None, None
    ours, first, second = (logits(network, material, rows) for network in (served, own, final_parts(alone)))
    share = agreement(first, second)
    return share, temperature_for(ours, min(share, most))


def temperature_note(
    temperature: float,
    by_labels: float | None,
    share: float | None,
    by_agreement: float | None,
    most: float = 1.0,
) -> str:
    """Where the temperature comes from, in a line."""
    parts = [] if by_labels is None else [f"{by_labels:.2f} by held-out labels"]
    if share is not None:
        parts.append(
            f"{by_agreement:.2f} by the method's network and the labels alone, which agree on {share:.1%}"
            + (f", more than the {most:.1%} that held-out labels leave possible" if share > most else "")
        )
    return f"temperature {temperature:.2f}: " + ("; ".join(parts) or "nothing was there to fit it on")


@dataclass(frozen=True)
class Served:
    """model: network that is registered, and what it is judged by. method: by what it was made. own: whether that is
    the method's own network. portfolio: the candidates it was chosen from."""

    model: Candidate
    method: str
    own: bool = True
    portfolio: Portfolio | None = None


def serve(
    request: FinetuneConfig,
    own: Candidate,
    encoder: Encoder,
    judges: Judges,
    model: ModelConfig,
    material: Material,
    meter: Meter,
) -> Served:
    """The network to keep: the method's own, or what the portfolio chose; and where the recipe distils, a student of
    that. encoder: the pretrained one. model: what describes a network of it."""
    best, method, portfolio = own, name_of(request.method), None
    if own.held is not None and request.portfolio is not None:
        found = candidates_of(request, own, encoder, judges, model, material)
        chosen = choose(
            request.portfolio, found, model, rivals_of(request, judges, material), material.views.favoured
        )
        best, portfolio = chosen.model, chosen.portfolio
        for line in lines(portfolio):
            meter.context.say(line)
        if portfolio.served != METHOD:
            method = f"{method} in a committee" if portfolio.served == COMMITTEE else portfolio.served
    elif request.portfolio is not None:
        meter.context.say(
            f"no class has two labels, so no candidate can be judged: the network of {method} is served; "
            "label two samples of a class at least"
        )
    if request.distill is not None:
        teacher, start = best.network.whole(), (encoder, judges.probe)
        student, said = distil(request, request.distill, teacher, start, model, material, meter)
        best, method = Candidate(best.held, final_parts(student), said.encoder), f"{method}, distilled"
    return Served(best, method, best is own, portfolio)


def save_all(
    request: FinetuneConfig,
    served: Served,
    own: Candidate,
    judges: Judges,
    frozen: Frozen,
    snapshot: Any,
    table: Table,
    material: Material,
    meter: Meter,
) -> dict[str, Any]:
    """Write the model, and beside it what it has to beat, each as a model folder, and the held-out answers;
    as fields of the stage's output. snapshot: output of that stage."""
    held, folder, context = served.model.held, meter.folder, meter.context
    most = possible(held.accuracy, len(held.labels)) if held else 1.0
    share, by_agreement = agreed(served.model.network, own.network, judges.alone, frozen, material, most)
    temperature = together(held.temperature if held else None, len(held.labels) if held else 0, by_agreement)
    context.say(temperature_note(temperature, held.temperature if held else None, share, by_agreement, most))
    model = described(snapshot, served.model.encoder, held, temperature, request.cross_fit)
    ordinary = ordinary_of(served.model.network, material, request.false_alarms, request.seed)
    weights, description = save(served.model.network, model, folder / "model", folder, ordinary)
    made: dict[str, Any] = {"model": weights, "config": description}
    plain = described(snapshot, own.encoder, None, temperature, request.cross_fit)
    if not served.own:
        made |= named("own", save(own.network, plain, folder / "own", folder))
    made |= beside(judges.alone, judges.scratch, plain, meter)
    if request.labels_alone and not served.own:
        made |= {"alone": made["own"], "alone_config": made["own_config"]}
    if held is not None:
        context.say(f"cross-fitted accuracy {held.accuracy:.3f} on {counted(len(held.labels), 'label')}")
        held.save(folder / "held.parquet", table.labelled_rows())
        made["held"] = Artifact.of(folder / "held.parquet", folder)
    return made | {
        "method": served.method,
        "agreement": share,
        "temperature": temperature,
        "validation": held.accuracy if held else None,
        "validated": len(held.labels) if held else 0,
        "portfolio": served.portfolio,
        "made_of": served.portfolio.itself if served.portfolio else (),
    }


def beside(
    alone: Trained | None, baseline: Scratch | None, model: ModelConfig, meter: Meter
) -> dict[str, Any]:
    """The files of what was trained on the labels alone, and of the same network from random."""
    files = dict[str, Any]()
    if alone is not None:
        files |= named("alone", save(final_parts(alone), model, meter.folder / "alone", meter.folder))
    if baseline is not None:
        files |= named("scratch", baseline.files)
        validation = baseline.held.accuracy if baseline.held else None
        files |= {"scratch_rate": baseline.rate, "scratch_validation": validation}
    return files
