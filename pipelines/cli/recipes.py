"""The commands that look at data and recipes, run a recipe, and show what came of it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cli.answer import Answer

if TYPE_CHECKING:
    from pipelines.settings import Settings


def add(commands: Any) -> None:
    """commands: what argparse's add_subparsers gives."""
    _add_run(commands)
    _add_init(commands)
    _add_choose(commands)
    _add_check(commands)
    _add_explain(commands)
    _add_show(commands)


class _WithKinds(argparse.HelpFormatter):
    """Fills the kinds of data into the help, whose table takes 0.5 s to import."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        from components.modalities.registry import MODALITIES

        return action.help and action.help.replace("{kinds}", ", ".join(MODALITIES))


def _add_run(commands: Any) -> None:
    run = commands.add_parser("run", help="do what a recipe asks for; what is there already is not repeated")
    run.add_argument("recipe", help="a YAML file, such as recipes/quickstart.yaml, or the name of a recipe")
    run.add_argument("--airflow", action="store_true", help="through an Airflow DAG run")
    run.add_argument("--flow", default="train", help="ingest, train (the default), score or monitor")
    run.add_argument(
        "--force", choices=("warm", "scratch"), help="retrain in this way, whatever the plan says"
    )
    run.set_defaults(do=_run)


def _add_init(commands: Any) -> None:
    init = commands.add_parser(
        "init", help="look at your data and write a recipe for it", formatter_class=_WithKinds
    )
    init.add_argument("name", help="of the recipe to write: HOME/recipes/NAME.yaml")
    init.add_argument(
        "--from",
        dest="source",
        type=Path,
        required=True,
        metavar="PATH",
        help="a folder (with class folders, label files or no labels), or a CSV or Parquet table; kinds of data that "
        "are known: {kinds}",
    )
    init.add_argument(
        "--budget", default="6 min", help="for a whole run on two cores, e.g. '90 s' (default 6 min)"
    )
    init.add_argument(
        "--modality",
        metavar="KIND",
        help="of the samples, as in a recipe: one of {kinds}, or with options, e.g. '{name: table, target: COLUMN}'; "
        "default: what is there",
    )
    init.add_argument(
        "--task",
        metavar="TASK",
        help="what labels mean, as in a recipe: classification, regression, ...; default: by the labels",
    )
    init.set_defaults(do=_init)


def _add_choose(commands: Any) -> None:
    choose = commands.add_parser("choose", help="short runs of several objectives: which suits this data")
    choose.add_argument("recipe", help="a YAML file, or the name of a recipe")
    choose.add_argument("--names", default="", metavar="A,B", help="objectives to compare; default: all")
    choose.add_argument("--budget", type=int, default=9, help="epochs of the longest run (default 9)")
    choose.set_defaults(do=_choose)


def _add_check(commands: Any) -> None:
    check = commands.add_parser("check", help="say what is wrong with a recipe, without running anything")
    check.add_argument("recipe", help="a YAML file, or the name of a recipe")
    check.set_defaults(do=_check)


def _add_explain(commands: Any) -> None:
    explain = commands.add_parser(
        "explain", help="print the meaning of a key of a recipe, or of the code of a message"
    )
    explain.add_argument(
        "key", help="such as finetune.method, pretrain.objective.swav.epsilon, SELFSUP_HOME or no-such-recipe"
    )
    explain.set_defaults(do=_explain)


def _add_show(commands: Any) -> None:
    show = commands.add_parser(
        "show", help="the manifest of a finished run of a stage, or what a model says of itself"
    )
    show.add_argument(
        "reference", help="such as pretrain/0123456789abcdef, or quickstart/3, or quickstart/champion"
    )
    show.add_argument(
        "--tags", action="store_true", help="all that MLflow keeps of a model, as it stands there"
    )
    show.add_argument(
        "--graph", action="store_true", help="the runs that it was made of, as a Mermaid flowchart"
    )
    show.set_defaults(do=_show)


def _run(arguments: argparse.Namespace) -> Answer:
    from pipelines.engine.progress import Display
    from pipelines.flows.result import result
    from pipelines.flows.run import run
    from pipelines.settings import Settings

    settings = Settings.load()
    name = run(
        arguments.recipe, settings, Display(), arguments.airflow, flow=arguments.flow, force=arguments.force
    )
    return Answer(result(name, settings) if arguments.json else {})


def _init(arguments: argparse.Namespace) -> Answer:
    import yaml

    from pipelines.onboarding.init import init
    from pipelines.onboarding.recipe_template import seconds_of
    from pipelines.settings import Settings

    modality = yaml.safe_load(arguments.modality) if arguments.modality else None
    task = yaml.safe_load(arguments.task) if arguments.task else None
    made = init(
        arguments.name, arguments.source, Settings.load(), seconds_of(arguments.budget), modality, task
    )  # it prints what it found
    labels = made.found.labels
    counts = {"classes": labels.classes, "numbers": labels.numbers, "marks": labels.marks}
    value = {
        "recipe": str(made.recipe), "inbox": str(made.inbox), "modality": made.found.kind,
        "samples": made.found.samples, "labels": labels.total, "tests": labels.tests,
        **{name: dict(count) for name, count in counts.items()},
        "values": made.values, "messages": made.lines,
    }  # fmt: skip
    return Answer(value)


def _choose(arguments: argparse.Namespace) -> Answer:
    from dataclasses import asdict

    from pipelines.onboarding.choose import choose
    from pipelines.settings import Settings

    names = [name.strip() for name in arguments.names.split(",") if name.strip()]
    choice = choose(arguments.recipe, Settings.load(), names, arguments.budget)  # it prints what it found
    return Answer(asdict(choice))


def _check(arguments: argparse.Namespace) -> Answer:
    from pipelines import recipe_folders
    from pipelines.flows.data_check import check_data
    from pipelines.flows.recipe_check import check
    from pipelines.settings import Settings

    settings = Settings.load()
    recipe = recipe_folders.find(arguments.recipe, settings)
    recipe_folders.refuse_namesakes(recipe, settings)
    check(recipe)
    check_data(recipe, settings)
    line = f"{recipe.file}: every section is valid, and objective, encoder and weights fit together"
    return Answer({"name": recipe.name, "recipe": str(recipe.file), "valid": True}, [line])


def _explain(arguments: argparse.Namespace) -> Answer:
    from pipelines.onboarding import messages

    if (entry := messages.explain(arguments.key)) is None:
        from pipelines.onboarding import reference  # imports the stage concerned

        entry = reference.explain(arguments.key)
    return Answer({"key": arguments.key, "text": entry}, [entry])


def _show(arguments: argparse.Namespace) -> Answer:
    from pipelines.engine.store import read_manifest
    from pipelines.graph import GRAPH
    from pipelines.settings import Settings

    settings = Settings.load()
    model, _, version = arguments.reference.rpartition("/")
    of_model = bool(model) and model not in GRAPH
    if arguments.graph:
        from pipelines.registry.lineage_graph import graph_of

        drawn = graph_of(arguments.reference, of_model, settings)
        return Answer({"reference": arguments.reference, "mermaid": drawn}, [drawn])
    if of_model:
        return _show_model(model, version, arguments.tags, settings)
    manifest = read_manifest(arguments.reference, settings.store)
    print(f"folder: {settings.store / arguments.reference}", file=sys.stderr)
    return Answer(manifest.model_dump(mode="json"), [manifest.model_dump_json(indent=2)])


def _show_model(model: str, asked: str, tags_alone: bool, settings: "Settings") -> Answer:
    from pipelines.registry.loading import python_lines
    from pipelines.registry.model_summary import summary
    from pipelines.registry.record import tags_of
    from pipelines.registry.registry import registry_of

    version, tags = tags_of(model, asked, settings)
    aliases = registry_of(model, settings).aliases(version)
    python = python_lines(model, asked, settings)
    value = {"model": model, "version": version, "aliases": aliases, "tags": dict(tags), "python": python}
    if tags_alone:
        return Answer(value, [f"{key}: {text}" for key, text in sorted(tags.items())])
    load = ["  in Python:", *(f"    {line}" for line in python)]
    return Answer(value, [*summary(model, version, tags, aliases), *load])
