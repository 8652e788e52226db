"""The command that writes a recipe's samples as a table for an explorer of embeddings, and opens it."""

import argparse
from pathlib import Path
from typing import Any

from pipelines.cli.answer import Answer


def add(commands: Any) -> None:
    """commands: what argparse's add_subparsers gives."""
    explore = commands.add_parser("explore", help="write a map of all samples as Parquet, for an explorer")
    explore.add_argument("recipe", help="a YAML file, or the name of a recipe")
    explore.add_argument("--out", type=Path, metavar="FILE", help="default: HOME/explore/RECIPE.parquet")
    explore.add_argument(
        "--open", action="store_true", help="open it in embedding-atlas: pip install 'selfsup[explore]'"
    )
    explore.set_defaults(do=_explore)


def _explore(arguments: argparse.Namespace) -> Answer:
    import shlex
    import shutil
    import subprocess

    from components.errors import UserError
    from pipelines import recipe_folders
    from pipelines.explorer.table import page_command, write_explorer
    from pipelines.settings import Settings

    settings = Settings.load()
    recipe = recipe_folders.find(arguments.recipe, settings)
    if arguments.open and shutil.which("embedding-atlas") is None:
        raise UserError(
            "package-missing",
            "--open needs the command embedding-atlas: pip install 'selfsup[explore]', or open the table elsewhere",
        )
    file = write_explorer(recipe.name, settings, print, arguments.out)
    command = page_command(file)
    code = subprocess.run(command, check=False).returncode if arguments.open else 0
    value = {"recipe": recipe.name, "file": str(file), "command": command}
    return Answer(value, [f"map: {file}", f"open it with: {shlex.join(command)}"], code)
