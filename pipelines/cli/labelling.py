"""The command that serves the labelling page."""

import argparse
from typing import Any

PORT = 8290  # not that of Airflow, MLflow or Ray


def add(commands: Any) -> None:
    """commands: what argparse's add_subparsers gives."""
    label = commands.add_parser("label", help="label samples on a page, in the order that teaches most")
    label.add_argument("recipe", help="a YAML file, or the name of a recipe")
    label.add_argument(
        "--annotator",
        metavar="NAME",
        help="who labels: one page and one file for each; default: the login name",
    )
    label.add_argument(
        "--overlap",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="of the samples that every annotator is asked about, so that agreement can be measured (default 0.2)",
    )
    label.add_argument("--port", type=int, default=PORT, help=f"default {PORT}; 0: any that is free")
    label.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="to listen on; default 127.0.0.1: of this machine alone. The page is opened by its token in any case",
    )
    label.set_defaults(do=_label)


def _label(arguments: argparse.Namespace) -> int:
    from pipelines.labelling.server import serve
    from pipelines.settings import Settings

    serve(
        arguments.recipe,
        Settings.load(),
        lambda text: print(text, flush=True),
        annotator=arguments.annotator,
        host=arguments.host,
        port=arguments.port,
        overlap=arguments.overlap,
    )
    return 0
