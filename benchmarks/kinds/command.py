"""The command: python -m benchmarks.kinds packages | run | results."""

import argparse
import os
from pathlib import Path

from benchmarks.kinds.lines import FILE, read
from benchmarks.kinds.measure import COSTS, ROWS, cells, measure
from benchmarks.kinds.product import MINILM
from benchmarks.kinds.results import page, results
from benchmarks.kinds.sets import SETS
from benchmarks.unseen.packages import Package, default_folder, install_commands, missing
from pipelines.engine.code_digest import ROOT
from pipelines.registry.provenance import git_commit

PAGE = ROOT / "docs" / "kinds" / "benchmark.md"
PEERS = "SELFSUP_KINDS_PEERS"


def main() -> None:
    """Raises UserError with what the user can mend."""
    given = _parser().parse_args()
    folder = given.folder.absolute() if given.folder else default_folder("kinds")
    match given.command:
        case "packages":
            print("\n".join(packages(folder)))
        case "run":
            commit = git_commit(ROOT)
            code = given.code or (commit[:9] + commit[40:] if commit != "unknown" else commit)
            measure(cells(given.only, given.draws), folder, code, given.peers)
            print(results(read(folder / FILE), given.code))
        case _:
            lines = read(folder / FILE)
            print(results(lines, given.code))
            if given.write:
                PAGE.write_text(page(lines, given.code), encoding="utf-8")


def packages(folder: Path) -> list[str]:
    """What is missing, and the commands that get it; Debian's packages are unpacked, not installed."""
    needed = {**{name: one.packages for name, one in SETS.items()}, **COSTS, "minilm and weights": (MINILM,)}
    lacking = missing(tuple(package for some in needed.values() for package in some), folder)
    if not lacking:
        return ["all packages are there"]
    lines = [
        f"{name} needs {', '.join(package.name for package in some)}"
        for name, own in needed.items()
        if (some := missing(own, folder))
    ]
    others = install_commands([one for one in lacking if one.registry != "Debian"], folder)
    return [
        *lines,
        "get them with:",
        *others,
        *(_unpacked(one, folder) for one in lacking if one.registry == "Debian"),
    ]


def _unpacked(package: Package, folder: Path) -> str:
    place, name = folder / "debian", package.name
    return f"mkdir -p {place} && cd {place} && apt-get download {name} && dpkg-deb -x {name}_*.deb {place}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kinds", description=__doc__)
    parser.add_argument("--folder", type=Path, help="of the benchmark; default: kinds/ below SELFSUP_HOME")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("packages", help="print the missing packages and the commands that get them")
    run = commands.add_parser("run", help="measure the rows; resumes")
    run.add_argument("--only", action="append", default=[], metavar="ROW", help=f"one of: {', '.join(ROWS)}")
    run.add_argument(
        "--draws", "--seeds", type=int, default=5, choices=range(1, 11), metavar="N",
        help="of the labels, 1 to 10 (default 5)",
    )  # fmt: skip
    peers = os.environ.get(PEERS)
    run.add_argument(
        "--peers", type=Path, default=Path(peers) if peers else None,
        help=f"Python of an environment with TabPFN; default: {PEERS}",
    )  # fmt: skip
    shown = commands.add_parser("results", help="print the table of what was measured")
    shown.add_argument("--write", action="store_true", help="into docs/kinds/benchmark.md too")
    for command in (run, shown):
        command.add_argument("--code", help="label of the code that is measured; default: its commit")
    return parser
