"""Fine-tuning of the task ranking: which of the pretrained encoder and the simple models of the field predicts best
what users chose next, measured on the events held out for choosing.

No label is needed. Nothing of the encoder is trained here: objectives such as sasrec train it to predict the next item.
The chosen model is fitted again on all events before those held out for testing, where it is a simple one.
Letters: M users, V items.
"""

import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, NonNegativeInt

from components.arrays import Doubles, Ints
from components.config import Config
from components.data.table import Table
from components.errors import UserError
from components.evaluation.ranking.gains import Gains
from components.evaluation.ranking.histories import Histories, histories_of
from components.evaluation.ranking.simple import EASE_ITEMS, Arrays, Fit, fits
from components.modalities.events.config import EventsConfig, EventsPacking
from components.modalities.registry import ModalityConfig
from components.registry.ranking_model import Method, RankingModel
from components.registry.served import save_model
from components.tasks.ranking import RankingConfig
from components.wording import counted
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.inference.encoder import pretrained
from pipelines.inference.rankings import asked, measured, open_events, ranker
from pipelines.inference.samples import samples_of

ENCODER = "encoder"
FEWEST = 10  # users to choose by
NOTHING: tuple[Method, Fit] = ("encoder", lambda given: {})  # the encoder needs no arrays
REPEATED = 0.05  # share of repeated items from which on they are recommended again


class Request(Config):
    """What the stage finetune is given."""

    task: RankingConfig = RankingConfig()
    """What labels mean."""

    modality: ModalityConfig = EventsConfig()
    """Kind of the samples and what belongs to it."""

    snapshot: str
    """Reference of the finished snapshot; the run fills it in."""

    pretrain: str
    """Reference of the finished pretrain; the run fills it in."""

    pseudo_label: str
    """Reference of the finished pseudo_label; the run fills it in."""

    champion: str | None = None
    """Reference of the champion's finetune after a warm start; candidates are chosen anew all the same."""

    serve: Literal["best", "encoder"] = "best"
    """Which candidate is served: the one that predicts best, simple models among them, or the encoder."""

    most: int = Field(default=20_000, ge=FEWEST)
    """Most users that candidates are chosen by; of more a part is drawn."""

    seed: NonNegativeInt = 0
    """Seed of that draw."""

    def check(self) -> None:
        """Raises UserError: the samples are no event histories, or nothing is held out."""
        if not isinstance(self.modality, EventsConfig):
            raise UserError(
                "modality-unsuitable",
                "the task ranking needs event histories; set modality to events, or leave out the task",
            )
        if self.modality.held_out == "none":
            raise UserError(
                "invalid-option",
                "the task ranking needs events that are held out; set modality.held_out to last or time, not none",
            )


class Candidate(Config):
    """ndcg, hit_rate: on the events held out for choosing. difference: NDCG less that of the chosen one, mean over
    users, with its standard error."""

    name: str
    ndcg: float
    hit_rate: float
    difference: float
    error: float


class Output(Config):
    """model, config: model.safetensors and model.json in one folder.

    skipped: why there is no model; all else is then None. method: what is served. candidates: best first. users: that
    they were chosen by. trained: events they were fitted on. penalty: of EASE, as chosen. repeats: whether items are
    recommended again. made_of: always empty. note: what a person should know.
    """

    skipped: str | None = None
    model: Artifact | None = None
    config: Artifact | None = None
    method: str = ""
    candidates: list[Candidate] = Field(default_factory=list)
    users: int = 0
    samples: int = 0
    trained: int = 0
    labels: int | None = None
    penalty: float | None = None
    repeats: bool = False
    repeated: float = 0.0
    made_of: tuple[str, ...] = ()
    seconds: float | None = None
    note: str = ""


