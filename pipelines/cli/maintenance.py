"""The commands that bring back what was: a data version, a model; and that which frees the disk of what may go."""

import argparse
from pathlib import Path
from typing import Any

from pipelines.cli.answer import Answer


def add(commands: Any) -> None:
    """commands: what argparse's add_subparsers gives."""
    data = commands.add_parser("data", help="versions of the data")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    checkout = actions.add_parser("checkout", help="bring a data version back, and verify every file of it")
    checkout.add_argument(
        "version",
        metavar="VERSION",
        help="a hash (....dir), a snapshot's digest or reference, or with --recipe a version of its model",
    )
    checkout.add_argument("--recipe", metavar="NAME", help="whose snapshot or model is meant")
    checkout.add_argument(
        "--into",
        type=Path,
        metavar="PATH",
        help="a new folder; without it the data folder, unless that holds what no version keeps",
    )
    checkout.set_defaults(do=_checkout)
    card = actions.add_parser("card", help="print the data card of the newest snapshot, as Markdown")
    card.add_argument("recipe", metavar="RECIPE", help="path of a recipe, or its name")
    card.set_defaults(do=_card)
    reproduce = commands.add_parser(
        "reproduce", help="rebuild a model from its record and compare the figures"
    )
    reproduce.add_argument("recipe", metavar="RECIPE", help="path of a recipe, or its name")
    reproduce.add_argument(
        "version", metavar="VERSION", help="its number in MLflow, or an alias such as champion"
    )
    reproduce.set_defaults(do=_reproduce)
    forget = commands.add_parser(
        "forget",
        help="say what holds samples, or take them out of everything but the models that learnt from them",
    )
    forget.add_argument("recipe", metavar="RECIPE", help="path of a recipe, or its name")
    forget.add_argument(
        "samples", nargs="+", metavar="SAMPLE",
        help="its id, its file, or its name as it arrived; or a table that was delivered, for all that it brought",
    )  # fmt: skip
    forget.add_argument("--yes", action="store_true", help="and do it; it cannot be undone")
    forget.set_defaults(do=_forget)
    gc = commands.add_parser("gc", help="say what no model and no recent run needs")
    gc.add_argument("--yes", action="store_true", help="and delete it")
    gc.set_defaults(do=_gc)


def _card(arguments: argparse.Namespace) -> Answer:
    from pipelines.flows.data_cards import newest_data_card
    from pipelines.settings import Settings

    card = newest_data_card(arguments.recipe, Settings.load())
    return Answer({"recipe": arguments.recipe, "markdown": card}, [card])


def _checkout(arguments: argparse.Namespace) -> Answer:
    from dataclasses import asdict

    from pipelines.maintenance.restore import checkout
    from pipelines.settings import Settings

    found = checkout(arguments.version, Settings.load(), arguments.recipe, arguments.into, print)
    return Answer(asdict(found))


def _reproduce(arguments: argparse.Namespace) -> Answer:
    from pipelines.engine.progress import Display
    from pipelines.maintenance.reproduce import reproduce, table
    from pipelines.settings import Settings

    display = Display()
    figures = reproduce(arguments.recipe, arguments.version, Settings.load(), display.line, display)
    display.clear()
    same = all(line.equal for line in figures)
    verdict = (
        "it is the same model, bit by bit" if same else "it is not the same model: see the lines that say NO"
    )
    made = [{**line._asdict(), "equal": line.equal} for line in figures]
    return Answer({"same": same, "figures": made}, [*table(figures), verdict], 0 if same else 1)


def _forget(arguments: argparse.Namespace) -> Answer:
    from pipelines.maintenance.forget.forget import forget
    from pipelines.settings import Settings

    found = forget(arguments.recipe, arguments.samples, Settings.load(), arguments.yes, print)
    value = {
        "samples": found.ids, "files": [str(file) for file in found.files],
        "data_versions": sorted(found.held.versions), "runs": sorted(found.made), "models": list(found.models),
        "forgotten": bool(arguments.yes),
    }  # fmt: skip
    return Answer(value)


def _gc(arguments: argparse.Namespace) -> Answer:
    from pipelines.maintenance.gc import gc
    from pipelines.settings import Settings

    found = gc(Settings.load(), arguments.yes, print)
    waste = [{"path": str(item.path), "bytes": item.bytes, "what": item.what} for item in found.waste]
    return Answer({"deleted": arguments.yes, "bytes": found.bytes, "waste": waste, "kept": found.kept})
