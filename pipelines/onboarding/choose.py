"""selfsup choose RECIPE: short runs of several objectives on the recipe's own data, and which one to take.

The runs are ranked by figures that need no labels and, where there are enough labels, by a probe that is
cross-validated on them; test items are not touched. How well the two orders agree is said, too: where they do,
the figures without labels can be trusted on data of this kind.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from components.config import Config
from components.data.table import Table
from components.encoders import patch_of
from components.errors import UserError
from components.implementations import name_of
from components.modalities.samples import Samples
from components.modalities.views import MEASURED
from components.objectives import OBJECTIVES
from components.training.candidates import candidate
from components.training.choose import Choice, Outcome, ranked, rungs
from components.training.orientation import suggested
from components.training.trial import Trial
from components.wording import counted
from pipelines import recipe_folders
from pipelines.engine import journal
from pipelines.engine.context import Context
from pipelines.engine.progress import Display
from pipelines.engine.store import read_manifest
from pipelines.flows.run import home_lock, run
from pipelines.inference.samples import samples_of
from pipelines.onboarding.ray_tune import tune_trials
from pipelines.recipe import Recipe
from pipelines.settings import Settings
from pipelines.stages import pretrain
from pipelines.stages.snapshot import stage as snapshot

BUDGET = 9  # epochs of the longest run: compared after 1, 3 and 9


def choose(
    path: Path | str,
    settings: Settings,
    names: Sequence[str] = (),
    budget: int = BUDGET,
    say: Callable[[str], None] = print,
) -> Choice:
    """Ingest and snapshot what the recipe names, run the objectives, say what came of it.

    Args:
        names: of objectives; none: all of them.
        budget: epochs of the longest run.

    Raises:
        UserError: an unknown name, fewer than two of them, no samples, or none that could be trained; another run
            is at work on the home.
        StageError: ingest or snapshot failed.
    """
    chosen = _known(names)
    if budget < 1:
        raise UserError("invalid-option", f"a budget of one epoch or more is needed, got {budget}")
    recipe = recipe_folders.find(path, settings)
    name = run(path, settings, Display(), flow="ingest")
    done = {line.stage: line.reference for line in journal.stages(settings.home, name)}
    with home_lock(settings.home):  # gc takes neither the data nor the trials meanwhile
        below = settings.home / "choose"
        below.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=below))
        try:
            trials = prepared(chosen, recipe, done, settings, budget, folder)
            first = next(iter(trials.values()))
            outcomes = tune_trials(
                trials, epochs=budget, labelled=first.classes >= 2, address=settings.ray, home=settings.home,
                folder=folder, cpus=settings.cores, hear=lambda name, record: say(progress(name, record)),
            )  # fmt: skip
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    choice = ranked(outcomes)
    for line in report(choice, trials, budget):
        say(line)
    return choice


def _known(names: Sequence[str]) -> list[str]:
    chosen = list(dict.fromkeys(names)) or sorted(OBJECTIVES)
    if unknown := [name for name in chosen if name not in OBJECTIVES]:
        raise UserError(
            "unknown-name",
            f"unknown: {', '.join(unknown)}; objectives are {', '.join(sorted(OBJECTIVES))}",
        )
    if len(chosen) < 2:
        raise UserError(
            "invalid-option",
            f"two objectives or more are needed to choose between, got {chosen[0]}; name another",
        )
    return chosen


def prepared(
    names: Sequence[str], recipe: Recipe, done: dict[str, str], settings: Settings, budget: int, folder: Path
) -> dict[str, Trial]:
    """A trial for each name: the recipe's own encoder, training and views; its objective as it stands there, the others
    by rule."""
    output = snapshot.Output.model_validate(read_manifest(done["snapshot"], settings.store).output)
    asked = pretrain.Request.model_validate(recipe.request("pretrain", done))
    if output.samples < 2:
        raise UserError(
            "no-samples", f"choosing needs samples and the snapshot has {output.samples}; deliver some"
        )

    context = Context(settings.store, settings, recipe.name)
    samples = samples_of(done["snapshot"], output, context)
    table, classes = settings.store / done["snapshot"] / output.table.path, len(output.classes)
    views = samples.views.roles(
        _global_views(asked, samples, table), asked.local_views, patch_of(asked.encoder)
    )
    found = {}
    for name in names:
        given = candidate(name, output.samples, classes or None, asked.train)
        found[name] = Trial(
            samples=samples,
            packing=samples.packing,
            table=table,
            classes=classes,
            encoder=asked.encoder,
            objective=asked.objective if name == name_of(asked.objective) else given,
            views=dict(views),
            train=asked.train.model_copy(update={"epochs": budget, "checkpoint_seconds": 1e9}),
            seed=recipe.seed,
            device=settings.device,
            folder=folder / name,
        )
    return found


def _global_views(asked: pretrain.Request, samples: Samples, table: Path) -> Config | str | None:
    """The recipe's; in place of `measured` the policy that is."""
    if asked.views != MEASURED:
        return asked.views
    return suggested(samples, Table.load(table).train_rows(), asked.seed)[0]


def progress(name: str, record: dict[str, Any]) -> str:
    if record["dead"]:
        return f"{name}: {record['dead']}"
    right = "" if record["accuracy"] is None else f" · {record['accuracy']:.1%} right"
    return (
        f"{name}: epoch {record['epoch']} · LiDAR {record['lidar']:.1f} · alpha {record['decay']:.2f}{right}"
    )


def report(choice: Choice, trials: dict[str, Trial], budget: int) -> list[str]:
    """What to tell at the end: the ranking, how the two orders agree, the recipe lines of the best."""
    lines = [f"compared after {', '.join(map(str, rungs(budget)))} epochs; ranked by {choice.by}:"]
    for place, one in enumerate(choice.ranking, 1):
        lines.append(f"{place:3}. {row(one)}")
    if choice.tau is not None:
        lines.append(
            f"the figures without labels put them in {'much' if choice.tau > 0.5 else 'not'} the same order as "
            f"the labels do after the first comparison: Kendall's tau {choice.tau:+.2f}"
        )
    if choice.lejepa_tau is not None:
        lines.append(f"LeJEPA's loss of their features, lowest first: Kendall's tau {choice.lejepa_tau:+.2f}")
    best = choice.ranking[0]
    if best.dead:
        raise UserError("no-objective-trainable", f"none of them could be trained; {best.name}: {best.dead}")
    objective = trials[best.name].objective.model_dump(mode="json", exclude_defaults=True)
    section = {"pretrain": {"objective": {"name": best.name, **objective}}}
    return [
        *lines,
        "take it with these lines of the recipe:",
        yaml.safe_dump(section, sort_keys=False).rstrip(),
    ]


def row(one: Outcome) -> str:
    if one.dead:
        return f"{one.name}: dead after {counted(one.epochs, 'epoch')}: {one.dead}"
    right = "" if one.accuracy is None else f", {one.accuracy:.1%} right"
    loss = f", LeJEPA's loss {one.figures['lejepa']:.3f}" if "lejepa" in one.figures else ""
    return (
        f"{one.name}: {counted(one.epochs, 'epoch')}, score {one.score:.2f} (LiDAR {one.figures['lidar']:.1f}, "
        f"alpha {one.figures['decay']:.2f}, rank {one.figures['rank']:.1f}{loss}){right}"
    )
