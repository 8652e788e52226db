"""The commands that run the platform on one machine and say how it is."""

import argparse
from typing import Any

PAGE = 20  # runs


def add(commands: Any) -> None:
    """commands: what argparse's add_subparsers gives."""
    runs = commands.add_parser("runs", help="the latest runs and their stages")
    runs.add_argument("--recipe", default="", metavar="NAME", help="of this recipe alone")
    states = ("done", "failed", "open", "broken")
    runs.add_argument("--state", choices=states, default="", help="that are so alone")
    runs.add_argument(
        "--before", default="", metavar="RUN", help="a run or a day such as 20260131: earlier ones alone"
    )
    runs.add_argument("--limit", type=int, default=PAGE, help=f"runs at most (default {PAGE}); 0: all")
    runs.set_defaults(do=_runs)
    up = commands.add_parser("up", help="start Airflow and MLflow with their pages, on this machine")
    up.set_defaults(do=_up)
    down = commands.add_parser("down", help="end what `up` started")
    down.set_defaults(do=_down)
    status = commands.add_parser(
        "status", help="services, recipes, machine and backlog; exit code 1 if something is wrong"
    )
    status.add_argument("--json", action="store_true", help="as JSON")
    status.set_defaults(do=_status)
    doctor = commands.add_parser(
        "doctor",
        help="check versions, rights, disks, databases, store, registry and data; and how to mend them",
    )
    doctor.set_defaults(do=_doctor)


def _runs(arguments: argparse.Namespace) -> int:
    from pipelines.engine.run_list import page
    from pipelines.settings import Settings

    settings, limit = Settings.load(), arguments.limit or 1 << 62
    found = page(settings.home, settings.store, limit, arguments.before, arguments.recipe, arguments.state)
    print("\n".join(line for shown in found for line in shown.lines) or _none(arguments, settings.home))
    if len(found) == limit:
        print(f"earlier ones: selfsup runs --before {found[0].run}")
    return 0


def _none(arguments: argparse.Namespace, home: object) -> str:
    if arguments.recipe or arguments.state or arguments.before:
        return "no such runs"
    return f"no runs in {home} yet; begin with: selfsup run RECIPE"


def _up(arguments: argparse.Namespace) -> int:
    from pipelines.operations.up import up
    from pipelines.settings import Settings

    up(Settings.load(), print)
    return 0


def _down(arguments: argparse.Namespace) -> int:
    from pipelines.operations.up import down
    from pipelines.settings import Settings

    down(Settings.load(), print)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from pipelines.operations.figures import as_json, lines, status
    from pipelines.settings import Settings

    found = status(Settings.load())
    print(as_json(found) if arguments.json else "\n".join(lines(found)))
    return 1 if found.wrong else 0


def _doctor(arguments: argparse.Namespace) -> int:
    from pipelines.operations.doctor import examine
    from pipelines.settings import Settings

    well = True
    for finding in examine(Settings.load()):
        print(f"{'ok   ' if finding.mend is None else 'WRONG'} {finding.what}: {finding.found}")
        if finding.mend is not None:
            well = False
            print(f"      {finding.mend}")
    return 0 if well else 1