def run(request: Request, folder: Path, context: Context) -> Output:
    request.check()
    began, snapshot = time.monotonic(), context.output(request.snapshot)
    table = Table.load(context.file(request.snapshot, snapshot.table))
    samples = samples_of(request.snapshot, snapshot, context)
    packing: EventsPacking = snapshot.packing
    packed, targets = asked(open_events(samples, drawn(table, request), "choose"))
    if len(targets) < FEWEST:
        reason = f"{counted(len(targets), 'user')} with an event held out for choosing, {FEWEST} are needed"
        context.say(f"fine-tuning skipped: {reason}; deliver longer histories")
        return Output(skipped=reason)
    encoder, config = pretrained(context, request.pretrain)
    rows = table.train_rows()
    given = histories_of(open_events(samples, rows, "train"), len(packing.items))
    repeats = request.task.repeats if request.task.repeats is not None else given.repeats >= REPEATED
    how: dict[str, Any] = {"repeats": repeats, "top": request.task.top}

    def model_of(method: Method, arrays: Arrays, of: Histories) -> RankingModel:
        return ranker(method, arrays, of, encoder, config, packing, **how)

    found: dict[str, Gains] = {}
    kinds: dict[str, tuple[Method, Fit]] = {**fits(len(packing.items)), ENCODER: NOTHING}
    for number, (name, (method, fit)) in enumerate(kinds.items()):
        context.progress(number / len(kinds), name)
        found[name] = measured(model_of(method, fit(given), given), packed, targets)
    chosen = ENCODER if request.serve == "encoder" else best(found)
    method, fit = kinds[chosen]
    known = histories_of(open_events(samples, rows, "test"), len(packing.items))
    weights, description = save_model(model_of(method, fit(known), known), folder / "model")
    candidates = compared(found, chosen)
    note = about(candidates, chosen, given, repeats, len(packing.items))
    context.say(note)
    context.log(0, **{f"candidate/{one.name.replace(' ', '_')}": one.ndcg for one in candidates})
    context.progress(1.0, "done")
    return Output(
        model=Artifact.of(weights, folder),
        config=Artifact.of(description, folder),
        method=chosen,
        candidates=candidates,
        users=len(targets),
        samples=len(rows),
        trained=len(given.item),
        penalty=penalty_of(found),
        repeats=repeats,
        repeated=given.repeats,
        seconds=round(time.monotonic() - began, 3),
        note=note,
    )


def drawn(table: Table, request: Request) -> Ints:
    """At most `most` of all users, ascending; those of the split test are users that nothing is trained on."""
    rows = np.arange(len(table))
    if len(rows) <= request.most:
        return rows
    return np.sort(np.random.default_rng(request.seed).permutation(rows)[: request.most])


def best(found: dict[str, Gains]) -> str:
    """The candidate with the highest mean NDCG; of equals the first."""
    return max(found, key=lambda name: float(found[name].ndcg.mean()))


def penalty_of(found: dict[str, Gains]) -> float | None:
    """The penalty of the best EASE; None where there is none."""
    tried = {name: gains for name, gains in found.items() if name.startswith("ease ")}
    return float(best(tried).removeprefix("ease ")) if tried else None


def compared(found: dict[str, Gains], chosen: str) -> list[Candidate]:
    """All candidates, best first, each beside the chosen one, user by user."""

    def row(name: str, gains: Gains) -> Candidate:
        apart: Doubles = gains.ndcg - found[chosen].ndcg
        return Candidate(
            name=name,
            ndcg=float(gains.ndcg.mean()),
            hit_rate=float(gains.hit.mean()),
            difference=float(apart.mean()),
            error=float(apart.std(ddof=1) / np.sqrt(len(apart))),
        )

    return sorted((row(name, gains) for name, gains in found.items()), key=lambda one: -one.ndcg)


def about(candidates: list[Candidate], chosen: str, given: Histories, repeats: bool, items: int) -> str:
    """What a person should know of the choice."""
    listed = ", ".join(f"{one.name} {one.ndcg:.3f}" for one in candidates)
    again = "recommended again" if repeats else "not recommended again"
    said = (
        f"{chosen} is served; NDCG@10 on the events held out for choosing: {listed}; {given.repeats:.0%} of the events "
        f"repeat an item of the user, which is {again}"
    )
    return (
        said if items <= EASE_ITEMS else f"{said}; EASE is left out: {items:,} items, at most {EASE_ITEMS:,}"
    )
