"""The commands that move the champion by hand, and tell who moved it."""

import argparse
from typing import Any


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


def _promote(arguments: argparse.Namespace) -> int:
    from components.registry.journal import person
    from pipelines.registry import promotion
    from pipelines.settings import Settings

    settings = Settings.load()
    made = promotion.promote(arguments.recipe, arguments.version, settings, person(), arguments.reason)
    print(promotion.describe(made))
    return 0


def _rollback(arguments: argparse.Namespace) -> int:
    from components.registry.journal import person
    from pipelines.registry import promotion
    from pipelines.settings import Settings

    print(
        promotion.describe(promotion.rollback(arguments.recipe, Settings.load(), person(), arguments.reason))
    )
    return 0


def _history(arguments: argparse.Namespace) -> int:
    from pipelines.registry import promotion
    from pipelines.settings import Settings

    entries = promotion.history(arguments.recipe, Settings.load())
    print("\n".join(promotion.table(entries)) if entries else "no version was ever champion")
    return 0


def _override(arguments: argparse.Namespace) -> int:
    from pipelines.registry import promotion
    from pipelines.settings import Settings

    settings, a = Settings.load(), arguments
    print(promotion.describe(promotion.override(a.recipe, a.version, settings, a.name, a.reason)))
    return 0
