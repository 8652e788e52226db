"""The commands that run the platform on one machine and say how it is."""

import argparse
from typing import Any

from pipelines.cli.answer import Answer

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
    status.set_defaults(do=_status)
    doctor = commands.add_parser(
        "doctor",
        help="check versions, rights, disks, databases, store, registry and data; and how to mend them",
    )
    doctor.set_defaults(do=_doctor)


def _runs(arguments: argparse.Namespace) -> Answer:
    from pipelines.engine import journal
    from pipelines.engine.run_list import page
    from pipelines.settings import Settings

    settings, limit = Settings.load(), arguments.limit or 1 << 62
    found = page(settings.home, settings.store, limit, arguments.before, arguments.recipe, arguments.state)
    lines = [line for shown in found for line in shown.lines] or [_none(arguments, settings.home)]
    before = found[0].run if len(found) == limit else None
    if before is not None:
        lines.append(f"earlier ones: selfsup runs --before {before}")
    made = [
        {
            "run": shown.run, "recipe": shown.recipe, "state": shown.state, "summary": shown.lines[0],
            "stages": [line.model_dump() for line in journal.stages(settings.home, shown.run)],
        }
        for shown in found
    ]  # fmt: skip
    return Answer({"runs": made, "before": before}, lines)


def _none(arguments: argparse.Namespace, home: object) -> str:
    if arguments.recipe or arguments.state or arguments.before:
        return "no such runs"
    return f"no runs in {home} yet; begin with: selfsup run RECIPE"


def _up(arguments: argparse.Namespace) -> Answer:
    from pipelines.operations.up import up
    from pipelines.settings import Settings

    settings = Settings.load()
    up(settings, print)
    ports = {
        "airflow": settings.airflow_port, "mlflow": settings.mlflow_port, "metrics": settings.metrics_port
    }  # fmt: skip
    return Answer({"up": True, **{name: f"http://127.0.0.1:{port}" for name, port in ports.items()}})


def _down(arguments: argparse.Namespace) -> Answer:
    from pipelines.operations.up import down
    from pipelines.settings import Settings

    down(Settings.load(), print)
    return Answer({"up": False})


def _status(arguments: argparse.Namespace) -> Answer:
    from pipelines.operations.figures import lines, status
    from pipelines.settings import Settings

    found = status(Settings.load())
    return Answer(found.model_dump(mode="json"), lines(found), 1 if found.wrong else 0)


def _doctor(arguments: argparse.Namespace) -> Answer:
    from pipelines.operations.doctor import examine
    from pipelines.settings import Settings

    lines, findings = [], []
    for finding in examine(Settings.load()):
        well = finding.mend is None
        findings.append({**finding._asdict(), "well": well})
        lines.append(f"{'ok   ' if well else 'WRONG'} {finding.what}: {finding.found}")
        lines += [] if well else [f"      {finding.mend}"]
    well = all(found["well"] for found in findings)
    return Answer({"well": well, "findings": findings}, lines, 0 if well else 1)
