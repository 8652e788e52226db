"""The commands that move the champion by hand, and tell who moved it."""

import argparse
from typing import TYPE_CHECKING, Any

from pipelines.cli.answer import Answer

if TYPE_CHECKING:
    from components.registry.journal import Entry


def add(commands: Any) -> None:
    """commands: what argparse's add_subparsers gives."""
    recipe = {"metavar": "RECIPE", "help": "path of a recipe, or its name"}
    promote = commands.add_parser("promote", help="make a version that passes the gate the champion")
    promote.add_argument("recipe", **recipe)
    promote.add_argument("version", metavar="VERSION", help="its number in MLflow")
    promote.add_argument("--reason", default="", help="why, for the journal")
    promote.set_defaults(do=_promote)
    rollback = commands.add_parser("rollback", help="make the previous champion the champion again")
    rollback.add_argument("recipe", **recipe)
    rollback.add_argument("--reason", default="", help="why, for the journal")
    rollback.set_defaults(do=_rollback)
    history = commands.add_parser("history", help="who moved the champion, when and why")
    history.add_argument("recipe", **recipe)
    history.set_defaults(do=_history)
    override = commands.add_parser("override", help="make a version the champion whatever the gate says")
    override.add_argument("recipe", **recipe)
    override.add_argument("version", metavar="VERSION", help="its number in MLflow")
    override.add_argument("--name", required=True, help="of the person who answers for it")
    override.add_argument("--reason", required=True, help="why, for the journal")
    override.set_defaults(do=_override)


def _promote(arguments: argparse.Namespace) -> Answer:
    from components.registry.journal import person
    from pipelines.registry import promotion
    from pipelines.settings import Settings

    settings = Settings.load()
    return _moved(
        promotion.promote(arguments.recipe, arguments.version, settings, person(), arguments.reason)
    )


def _rollback(arguments: argparse.Namespace) -> Answer:
    from components.registry.journal import person
    from pipelines.registry import promotion
    from pipelines.settings import Settings

    return _moved(promotion.rollback(arguments.recipe, Settings.load(), person(), arguments.reason))


def _history(arguments: argparse.Namespace) -> Answer:
    from pipelines.registry import promotion
    from pipelines.settings import Settings

    entries = promotion.history(arguments.recipe, Settings.load())
    lines = promotion.table(entries) if entries else ["no version was ever champion"]
    return Answer(
        {"recipe": arguments.recipe, "moves": [entry.model_dump(mode="json") for entry in entries]}, lines
    )


def _override(arguments: argparse.Namespace) -> Answer:
    from pipelines.registry import promotion
    from pipelines.settings import Settings

    settings, a = Settings.load(), arguments
    return _moved(promotion.override(a.recipe, a.version, settings, a.name, a.reason))


def _moved(made: "Entry") -> Answer:
    from pipelines.registry import promotion

    return Answer({"move": made.model_dump(mode="json")}, [promotion.describe(made)])
